"""Protects the one place that skips: what is missing is skipped by name, and fails where it must be there."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from needs import DATA, TOOLS, is_required, missing, require

TESTS = sorted(Path(__file__).parent.rglob("*.py"))
SYSTEMS = ("sys.platform", "geteuid")
"""What a skipif may look at: the operating system, for that cannot be installed."""


def test_what_is_missing_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNELLEN_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs the package no_such_package: pip install"):
        require("no_such_package")


@pytest.mark.parametrize("value", ["no_such_package", "packages", "all", "browser, packages"])
def test_what_must_be_there_fails(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_REQUIRE", value)
    with pytest.raises(pytest.fail.Exception, match=r"needs the package no_such_package.*SNELLEN_REQUIRE is "):
        require("no_such_package")


@pytest.mark.parametrize("value", ["", "tools,data", "another_package"])
def test_others_are_not_required(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_REQUIRE", value)
    assert not is_required("no_such_package")


def test_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"tools": "browser", "data": "mnist", "packages": "numpy"}
    for group in names:
        monkeypatch.setenv("SNELLEN_REQUIRE", group)
        assert [other for other, name in names.items() if is_required(name)] == [group]


def test_what_is_here_is_not_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    monkeypatch.setattr("needs.REAL_DATA", tmp_path)
    assert missing("numpy") is None and missing("mnist") is None
    assert [name for name in DATA if missing(name)] == [name for name in DATA if name != "mnist"]
    assert all(sentence.startswith("needs ") for _, sentence in TOOLS.values())


MARKED = """
import pytest
from needs import needs

@pytest.fixture
def costly():
    raise AssertionError("made for nothing")

@needs("numpy", "no_such_package")
def test_one(costly):
    pass

@needs("numpy")
def test_other():
    pass
"""


@pytest.mark.parametrize(("required", "outcome"), [("", "1 passed, 1 skipped"), ("packages", "1 passed, 1 error")])
def test_a_mark_requires_before_the_fixtures_are_made(required: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "test_marked.py").write_text(MARKED, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = needs\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "SNELLEN_REQUIRE": required}
    command = [sys.executable, "-m", "pytest", "-p", "needs", "-p", "no:cacheprovider", "-rs", str(tmp_path)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert outcome in done.stdout and "needs the package no_such_package" in done.stdout
    assert "made for nothing" not in done.stdout


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_nothing_else_skips_for_want_of_something(path: Path) -> None:
    """A skip for a combination that makes no sense, or for an operating system, is no loss of tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "importorskip" not in ast.unparse(tree) or path.name == Path(__file__).name
    for call in calls:
        if ast.unparse(call.func) == "pytest.mark.skipif":
            assert any(system in ast.unparse(call.args[0]) for system in SYSTEMS), ast.unparse(call)
