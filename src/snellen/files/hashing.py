"""Identities: hashes of canonical JSON, of arrays and of files."""

from __future__ import annotations

import hashlib
import json
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from snellen.files.inside import expect_file


def canonical_json(value: Any) -> bytes:
    """`value` as canonical JSON, the same text for equal values: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(*parts: bytes) -> str:
    """SHA-256 in hex over the parts, each preceded by its length, so that boundaries count."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def identity(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def digest_arrays(*arrays: np.ndarray) -> str:
    """SHA-256 over dtype, shape and C-order bytes of each array. Reads memory-mapped arrays in slices."""
    state = hashlib.sha256()
    for array in arrays:
        state.update(f"{array.dtype.str}{array.shape}".encode())
        rows = np.atleast_1d(array)
        step = max(1, 2**24 // max(1, rows[:1].nbytes))
        for start in range(0, len(rows), step):
            state.update(rows[start : start + step].tobytes())
    return state.hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises IdentityError for a folder or a pipe."""
    expect_file(path)
    with open(path, "rb") as file:
        return digest_stream(file)


def md5_file(path: Path) -> str:
    """MD5 of a file's bytes, in hex, for files whose publisher gives no better hash. Raises as `digest_file` does."""
    expect_file(path)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def digest_stream(file: BufferedReader) -> str:
    """SHA-256 of the rest of an open file, in hex."""
    return hashlib.file_digest(file, "sha256").hexdigest()
