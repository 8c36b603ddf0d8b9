"""Protects the promise that a file is its old or its whole new content: power cuts, full disks, no permission."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from failing_disk import PowerCut, cut_after, full_after

from snellen.errors import DataNotFound, StorageError
from snellen.files import atomic, tensors
from snellen.files.stored import read_json

OLD, NEW = b"old content", bytes(range(256)) * 40
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits and permissions")


def save_new(path: Path) -> None:
    atomic.write_bytes(path, NEW)


def save_array(path: Path) -> None:
    tensors.save(path, {"x": np.arange(2000.0)}, {"job": "1"})


def save_streamed(path: Path) -> None:
    with atomic.replacing(path) as file:
        for start in range(0, len(NEW), 100):
            file.write(NEW[start : start + 100])


WRITERS = {
    "bytes": save_new,
    "text": lambda path: atomic.write_text(path, "äöü\n" * 999),
    "json": lambda path: atomic.write_json(path, list(range(999))),
    "tensors": save_array,
    "npy": lambda path: tensors.save_npy(path, np.arange(2000.0)),
    "streamed": save_streamed,
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@every_writer
@pytest.mark.parametrize("old", [None, OLD], ids=["absent before", "there before"])
def test_every_prefix_of_a_save_is_the_old_or_the_new_file(
    tmp_path: Path, write: Callable[[Path], None], old: bytes | None
) -> None:
    write(tmp_path / "whole")
    new = (tmp_path / "whole").read_bytes()
    seen = set()
    for operations in count():
        path = tmp_path / str(operations) / "file"
        path.parent.mkdir()
        if old is not None:
            path.write_bytes(old)
        with cut_after(operations) as done:
            try:
                write(path)
                break
            except PowerCut:
                seen.add(path.read_bytes() if path.exists() else None)
    assert seen == {old, new}
    assert [name for name in done if name != "mkdir"][:3] == ["open", "fsync", "replace"]
    assert done.count("fsync") == (1 if os.name == "nt" else 2), "the folder's own entry is not durable"
    assert list(files_in(path.parent)) == ["file"]


def room_positions(size: int) -> list[int]:
    return sorted({0, 1, size - 1, *np.linspace(0, size - 1, 64).astype(int).tolist()})


@every_writer
def test_a_full_disk_changes_nothing_and_is_told(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    write(path)
    size = path.stat().st_size
    path.write_bytes(OLD)
    for room in room_positions(size):
        with full_after(room), pytest.raises(StorageError, match=r"the disk is full.* bytes free") as caught:
            write(path)
        assert str(path) in str(caught.value)
        assert write is save_streamed or re.search(r"expected [1-9][\d,]+ bytes", str(caught.value))
        assert files_in(tmp_path) == {"file": OLD}
    with full_after(size):
        write(path)
    assert path.read_bytes() != OLD


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from snellen.errors import StorageError
from snellen.files.atomic import write_bytes
from snellen.files.tensors import save_npy
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
write = {"bytes": lambda path: write_bytes(path, bytes(9000)),
         "npy": lambda path: save_npy(path, np.zeros(9000, np.uint8))}[sys.argv[1]]
for limit in range(0, 9000, 600):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write(Path(sys.argv[2]))
    except StorageError as error:
        print(error)
"""


@needs_posix
@pytest.mark.parametrize("write", ["bytes", "npy"])
def test_the_systems_own_refusal_changes_nothing(
    tmp_path: Path, run_script: Callable[..., tuple[int, str]], write: str
) -> None:
    """RLIMIT_FSIZE instead of a patched file: the real write fails. NumPy's own way to a file hides some of these."""
    path = tmp_path / "file"
    path.write_bytes(OLD)
    code, output = run_script(LIMITED, write, path)
    assert (code, output.count(f"{path}: cannot write: File too large")) == (0, 15)
    assert files_in(tmp_path) == {"file": OLD}


@needs_posix
@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_no_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match=r"file: cannot write: Permission denied"):
        save_new(tmp_path / "file")


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(OLD)
    with pytest.raises(StorageError, match="cannot write"):
        save_new(tmp_path / "plain" / "file")
    assert files_in(tmp_path) == {"plain": OLD}


def test_a_full_disk_on_which_no_folder_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(StorageError, match="the disk is full"):
        save_new(tmp_path / "a/b/file")


def test_an_error_of_the_caller_passes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    for error in (ValueError("mine"), DataNotFound("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, atomic.replacing(tmp_path / "file") as file:
            file.write(NEW)
            raise error
        assert caught.value is error
        assert files_in(tmp_path) == {"file": OLD}


def test_json_is_exact_and_readable(tmp_path: Path) -> None:
    value = {"é": [0.1 + 0.2, 1e-300, None, True, "\u2028"]}
    atomic.write_json(tmp_path / "file", value)
    assert read_json(tmp_path / "file") == value
    assert (tmp_path / "file").read_bytes().count(b"\r") == 0
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(tmp_path / "file", float("nan"))
    assert read_json(tmp_path / "file") == value


def test_a_move_cut_off_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    contents = {"a": b"1", "b": b"2", "sub/c": b"3"}
    for operations in count():
        folder = tmp_path / str(operations)
        for name, content in contents.items():
            atomic.write_bytes(folder / name, content)
        target, sources = folder / "history/1", [folder / name for name in ("a", "absent", "b", "sub")]
        try:
            with cut_after(operations):
                atomic.move_into(target, sources)
            break
        except PowerCut:
            assert target.exists() <= (files_in(target) == contents), "appeared before all was in it"
        if not target.exists():
            atomic.move_into(target, sources)
        assert not atomic.partly_moved(target)
        assert files_in(target) == contents == {k.removeprefix("history/1/"): v for k, v in files_in(folder).items()}
    assert operations > 5


def test_a_move_cut_off_is_noticed(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "a", OLD)
    atomic.write_bytes(tmp_path / "b", OLD)
    with pytest.raises(PowerCut), cut_after(4):
        atomic.move_into(tmp_path / "1", [tmp_path / "a", tmp_path / "b"])
    assert atomic.partly_moved(tmp_path / "1")


def test_leftovers_of_killed_writers_go(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "sub/file", OLD)
    with pytest.raises(PowerCut), cut_after(3):
        atomic.write_bytes(tmp_path / "sub/file", NEW)
    assert len(files_in(tmp_path)) == 2
    atomic.remove_leftovers(tmp_path)
    assert files_in(tmp_path) == {"sub/file": OLD}
