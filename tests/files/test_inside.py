"""Protects what lies outside a run: no name of a stranger's file leads out of it, and no link or pipe in it does."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from snellen.errors import IdentityError, RunError
from snellen.files.inside import expect_own_files, inside

OUT = (
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    "C:x",
    "\\\\host\\x",
    "a\0b",
    "a\nb",
    "\x1b[2J",
    "x" * 5_000,
    "\ud800",
    "nul",
    "CON.json",
    "Com1",
    "a.",
    "a ",
)


@pytest.mark.parametrize("name", OUT)
def test_a_name_that_leaves_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(IdentityError) as caught:
        inside(tmp_path, "jobs", name)
    assert str(caught.value).isprintable()


def test_a_plain_name_is_one_thing_inside(tmp_path: Path) -> None:
    assert inside(tmp_path, "jobs", "0123ab", "naïve name+1.json") == tmp_path / "jobs" / "0123ab" / "naïve name+1.json"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights")
def test_links_out_are_refused_and_links_within_are_not(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "jobs").mkdir(parents=True)
    (run / "within").symlink_to(run / "jobs")
    assert inside(run, "within", "a") == run / "within" / "a"
    expect_own_files(run)
    (run / "jobs" / "a").symlink_to(tmp_path)
    with pytest.raises(IdentityError, match="a link that leaves its folder"):
        inside(run, "jobs", "a")
    with pytest.raises(RunError, match="jobs/a: a link that leaves the run"):
        expect_own_files(run)
    (run / "jobs" / "a").unlink()
    (run / "jobs" / "b").symlink_to("b")
    with pytest.raises(IdentityError):
        inside(run, "jobs", "b")


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_pipes_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match="pipe: not a plain file"):
        expect_own_files(tmp_path)
    (tmp_path / "pipe").unlink()
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(RunError, match="socket: not a plain file"):
            expect_own_files(tmp_path)


def test_a_run_may_itself_be_a_link_or_not_yet_there(tmp_path: Path) -> None:
    expect_own_files(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="not a folder"):
        expect_own_files(tmp_path / "file")
    if sys.platform != "win32":
        (tmp_path / "real" / "jobs").mkdir(parents=True)
        (tmp_path / "run").symlink_to(tmp_path / "real")
        expect_own_files(tmp_path / "run")
        assert inside(tmp_path / "run", "jobs").is_dir()


def test_folders_too_deep_to_walk_are_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 40)).mkdir(parents=True)
    with pytest.raises(RunError, match="folders too deep"):
        expect_own_files(tmp_path)
