"""Files that only large C libraries can read, opened in a child process with limits of time and memory.

Not `multiprocessing`: it would import the user's script again in the child, and run it where it has no main guard.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO, cast

import numpy as np

from snellen.data.readers.child import DIGEST_BYTES
from snellen.data.readers.streams import CHUNK_BYTES, check_dimensions, check_expansion, file_bytes, open_data, readable
from snellen.errors import DataError, located

START_SECONDS = 60.0
"""For starting Python and importing the library, which takes 0.3 s, or much longer from a network drive."""

ANSWER_SECONDS = 4.0
BYTES_A_SECOND = 2e7
"""Longest wait for an answer: these seconds, and the file's bytes at this rate; ten times slower than a slow disk."""

MAX_LINE_BYTES = 2**20
TYPES = re.compile(r"[<>|=](b1|[iu][1248]|f[248]|S[1-9]\d{0,8})")
CHILD = "snellen.data.readers.child"
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS", "POLARS_ASYNC_THREAD_COUNT")
ENVIRONMENT = {**dict.fromkeys(ONE_THREAD, "1"), "MALLOC_ARENA_MAX": "1", "HDF5_PLUGIN_PRELOAD": "::"}
"""One thread and one arena, for their memory; no filter plugins that a file could ask for."""

OUT_OF_MEMORY = re.compile(r"memory allocation of \d+ bytes failed")
"""What Rust says before it ends the process."""


@dataclass(frozen=True)
class Declared:
    """Type and shape of an array, as its file declares them."""

    data_type: np.dtype
    shape: tuple[int, ...]


def _listed(line: bytes) -> dict[str, Declared]:
    """The arrays that a child lists. It may have been taken over by its file: nothing that it says is believed."""
    try:
        return {name: _declared(*each) for name, each in json.loads(line).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError("the library that reads it went astray", found=line) from error


def _declared(data_type: str, shape: list[int]) -> Declared:
    if not TYPES.fullmatch(data_type) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(data_type, shape)
    return Declared(np.dtype(data_type), tuple(shape))


class Guarded:
    """A file that a child process has open. arrays: what is in it, by name."""

    def __init__(self, process: subprocess.Popen[bytes], num_bytes: int) -> None:
        self.process = process
        self.file_bytes = num_bytes
        self.expired = False
        with self.within(START_SECONDS):
            self._line()
        with self.within(self.answer_seconds):
            self.arrays = _listed(self._line())

    @property
    def answer_seconds(self) -> float:
        """Longest wait for an answer of the child; reading is given time by the file's size."""
        return ANSWER_SECONDS + self.file_bytes / BYTES_A_SECOND

    def read(self, name: str) -> np.ndarray:
        """The values of an array. Raises DataError when the file cannot hold what it declares."""
        declared = self.arrays[name]
        with located(name):
            check_dimensions(declared.shape)
            num_bytes = math.prod(declared.shape) * declared.data_type.itemsize
            check_expansion(num_bytes, self.file_bytes)
        return self._ask("values", name, num_bytes).view(declared.data_type).reshape(declared.shape)

    def row_digests(self, name: str) -> np.ndarray:
        """(N,) 16-byte digests of the rows of an array."""
        return self._ask("digests", name, self.arrays[name].shape[0] * DIGEST_BYTES).view(f"S{DIGEST_BYTES}")

    def _ask(self, what: str, name: str, num_bytes: int) -> np.ndarray:
        with self.within(self.answer_seconds):
            with suppress(OSError):  # ended: what it said is read below
                stdin = cast(IO[bytes], self.process.stdin)
                stdin.write(f"{json.dumps([what, name])}\n".encode())
            return self._take(num_bytes)

    def _take(self, num_bytes: int) -> np.ndarray:
        content, filled = np.empty(num_bytes, np.uint8), 0
        while filled < num_bytes:
            chunk = cast(IO[bytes], self.process.stdout).read(min(CHUNK_BYTES, num_bytes - filled))
            if not chunk:
                raise self._failure()
            content[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
            filled += len(chunk)
        return content

    def _line(self) -> bytes:
        line = cast(IO[bytes], self.process.stdout).readline(MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise self._failure()
        return line

    def _failure(self) -> DataError:
        """What the child said before it ended, or how it ended."""
        complaint = cast(IO[bytes], self.process.stderr).read().decode("utf-8", "replace")
        code = self.process.wait()
        if self.expired:
            return DataError("takes too long to read", expected=f"less than {self.answer_seconds:.0f} s")
        try:
            said = json.loads(complaint.splitlines()[-1])
        except (ValueError, IndexError):
            if OUT_OF_MEMORY.search(complaint):
                return DataError("needs too much memory")
            return DataError("the library that reads it crashed", found=f"exit code {code}")
        places = said.pop("places", [])
        error = DataError(said.pop("problem"), **said)
        error.places += places
        return error

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Ends the child when the block takes longer; whoever waits for it then sees its pipe closed."""
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        self.process.kill()


@contextmanager
def opened(kind: str, path: Path) -> Iterator[Guarded]:
    """The arrays of an HDF5, MATLAB v5 ("mat") or Parquet file. Raises DataError, also for hangs and crashes."""
    with located(path.name), readable(), open_data(path) as file:
        num_bytes = file_bytes(file)
    command = [sys.executable, "-P", "-X", "utf8", "-m", CHILD, kind, str(path.resolve())]
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        try:
            with located(path.name):
                yield Guarded(process, num_bytes)
        finally:
            process.kill()
