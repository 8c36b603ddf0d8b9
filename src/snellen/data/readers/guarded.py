"""Files that only large C libraries can read, opened in a child process with limits of time and memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.child_process import ChildProcess
from snellen.data.readers.guarded_child import DIGEST_BYTES
from snellen.data.streams import check_dimensions, check_expansion, file_bytes, open_data, readable
from snellen.errors import DataError, located

START_SECONDS = 60.0
"""Seconds for starting Python and importing the library, which takes 0.3 s, or much longer from a network drive."""

ANSWER_SECONDS = 4.0
BYTES_A_SECOND = 2e7
"""Longest wait for an answer: these seconds, and the file's bytes at this rate; ten times slower than a slow disk."""

FAILURE_SECONDS = 10.0
"""Seconds for a child to end after it has closed its output, or written a line that is too long."""

TYPES = re.compile(r"[<>|=](b1|[iu][1248]|f[248]|S[1-9]\d{0,8})")
CHILD = "snellen.data.readers.guarded_child"
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS", "POLARS_ASYNC_THREAD_COUNT")
ENVIRONMENT = {**dict.fromkeys(ONE_THREAD, "1"), "MALLOC_ARENA_MAX": "1", "HDF5_PLUGIN_PRELOAD": "::"}
"""One thread and one arena, to save memory; no filter plugins, which a file could request."""

OUT_OF_MEMORY = re.compile(r"memory allocation of \d+ bytes failed")
"""The message of Rust before it ends the process."""


@dataclass(frozen=True)
class Declared:
    """Type and shape of an array, as its file declares them."""

    data_type: np.dtype
    shape: tuple[int, ...]


def _listed(line: bytes) -> dict[str, Declared]:
    """The arrays that a child lists. The child may have been taken over by its file, so its output is checked."""
    try:
        return {name: _declared(*each) for name, each in json.loads(line).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError("the library that reads it went astray", found=line) from error


def _declared(data_type: str, shape: list[int]) -> Declared:
    if not TYPES.fullmatch(data_type) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(data_type, shape)
    return Declared(np.dtype(data_type), tuple(shape))


class Guarded:
    """A file that a child process has open. arrays: the arrays in it, by name."""

    def __init__(self, child: ChildProcess, num_bytes: int) -> None:
        self.child = child
        self.file_bytes = num_bytes
        with child.deadline(START_SECONDS):
            self._line()
        with child.deadline(self.answer_seconds):
            self.arrays = _listed(self._line())

    @property
    def answer_seconds(self) -> float:
        """Longest wait for an answer of the child, which depends on the file's size."""
        return ANSWER_SECONDS + self.file_bytes / BYTES_A_SECOND

    def read(self, name: str) -> np.ndarray:
        """The values of an array. Raises DataError if the file is too small for what it declares."""
        declared = self.arrays[name]
        with located(name):
            check_dimensions(declared.shape)
            num_bytes = math.prod(declared.shape) * declared.data_type.itemsize
            check_expansion(num_bytes, self.file_bytes)
        return self._answer("values", name, num_bytes).view(declared.data_type).reshape(declared.shape)

    def read_bytes(self, name: str, num_bytes: int) -> np.ndarray:
        """(num_bytes,) uint8 of an array whose length is not listed. Raises DataError if it is longer than the file."""
        with located(name):
            check_expansion(num_bytes, self.file_bytes)
        return self._answer("values", name, num_bytes)

    def row_digests(self, name: str) -> np.ndarray:
        """(N,) 16-byte digests of the rows of an array."""
        return self._answer("digests", name, self.arrays[name].shape[0] * DIGEST_BYTES).view(f"S{DIGEST_BYTES}")

    def _answer(self, what: str, name: str, num_bytes: int) -> np.ndarray:
        content = np.empty(num_bytes, np.uint8)
        with self.child.deadline(self.answer_seconds):
            self.child.send([what, name])
            if not self.child.read_into(content.data):
                raise self._failure()
        return content

    def _line(self) -> bytes:
        line = self.child.read_line()
        if line is None:
            raise self._failure()
        return line

    def _failure(self) -> DataError:
        """The error that the child wrote before it ended, or how it ended."""
        code, text = self.child.wait(FAILURE_SECONDS)
        if self.child.expired:
            return DataError("takes too long to read", expected=f"less than {self.answer_seconds:.0f} s")
        try:
            described = json.loads(text.splitlines()[-1])
        except (ValueError, IndexError):
            if OUT_OF_MEMORY.search(text):
                return DataError("needs too much memory")
            return DataError("the library that reads it crashed", found=f"exit code {code}")
        places = described.pop("places", [])
        error = DataError(described.pop("problem"), **described)
        error.places += places
        return error


@contextmanager
def opened(kind: str, path: Path) -> Iterator[Guarded]:
    """The arrays of an HDF5, MATLAB v5 ("mat") or Parquet file. Raises DataError, also for hangs and crashes.

    kind: of the openers in child.py; "parquet_pictures" for a table that holds image files.
    """
    with located(path.name), readable(), open_data(path) as file:
        num_bytes = file_bytes(file)
    child = ChildProcess(CHILD, kind, str(path.resolve()), environment=ENVIRONMENT)
    with closing(child), located(path.name):
        yield Guarded(child, num_bytes)
