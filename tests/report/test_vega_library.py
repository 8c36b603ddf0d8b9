"""Protects the library in a page: bundled once a version, by a process of its own while a run prepares."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import vl_convert

from snellen.child_process import ChildProcess
from snellen.report.figures import vega_library


@pytest.fixture
def without_vl_convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and this process cannot bundle."""
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path))
    monkeypatch.setattr(sys.modules["vl_convert"], "javascript_bundle", None)
    return tmp_path


def test_the_library_is_bundled_once_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path))
    first = vega_library.javascript()
    monkeypatch.setattr(vl_convert, "javascript_bundle", None)
    assert vega_library.javascript() == first
    assert "window.vegaEmbed=" in first and "</script" not in first and "<!--" not in first


def test_another_process_bundles_it_meanwhile(without_vl_convert: Path) -> None:
    with vega_library.bundled_meanwhile():
        assert not list(without_vl_convert.rglob("bundle.js"))
    assert "window.vegaEmbed=" in vega_library.javascript()


def test_no_process_is_left_when_the_block_fails(without_vl_convert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[ChildProcess] = []

    def noted(module: str, *, environment: dict[str, str]) -> ChildProcess:
        started.append(ChildProcess(module, environment=environment))
        return started[-1]

    monkeypatch.setattr(vega_library, "ChildProcess", noted)
    with pytest.raises(ValueError, match="no data"), vega_library.bundled_meanwhile():
        raise ValueError("no data")
    assert len(started) == 1 and started[0].wait()[0] != 0


def test_nothing_is_started_where_it_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    vega_library.javascript()
    monkeypatch.setattr(vega_library, "ChildProcess", None)
    with vega_library.bundled_meanwhile():
        pass
