"""Small data sets in every format that Snellen reads, written by NumPy and the standard library, not by Snellen."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.readers.arrays import from_arrays

Arrays = tuple[np.ndarray, ...]


def arrays(*shape: int) -> Arrays:
    """Random training and test images of one shape, each followed by its labels: three classes."""
    random = np.random.default_rng(7)
    images, test_images = (random.integers(0, 256, (rows, *shape), dtype=np.uint8) for rows in (12, 6))
    return images, np.arange(12) % 3, test_images, np.arange(6) % 3


ARRAYS = IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = arrays(5, 4)
SQUARE, CIFAR = arrays(6, 6), arrays(32, 32, 3)
IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
KEYS = ("x_train", "y_train", "x_test", "y_test")


def expected(arrays: Arrays = ARRAYS) -> Dataset:
    """The data set that every writer below writes."""
    images, labels, test_images, test_labels = arrays
    return from_arrays(images, labels, test_images=test_images, test_labels=test_labels)


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
    named: dict[str, Any] = dict(zip(KEYS, arrays))
    np.savez(path, **named)
    return path


def write_npz_compressed(path: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    path = path.with_suffix(".npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = dict(zip(KEYS, arrays))
    np.savez_compressed(path, **named)
    return path


def write_npy(folder: Path, arrays: tuple[np.ndarray, ...] = ARRAYS) -> Path:
    folder.mkdir(parents=True)
    for name, array in zip(KEYS, arrays):
        np.save(folder / f"{name}.npy", array)
    return folder


def _cifar_batches(arrays: Arrays) -> dict[str, Arrays]:
    """Five training batches, the first the largest, and a test batch, each with images and labels."""
    images, labels = arrays[:2]
    starts = [max(0, len(labels) - left) for left in (4, 3, 2, 1)]
    batches = dict(enumerate(zip(np.split(images, starts), np.split(labels, starts)), 1))
    test = {"test_batch": arrays[2:]} if arrays[2:] else {}
    return {f"data_batch_{number}": batch for number, batch in batches.items()} | test


def _planes(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2).reshape(len(images), images[:1].size if len(images) else 3072)


def write_cifar_binary(folder: Path, arrays: Arrays = CIFAR) -> Path:
    folder.mkdir(parents=True)
    for name, (images, labels) in _cifar_batches(arrays).items():
        rows = np.concatenate([labels[:, None].astype(np.uint8), _planes(images)], axis=1)
        (folder / f"{name}.bin").write_bytes(rows.tobytes())
    return folder


def python_2_batch(images: np.ndarray, labels: list[int], key: bytes = b"labels") -> bytes:
    """The opcodes of a published Python batch, in their order; images: (N, 3072)."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    number = b"".join(b"K" + bytes([label]) for label in labels)
    kind = (
        b"cnumpy\ndtype\n"
        + text(b"u1")
        + b"K\0K\1\x87Rq\x08(K\3"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    shape = b"".join(b"J" + struct.pack("<i", size) for size in images.shape) + b"\x86"
    content = b"\x89T" + struct.pack("<i", images.size) + images.tobytes() + b"tb"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\7cnumpy\nndarray\nK\0\x85"
        + text(b"b")
        + b"\x87Rq\x09(K\1"
        + shape
        + kind
    )
    head = b"\x80\2}q\1(" + text(b"batch_label") + b"q\2" + text(b"training batch 1 of 5") + b"q\3"
    return head + text(key) + b"q\4]q\5(" + number + b"e" + text(b"data") + b"q\6" + array + content + b"u."


def write_cifar_python(folder: Path, arrays: Arrays = CIFAR) -> Path:
    folder.mkdir(parents=True)
    for name, (images, labels) in _cifar_batches(arrays).items():
        (folder / name).write_bytes(python_2_batch(_planes(images), labels.tolist()))
    return folder


def _csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    names = ["label", *(f"pixel{number}" for number in range(1, 1 + math.prod(images.shape[1:])))]
    rows = [[label, *image.ravel()] for image, label in zip(images, labels)]
    return "".join(f"{','.join(map(str, row))}\n" for row in [names, *rows]).encode()


def write_csv(folder: Path, arrays: Arrays = SQUARE) -> Path:
    folder.mkdir(parents=True)
    for role, part in zip(("train", "test"), (arrays[:2], arrays[2:])):
        if part:
            (folder / f"letters_{role}.csv").write_bytes(_csv(*part))
    return folder


def write_csv_gz(folder: Path, arrays: Arrays = SQUARE) -> Path:
    for file in list(write_csv(folder, arrays).iterdir()):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return folder


def write_emnist(folder: Path, arrays: Arrays = SQUARE) -> Path:
    folder.mkdir(parents=True)
    for role, part in zip(("train", "test"), (arrays[:2], arrays[2:])):
        for kind, array in zip(("images-idx3", "labels-idx1"), part):
            stored = array.transpose(0, 2, 1) if array.ndim == 3 else array
            (folder / f"emnist-few-{role}-{kind}-ubyte").write_bytes(idx_bytes(stored))
    return folder


def write_hdf5(path: Path, arrays: Arrays = ARRAYS) -> Path:
    import h5py

    path = path.with_suffix(".h5")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in zip(("X_train", "y_train", "X_test", "y_test"), arrays):
            file[name] = array
    return path


def write_mat(folder: Path, arrays: Arrays = ARRAYS) -> Path:
    from scipy.io import savemat

    folder.mkdir(parents=True)
    for role, part in zip(("train", "test"), (arrays[:2], arrays[2:])):
        if not part:
            continue
        images, labels = part
        pictures = np.moveaxis(images if images.ndim == 4 else images[..., None], 0, -1)
        values = {"X": pictures, "y": labels.astype(np.uint8)[:, None]}
        savemat(folder / f"{role}_32x32.mat", values, do_compression=role == "train")
    return folder


def assert_same(dataset: Dataset, other: Dataset) -> None:
    """Same images, labels, classes, test part and range, bit for bit."""
    np.testing.assert_array_equal(dataset.images, other.images)
    np.testing.assert_array_equal(dataset.labels, other.labels)
    np.testing.assert_array_equal(dataset.official_test, other.official_test)
    assert (dataset.classes, dataset.pixel_range) == (other.classes, other.pixel_range)
    assert dataset.images.dtype == other.images.dtype
    assert dataset.fingerprint == other.fingerprint
