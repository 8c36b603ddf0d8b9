"""Protects the child process: whatever happens in it, one DataError here, in time; the limits are real."""

from __future__ import annotations

import sys
from pathlib import Path

import data_cases as cases
import pytest

from snellen.data.load import read
from snellen.data.readers import guarded
from snellen.data.readers.hdf5 import unions
from snellen.errors import DataError

ONE_ARRAY = 'print(json.dumps({"X_train": ["|u1", [12, 5, 4]], "y_train": ["|u1", [12]]}), flush=True)'
HANG = "threading.Event().wait()"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(guarded, "CHILD", "fake_child")
    return cases.write_hdf5(tmp_path / "a")


def pretend(file: Path, *lines: str) -> None:
    """Puts a program in the place of the child: it says that it is ready, then does `lines`."""
    start = ["import json, os, sys, threading", 'print("ready", flush=True)']
    (file.parent / "fake_child.py").write_text("\n".join([*start, *lines]))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("lines", [[HANG], [ONE_ARRAY, HANG]])
def test_a_hang_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setattr(guarded, "ANSWER_SECONDS", 0.3)
    pretend(file, *lines)
    with pytest.raises(DataError, match=r"a.h5: .*takes too long to read; expected less than"):
        read(file)


@pytest.mark.parametrize("lines", [["os.abort()"], [ONE_ARRAY, "input()", "os.abort()"], [ONE_ARRAY, "sys.exit(7)"]])
def test_a_crash_is_an_error(file: Path, lines: list[str]) -> None:
    pretend(file, *lines)
    with pytest.raises(DataError, match=r"a.h5: .*the library that reads it crashed; found exit code"):
        read(file)


@pytest.mark.parametrize(
    "declared",
    ["[", "{}", '{"X_train": 3}', '{"X_train": ["O", [3]]}', '{"X_train": ["|u1", "x"]}', '{"X": ["|u1", [-1]]}'],
)
def test_lies_of_a_child_are_not_believed(file: Path, declared: str) -> None:
    pretend(file, f"print({declared!r}, flush=True)", "input()")
    with pytest.raises(DataError, match=r"a.h5"):
        read(file)


def test_a_child_that_promises_a_tebibyte(file: Path) -> None:
    pretend(file, ONE_ARRAY.replace("[12, 5, 4]", "[4194304, 512, 512]"), "input()")
    with pytest.raises(DataError, match=r"X_train: declares implausibly much data"):
        read(file)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux caps the address space")
def test_memory_is_limited(file: Path) -> None:
    lines = [
        "from snellen.data.readers.guarded_child import MEMORY_BYTES, describe, limit_memory",
        "limit_memory(MEMORY_BYTES)",
    ]
    attempt = [
        "try: bytearray(MEMORY_BYTES)",
        "except MemoryError as error: print(json.dumps(describe(error)), file=sys.stderr)",
    ]
    pretend(file, *lines, *attempt)
    with pytest.raises(DataError, match=r"a.h5: needs too much memory; expected less than 536,870,912 bytes"):
        unions(file)


def test_the_users_script_is_not_run_again(tmp_path: Path) -> None:
    """A script without a main guard reads a file; a spawned `multiprocessing` child would run it again."""
    import subprocess

    path = cases.write_hdf5(tmp_path / "a")
    script = tmp_path / "script.py"
    script.write_text(f"print('once')\nfrom snellen.data.load import read\nprint(len(read({str(path)!r})))\n")
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["once", "18"]


def test_modules_of_the_working_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cases.write_hdf5(tmp_path / "a")
    (tmp_path / "h5py.py").write_text("open('sprung', 'w')")
    monkeypatch.chdir(tmp_path)
    assert len(read(path)) == 18 and not (tmp_path / "sprung").exists()
