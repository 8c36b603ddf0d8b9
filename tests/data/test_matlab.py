"""Protects the MATLAB reader: SVHN's layout and its tens, which files of a folder, faults by file and variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs
from scipy.io import loadmat, savemat

from snellen.data.load import Options, read
from snellen.errors import DataError, UnknownName

SVHN = REAL_DATA / "svhn"
PICTURES, LABELS = cases.IMAGES[..., None], cases.LABELS


def write(path: Path, images: np.ndarray = PICTURES, labels: np.ndarray = LABELS, **others: Any) -> Path:
    savemat(path, {"X": np.moveaxis(images, 0, -1), "y": labels[:, None], **others})
    return path


@needs("svhn")
def test_the_street_digits_in_colour() -> None:
    dataset, raw = read(SVHN), loadmat(SVHN / "test_32x32.mat")
    assert (dataset.shape, dataset.images.dtype.name, dataset.classes) == ((32, 32, 3), "uint8", tuple("0123456789"))
    assert dataset.official_test is not None and dataset.official_test.sum() == 1952
    np.testing.assert_array_equal(dataset.images[4434:], raw["X"].transpose(3, 0, 1, 2))
    np.testing.assert_array_equal(dataset.labels[4434:], raw["y"][:, 0] % 10)
    assert raw["y"].max() == 10 and dataset.ids[4434] == "test_32x32.mat/X:0"


def test_ten_is_zero_unless_there_is_a_zero(tmp_path: Path) -> None:
    tens = read(write(tmp_path / "a.mat", labels=np.where(LABELS == 0, 10, LABELS)))
    assert tens.labels.tolist() == LABELS.tolist()
    with pytest.raises(DataError, match=r"b.mat: y: labels from 0 and from 1; found 0 and 10; expected 1 to 10"):
        read(write(tmp_path / "b.mat", labels=np.where(LABELS == 1, 10, LABELS)))


@pytest.mark.parametrize("kind", [np.float64, np.int16, np.uint8])
def test_other_types(tmp_path: Path, kind: type) -> None:
    dataset = read(write(tmp_path / "a.mat", PICTURES.astype(kind), LABELS.astype(kind)))
    np.testing.assert_array_equal(dataset.images, PICTURES)
    assert dataset.images.dtype == np.uint8


def test_extra_pictures_only_when_asked_for(tmp_path: Path) -> None:
    folder = cases.write_mat(tmp_path / "data")
    write(folder / "extra_32x32.mat")
    assert len(read(folder)) == 18
    more = read(folder, Options(keys={"extra": "train"}))
    assert (
        len(more) == 30 and more.official_test is not None and more.official_test.tolist() == [False] * 24 + [True] * 6
    )
    assert more.ids[12] == "extra_32x32.mat/X:0" and len(read(folder / "extra_32x32.mat")) == 12
    with pytest.raises(UnknownName, match=r"keys: {extra: train}: unknown key 'extras'"):
        read(folder, Options(keys={"extras": "train"}))


def test_a_missing_file_and_a_missing_variable(tmp_path: Path) -> None:
    folder = cases.write_mat(tmp_path / "data")
    (folder / "train_32x32.mat").unlink()
    with pytest.raises(DataError, match=r"train_32x32.mat is missing"):
        read(folder)
    savemat(tmp_path / "a.mat", {"X": np.moveaxis(PICTURES, 0, -1), "z": LABELS, "s": "text"})
    with pytest.raises(DataError, match=r"a.mat: a variable is missing; found X, z; expected y"):
        read(tmp_path / "a.mat")


def test_the_first_dimension_is_not_the_rows(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"X": PICTURES, "y": LABELS[:, None]})
    with pytest.raises(DataError, match=r"not the shape of pictures|different numbers.*found 1 in .*, 12 in"):
        read(tmp_path / "a.mat")


def test_a_declared_size_that_the_file_does_not_hold(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat")
    content = path.read_bytes()
    place = content.index(np.array([5, 4, 1, 12], "<i4").tobytes())
    path.write_bytes(content[:place] + np.array([500, 400, 3, 2**20], "<i4").tobytes() + content[place + 16 :])
    with pytest.raises(DataError, match=r"a.mat: X: declares implausibly much data; found 629,145,600,000 bytes"):
        read(path)
