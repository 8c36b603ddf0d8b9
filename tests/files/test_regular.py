"""Protects readers from what is no file: a named pipe, a socket, a device or a folder is refused, and nobody waits."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from snellen.errors import BundleError, DataError
from snellen.files.regular import open_regular

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def test_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\r\n\x1ab")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"a\r\n\x1ab"
    if sys.platform != "win32":
        (tmp_path / "link").symlink_to(tmp_path / "a")
        with open_regular(tmp_path / "link") as file:
            assert file.read(1) == b"a"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a regular file; found a folder"):
        open_regular(tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


@posix
def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file; found a named pipe"):
        open_regular(tmp_path / "pipe")


@posix
def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(DataError, match="found a socket"):
            open_regular(Path("s"))


@posix
def test_a_device_in_the_words_of_the_caller() -> None:
    with pytest.raises(BundleError, match="found a device"):
        open_regular(Path("/dev/zero"), BundleError)


@posix
def test_what_is_exchanged_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    honest = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda path: honest)
    handles = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(DataError, match="found a named pipe"):
        open_regular(tmp_path / "pipe")
    assert len(list(Path("/dev/fd").iterdir())) == handles
