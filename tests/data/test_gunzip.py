"""Protects the reading of gzip files: what gzip writes, exactly; damage as an error; empty members in time."""

from __future__ import annotations

import gzip
import io
import zlib

import numpy as np
import pytest

from snellen.data.readers.gunzip import gunzip
from snellen.errors import DataError

CONTENT = np.random.default_rng(3).integers(0, 9, 300_000, np.uint8).tobytes() + bytes(10**6)
MEMBER = gzip.compress(CONTENT)


def read(stored: bytes) -> bytes:
    return gunzip(io.BytesIO(stored)).read()


@pytest.mark.parametrize("stored", [MEMBER, MEMBER * 3, MEMBER + bytes(99_999), MEMBER + bytes(9) + MEMBER])
def test_the_same_as_gzip(stored: bytes) -> None:
    assert read(stored) == gzip.decompress(stored)
    assert gunzip(io.BytesIO(stored)).read(7) == CONTENT[:7]


def test_a_name_and_a_comment_in_the_header() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile("a name", "wb", fileobj=buffer) as file:
        file.write(CONTENT)
    assert read(buffer.getvalue()) == CONTENT


def test_cuts_and_flips_are_noticed() -> None:
    random = np.random.default_rng(1)
    for place in [*range(30), *random.integers(len(MEMBER), size=40).tolist()]:
        with pytest.raises((EOFError, zlib.error)):
            read(MEMBER[:place])
    for place in [*random.integers(20, len(MEMBER), size=40).tolist(), len(MEMBER) - 1, len(MEMBER) - 5]:
        mutant = bytearray(MEMBER)
        mutant[place] ^= 8
        with pytest.raises((EOFError, zlib.error)):
            read(bytes(mutant))
    with pytest.raises(zlib.error):
        read(MEMBER + b"more")


def test_members_with_nearly_nothing_in_them() -> None:
    for member in (gzip.compress(b""), gzip.compress(b"x")):
        file = io.BytesIO(member * 10**6)
        with pytest.raises(DataError, match="too many nearly empty members"):
            gunzip(file).read()
        assert file.tell() < 2**20, "of 20 MB"
    blocks = b"".join(gzip.compress(bytes(2_000)) for _ in range(3_000))
    assert read(blocks) == bytes(2_000 * 3_000)
