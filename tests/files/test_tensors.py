"""Protects stored arrays: exact round trips, equal bytes for equal arrays, damage that is noticed or harmless."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from snellen.errors import IdentityError
from snellen.files import tensors

ARRAYS: dict[str, np.ndarray] = {
    "a:b/ä": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "scalar": np.array(3, np.int64),
    "empty": np.zeros((0, 4), np.float64),
    "bytes": np.arange(5, dtype=np.uint8)[::2],
    "bits": np.array([np.nan, -0.0, np.inf, 1e-45], np.float32),
    "bool": np.array([True, False]),
}
METADATA = {"job": "1", "é": "ü", "role": "test", "a": "b"}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype), name
        assert found[name].tobytes() == array.tobytes(), name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tensors.save(tmp_path / "x.safetensors", ARRAYS, METADATA)
    return tmp_path / "x.safetensors"


def test_what_is_saved_is_loaded(path: Path) -> None:
    arrays, metadata = tensors.load(path)
    assert_same(arrays, ARRAYS)
    assert metadata == METADATA
    assert_same(tensors.unpack(path.read_bytes()), ARRAYS)


def test_the_reference_implementation_reads_it(path: Path) -> None:
    assert_same(safetensors.numpy.load(path.read_bytes()), ARRAYS)


def test_equal_arrays_are_equal_bytes(path: Path, tmp_path: Path) -> None:
    for _ in range(8):
        tensors.save(tmp_path / "y", {name: array.copy() for name, array in ARRAYS.items()}, dict(METADATA))
        assert (tmp_path / "y").read_bytes() == path.read_bytes()


def test_loaded_arrays_are_ours_to_change(path: Path) -> None:
    for arrays in (tensors.load(path)[0], tensors.unpack(path.read_bytes())):
        arrays["bytes"][0] = 9
    assert_same(tensors.load(path)[0], ARRAYS)


def test_an_absent_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tensors.load(tmp_path / "absent")


def test_every_truncation_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(IdentityError, match=r"x.safetensors: not a whole safetensors file"):
            tensors.load(path)
        with pytest.raises(IdentityError, match="not a whole safetensors file"):
            tensors.unpack(content[:size])


def test_damage_gives_arrays_or_an_identity_error_and_nothing_else(path: Path) -> None:
    content, random = path.read_bytes(), np.random.default_rng(3)
    header = 8 + int.from_bytes(content[:8], "little")
    refused = 0
    for index in (*range(header), *random.integers(header, len(content), 20).tolist()):
        mutant = bytearray(content)
        mutant[index] ^= 1 << int(random.integers(8))
        path.write_bytes(mutant)
        for load in (lambda _: tensors.load(path)[0], tensors.unpack):
            try:
                load(bytes(mutant))
            except IdentityError:
                refused += 1
    assert refused > header


def test_an_array_file_is_numpys(tmp_path: Path) -> None:
    for name, array in ARRAYS.items():
        tensors.save_npy(tmp_path / "x.npy", array)
        assert_same({name: np.load(tmp_path / "x.npy", allow_pickle=False)}, {name: array})
    np.save(tmp_path / "y.npy", ARRAYS["a:b/ä"].copy("C"))
    tensors.save_npy(tmp_path / "x.npy", ARRAYS["a:b/ä"].copy("C"))
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "y.npy").read_bytes()


def test_more_dimensions_than_numpy_has_are_damage() -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 4]}}).encode()
    with pytest.raises(IdentityError, match="not a whole safetensors file"):
        tensors.unpack(len(header).to_bytes(8, "little") + header + bytes(4))
