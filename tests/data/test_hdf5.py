"""Protects the HDF5 reader: arrays by name and exact, leaks between arrays found, nothing outside the file opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import data_cases as cases
import h5py
import numpy as np
import pytest
from needs import REAL_DATA, needs

from snellen.data.load import Options, read
from snellen.data.readers.hdf5 import Union, unions
from snellen.errors import DataError, UnknownName

SVHN = REAL_DATA / "svhn" / "SVHN_subset_grey.h5"
GREY = np.random.default_rng(5).random((12, 5, 4)).astype(np.float32) * 255


def write(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


@needs("svhn")
def test_the_grey_street_digits_are_exact() -> None:
    dataset = read(SVHN)
    with h5py.File(SVHN) as file:
        np.testing.assert_array_equal(dataset.images[:4434, ..., 0], file["X_train"])
        np.testing.assert_array_equal(dataset.images[4434:, ..., 0], file["X_test"])
        np.testing.assert_array_equal(dataset.labels[4434:], file["y_test"])
    assert dataset.images.dtype == np.float32 and dataset.pixel_range == (0, 255)
    assert dataset.ids[4434] == "SVHN_subset_grey.h5/X_test:0"
    assert unions(SVHN) == []


@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "shuffle": True}, {"chunks": (5, 2, 4)}])
def test_floats_stay_as_they_are(tmp_path: Path, options: dict[str, Any]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("X_train", data=GREY, **options)
        file.create_dataset("y_train", data=cases.LABELS)
    np.testing.assert_array_equal(read(tmp_path / "a.h5").images[..., 0], GREY)


def test_other_names(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["digits/pictures"], file["digits/answers"] = cases.IMAGES.astype(">f8"), cases.LABELS
        file["note"] = "text is not an array of numbers"
    keys = {"images": "digits/pictures", "labels": "digits/answers"}
    dataset = read(path, Options(keys=keys))
    np.testing.assert_array_equal(dataset.images[..., 0], cases.IMAGES)
    assert dataset.ids[3] == "a.h5/digits/pictures:3"
    with pytest.raises(UnknownName, match=r"a.h5: keys.images: unknown array 'picture'"):
        read(path, Options(keys={"images": "picture", "labels": "digits/answers"}))
    with pytest.raises(DataError, match=r"a.h5: no arrays for a training part"):
        read(path)


def test_an_array_that_is_two_others_together(tmp_path: Path) -> None:
    """Public SVHN files carry an X_val that is X_train and X_test, in an order of its own."""
    order = np.random.default_rng(1).permutation(18)
    both = np.concatenate([cases.IMAGES, cases.TEST_IMAGES])[order]
    arrays = {
        "X_train": cases.IMAGES,
        "y_train": cases.LABELS,
        "X_test": cases.TEST_IMAGES,
        "y_test": cases.TEST_LABELS,
    }
    assert unions(write(tmp_path / "a.h5", **arrays, X_val=both)) == [Union("X_val", ("X_test", "X_train"))]
    both[0, 0, 0] ^= 1
    assert unions(write(tmp_path / "b.h5", **arrays, X_val=both)) == []
    assert unions(tmp_path) == []


def test_arrays_in_other_files_are_not_opened(tmp_path: Path) -> None:
    labels = {"y_train": cases.LABELS}
    secret = tmp_path / "secret"
    secret.write_bytes(cases.IMAGES.tobytes())
    with h5py.File(write(tmp_path / "external.h5", **labels), "a") as file:
        file.create_dataset("X_train", (12, 5, 4), "u1", external=[(str(secret), 0, cases.IMAGES.nbytes)])
    source = write(tmp_path / "source.h5", X=cases.IMAGES)
    with h5py.File(write(tmp_path / "virtual.h5", **labels), "a") as file:
        layout = h5py.VirtualLayout((12, 5, 4), "u1")
        layout[:] = h5py.VirtualSource(str(source), "X", (12, 5, 4))
        file.create_virtual_dataset("X_train", layout)
    with h5py.File(write(tmp_path / "link.h5", **labels), "a") as file:
        file["X_train"] = h5py.ExternalLink(str(source), "X")
    for name in ("external", "virtual"):
        with pytest.raises(DataError, match=f"{name}.h5: X_train: an array kept in other files"):
            read(tmp_path / f"{name}.h5")
    with pytest.raises(DataError, match=r"link.h5: no array for the images; found y_train"):
        read(tmp_path / "link.h5")


def test_sizes_that_the_file_does_not_hold(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("X_train", (2**20, 512, 512), "u1", chunks=(1, 512, 512))
        file["y_train"] = cases.LABELS
    with pytest.raises(DataError, match=r"a.h5: X_train: declares implausibly much data; found 274,877,906,944 bytes"):
        read(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("X_train", (12, 5, 4), "u1")  # never written
        file["y_train"] = cases.LABELS
    with pytest.raises(DataError, match=r"b.h5: X_train: the array is not as long as declared; found 0 bytes; .* 240"):
        read(tmp_path / "b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("X_train", (2**31, 1, 1), "u1", chunks=(2**20, 1, 1))
        file["y_train"] = cases.LABELS
    with pytest.raises(DataError, match=r"c.h5: X_train: too many rows declared"):
        read(tmp_path / "c.h5")


def test_an_empty_file_with_the_magic(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(90))
    with pytest.raises(DataError, match=r"a.h5: a.h5: cannot be read: .*open file"):
        read(tmp_path / "a.h5")
