"""Data files and streams that must hold exactly the bytes they declare; errors name the byte offset."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO

import numpy as np

from snellen.errors import DataError, SnellenError, located
from snellen.files.regular import open_regular
from snellen.limits import MAX_EXPANSION, MAX_FILE_BYTES, MAX_IMAGES, MAX_SIDE_PIXELS, SMALL_BYTES

CHUNK_BYTES = 2**20

DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, struct.error, ValueError, RuntimeError)
"""The exceptions of the standard library for damaged gzip and zip files, and for files that cannot be opened."""


@contextmanager
def readable() -> Iterator[None]:
    """Turns the standard library's errors for damaged or forbidden files into DataError."""
    try:
        yield
    except SnellenError:
        raise
    except DAMAGE as error:
        raise DataError(f"cannot be read: {error}") from error


@contextmanager
def reachable() -> Iterator[None]:
    """Turns the system's errors for paths that are too long, forbidden or circular into DataError."""
    try:
        yield
    except SnellenError:
        raise
    except OSError as error:
        raise DataError(f"cannot be reached: {error.strerror or error}") from error


def exists(path: Path) -> bool:
    """Whether the path exists. Raises DataError for a path that the system cannot follow."""
    with located(str(path)), reachable():
        return path.exists()


def open_data(path: Path, max_bytes: int = MAX_FILE_BYTES) -> BufferedReader:
    """Opens a data file for reading bytes. Raises DataError unless it is regular, not too large and not sparse."""
    file = open_regular(path)
    try:
        _check_size(os.fstat(file.fileno()), max_bytes)
    except BaseException:
        file.close()
        raise
    return file


def file_bytes(file: BufferedReader) -> int:
    """The length of an open file."""
    return os.fstat(file.fileno()).st_size


def _check_size(status: os.stat_result, max_bytes: int) -> None:
    if status.st_size > max_bytes:
        raise DataError("file too large", found=f"{status.st_size:,} bytes", expected=f"at most {max_bytes:,}")
    on_disk = 512 * getattr(status, "st_blocks", 0)
    if on_disk:  # 0 on some network drives
        check_expansion(status.st_size, on_disk)


def take(stream: IO[bytes], num_bytes: int, offset: int = 0) -> bytes:
    """The next `num_bytes` of a header, which start at byte `offset`. Raises DataError if the stream ends before."""
    content = stream.read(num_bytes)
    if len(content) < num_bytes:
        found, expected = f"{len(content):,} bytes", f"{num_bytes:,} bytes"
        raise DataError("the header ends early", found=found, expected=expected, where=f"byte {offset + len(content)}")
    return content


def take_rest(stream: IO[bytes], num_bytes: int, offset: int) -> np.ndarray:
    """(num_bytes,) uint8: the rest of a stream from byte `offset` on, read in chunks.

    Raises DataError if there are fewer or more bytes. It allocates `num_bytes`: call `check_length` or
    `check_expansion` before.
    """
    content = np.empty(num_bytes, np.uint8)
    filled = 0
    while filled < num_bytes:
        chunk = stream.read(min(CHUNK_BYTES, num_bytes - filled))
        if not chunk:
            raise _wrong_length(f"{filled:,} bytes of data", num_bytes, offset + filled)
        content[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
        filled += len(chunk)
    if stream.read(1):
        raise _wrong_length("more", num_bytes, offset + num_bytes)
    return content


def check_length(length: int, expected: int, offset: int) -> None:
    """Raises DataError unless a file has `expected` bytes after a header of `offset` bytes."""
    if length != expected:
        raise _wrong_length(f"{length:,} bytes of data", expected, offset + min(length, expected))


def check_expansion(num_bytes: int, stored_bytes: int) -> None:
    """Raises DataError, before memory is allocated, if the declared size is implausible for the stored bytes."""
    if num_bytes > max(SMALL_BYTES, MAX_EXPANSION * stored_bytes):
        raise DataError(
            "declares implausibly much data",
            found=f"{num_bytes:,} bytes from {stored_bytes:,} stored",
            expected=f"at most {MAX_EXPANSION} times what is stored",
            hint="If the images really are that uniform, store them uncompressed.",
        )


def check_dimensions(shape: Sequence[int]) -> None:
    """Raises DataError for an (N, ...) shape beyond the limits for data sets of small images."""
    if shape and shape[0] > MAX_IMAGES:
        raise DataError("too many rows declared", found=f"{shape[0]:,}", expected=f"at most {MAX_IMAGES:,}")
    if math.prod(shape[1:]) > 4 * MAX_SIDE_PIXELS**2:
        raise DataError("rows too large", found=f"shape {tuple(shape)}", expected=f"sides up to {MAX_SIDE_PIXELS}")


def _wrong_length(length: str, expected: int, offset: int) -> DataError:
    problem = "too many bytes" if length == "more" else "the length is not the declared one"
    return DataError(problem, found=length, expected=f"{expected:,} bytes of data", where=f"byte {offset}")
