"""Protects a run directory from two processes at once, and from the locks of dead ones."""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import children
import pytest

from snellen.errors import RunLocked, StorageError
from snellen.files.locks import exclusive

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


def hold(folder: Path, pipe: Connection) -> None:
    with exclusive(folder):
        pipe.send("held")
        pipe.recv()


@needs_posix
@pytest.mark.timeout(20)
def test_the_second_is_refused_at_once_until_the_first_dies(tmp_path: Path) -> None:
    pipe, far = multiprocessing.Pipe()
    holder = children.start(hold, tmp_path, far)
    assert pipe.recv() == "held"
    with pytest.raises(RunLocked, match=rf"process {holder.pid} on {platform.node()}, since 20.*--out"):
        exclusive(tmp_path).__enter__()
    holder.kill()
    holder.join()
    assert (tmp_path / ".holder.json").exists(), "the dead process took its name with it"
    with exclusive(tmp_path):
        assert f'"pid": {os.getpid()},' in (tmp_path / ".holder.json").read_text()
    assert not (tmp_path / ".holder.json").exists()


def test_it_is_free_again_however_the_block_ends(tmp_path: Path) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), exclusive(tmp_path / "new/folder"):
            raise error
    with exclusive(tmp_path / "new/folder"):
        pass


def test_it_is_free_again_when_the_name_of_the_holder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows does not remove a file that another process reads."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch, exclusive(tmp_path):
        patch.setattr(Path, "unlink", refuse)
    with exclusive(tmp_path):
        pass


def test_a_holder_that_cannot_be_read_is_no_excuse(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        for text in ("", "[]", '{"pid": 1}'):
            (tmp_path / ".holder.json").write_text(text)
            with pytest.raises(RunLocked, match="a process that has just started"):
                exclusive(tmp_path).__enter__()


def test_a_place_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"file: cannot write"):
        exclusive(tmp_path / "file").__enter__()
