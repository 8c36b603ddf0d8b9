"""Fixtures that several folders of tests share: one small finished run, and copies of it to do harm to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from runs import run_small

from snellen.api import Run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of three networks on digits; to be read only."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNELLEN_RECORDS", str(folder / "records"))  # so that nobody opened this test before
        return run_small(folder / "run")


@pytest.fixture
def run_copy(small_run: Run, tmp_path: Path) -> Path:
    """The directory of a copy of that run, to change at will."""
    return Path(shutil.copytree(small_run.folder, tmp_path / "run"))


@pytest.fixture
def own_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of its own: the folder that holds this test's cache and records."""
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "user/cache"))
    monkeypatch.setenv("SNELLEN_RECORDS", str(tmp_path / "user/records"))
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    return tmp_path / "user"
