"""Small data sets in every format that Snellen reads, written by NumPy and the standard library, not by Snellen."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from snellen.data.arrays import from_arrays
from snellen.data.dataset import Dataset

REAL = Path(os.environ.get("SNELLEN_DATA", "absent"))
needs_mnist = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="SNELLEN_DATA has no mnist")

RANDOM = np.random.default_rng(7)
IMAGES, TEST_IMAGES = (RANDOM.integers(0, 256, (rows, 5, 4), dtype=np.uint8) for rows in (12, 6))
LABELS, TEST_LABELS = np.arange(12) % 3, np.arange(6) % 3
IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
ARRAYS = (IMAGES, LABELS, TEST_IMAGES, TEST_LABELS)
KEYS = ("x_train", "y_train", "x_test", "y_test")


def expected() -> Dataset:
    """The data set that every writer below writes."""
    return from_arrays(IMAGES, LABELS, test_images=TEST_IMAGES, test_labels=TEST_LABELS)


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` as an IDX file."""
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_idx(folder: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    folder.mkdir(parents=True)
    for name, array in zip(IDX_NAMES, arrays):
        (folder / name).write_bytes(idx_bytes(array))
    return folder


def write_idx_gz(folder: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    folder.mkdir(parents=True)
    for name, array in zip(IDX_NAMES, arrays):
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return folder


def write_npz(path: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    path = path.with_suffix(".npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **dict(zip(KEYS, arrays)))
    return path


def write_npz_compressed(path: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    path = path.with_suffix(".npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **dict(zip(KEYS, arrays)))
    return path


def write_npy(folder: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    folder.mkdir(parents=True)
    for name, array in zip(KEYS, arrays):
        np.save(folder / f"{name}.npy", array)
    return folder


def assert_same(dataset: Dataset, other: Dataset) -> None:
    """Same pictures, labels, classes, test part and range, bit for bit."""
    np.testing.assert_array_equal(dataset.images, other.images)
    np.testing.assert_array_equal(dataset.labels, other.labels)
    np.testing.assert_array_equal(dataset.official_test, other.official_test)
    assert (dataset.classes, dataset.pixel_range) == (other.classes, other.pixel_range)
    assert dataset.images.dtype == other.images.dtype
    assert dataset.fingerprint == other.fingerprint
