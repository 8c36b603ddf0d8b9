"""Protects identities: jobs, caches and checkpoints are found again by these values, on every machine and for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from snellen.files import hashing

VALUE = {"b": [1, 2.5, None, True, "é\u2028"], "a": {"z": 1e-7, "y": -0.0}}
TEXT = '{"a":{"y":-0.0,"z":1e-07},"b":[1,2.5,null,true,"é\u2028"]}'


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_canonical_json_is_pinned() -> None:
    assert hashing.canonical_json(VALUE) == TEXT.encode()
    assert hashing.identity(VALUE) == sha256(TEXT.encode())
    assert hashing.identity({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with pytest.raises(ValueError, match="JSON compliant"):
        hashing.identity(float("nan"))


def test_order_of_keys_does_not_count_but_types_do() -> None:
    assert hashing.identity({"a": 1, "b": 2}) == hashing.identity({"b": 2, "a": 1})
    assert len({hashing.identity(value) for value in (1, 1.0, "1", True, [1], None)}) == 6


def test_digest_of_parts_is_pinned() -> None:
    assert hashing.digest(b"ab", b"") == sha256(b"\2\0\0\0\0\0\0\0ab" + bytes(8))
    assert len({hashing.digest(*parts) for parts in ([], [b""], [b"ab"], [b"a", b"b"], [b"", b"ab"])}) == 5


def test_digest_of_arrays_is_pinned() -> None:
    array = np.array([[1, 2], [3, 4]], "<i8")
    assert hashing.digest_arrays(array) == sha256(b"<i8(2, 2)" + array.tobytes())
    assert hashing.digest_arrays(array, array) == sha256((b"<i8(2, 2)" + array.tobytes()) * 2)
    others = [array.T, array.ravel(), array.astype("<i4"), array.astype("<u8"), array[:1], array + 1]
    assert len({hashing.digest_arrays(other) for other in (array, *others)}) == 7


def test_how_an_array_lies_in_memory_does_not_count(tmp_path: Path) -> None:
    array = np.arange(3 * 2**18, dtype=np.float64).reshape(-1, 3)
    expected = sha256(b"<f8(262144, 3)" + array.tobytes())
    np.save(tmp_path / "x.npy", array)
    for same in (array, np.asfortranarray(array), np.repeat(array, 2, 0)[::2], np.load(tmp_path / "x.npy", "r")):
        assert hashing.digest_arrays(same) == expected


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 0), (1,)])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    array = np.ones(shape)
    assert hashing.digest_arrays(array) == sha256(f"<f8{shape}".encode() + array.tobytes())


def test_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert hashing.digest_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
