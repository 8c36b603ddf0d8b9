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
IMAGES, LABELS = cases.IMAGES[..., None], cases.LABELS


def write(path: Path, images: np.ndarray = IMAGES, labels: np.ndarray = LABELS, **others: Any) -> Path:
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


KINDS = ("ant", "bee", "cat", "dog", "emu", "fox", "gnu", "hen", "ibis", "jay")
TEN = np.arange(30) % 10 + 1


def coloured(count: int = 30, side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


SPELLED = ("Zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize("names", [None, tuple("0123456789"), SPELLED])
def test_ten_is_zero_in_the_files_of_svhn(tmp_path: Path, names: tuple[str, ...] | None) -> None:
    for file in ("train_32x32.mat", "test_32x32.mat"):
        write(tmp_path / file, coloured(), TEN)
    for source in (tmp_path, tmp_path / "train_32x32.mat"):
        dataset = read(source, Options(class_names=names))
        assert dataset.labels[:30].tolist() == (TEN % 10).tolist()
        assert dataset.classes == (names or tuple("0123456789")) and "Label 10 is the digit 0" in dataset.remarks[-1]


def test_labels_of_the_two_files_are_seen_together(tmp_path: Path) -> None:
    write(tmp_path / "train_32x32.mat", coloured(), TEN)
    write(tmp_path / "test_32x32.mat", coloured(4), np.array([1, 2, 3, 3]))
    assert read(tmp_path).labels[-4:].tolist() == [1, 2, 3, 3] and read(tmp_path).classes == tuple("0123456789")


@pytest.mark.parametrize(("file", "side"), [("kinds.mat", 32), ("train_32x32.mat", 16), ("kinds.mat", 16)])
def test_ten_is_ten_in_other_files(tmp_path: Path, file: str, side: int) -> None:
    path = write(tmp_path / file, coloured(side=side), TEN)
    dataset = read(path)
    assert dataset.classes == tuple(map(str, range(1, 11))) and dataset.labels.tolist() == (TEN - 1).tolist()
    line = "class_names: [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]"
    assert any(line in remark for remark in dataset.remarks)
    named = read(path, Options(class_names=KINDS))
    assert named.classes == KINDS and named.labels.tolist() == (TEN - 1).tolist()
    digits = read(path, Options(class_names=(*"1234567890",)))
    assert digits.classes[digits.labels[9]] == "0" and digits.classes[digits.labels[0]] == "1"
    with pytest.raises(DataError, match=r"found labels 1 to 10; in this order label 1 would be 0"):
        read(path, Options(class_names=tuple("0123456789")))


def test_ten_kinds_in_files_with_the_names_of_svhn(tmp_path: Path) -> None:
    dataset = read(write(tmp_path / "train_32x32.mat", coloured(), TEN), Options(class_names=KINDS))
    assert dataset.labels.tolist() == (TEN - 1).tolist()


def test_zero_and_ten_are_eleven_classes(tmp_path: Path) -> None:
    dataset = read(write(tmp_path / "train_32x32.mat", coloured(33), np.arange(33) % 11))
    assert dataset.classes == tuple(map(str, range(11))) and not dataset.remarks


@pytest.mark.parametrize("kind", [np.float64, np.int16, np.uint8])
def test_other_types(tmp_path: Path, kind: type) -> None:
    dataset = read(write(tmp_path / "a.mat", IMAGES.astype(kind), LABELS.astype(kind)))
    np.testing.assert_array_equal(dataset.images, IMAGES)
    assert dataset.images.dtype == np.uint8


def test_extra_images_only_when_asked_for(tmp_path: Path) -> None:
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
    savemat(tmp_path / "a.mat", {"X": np.moveaxis(IMAGES, 0, -1), "z": LABELS, "s": "text"})
    with pytest.raises(
        DataError, match=r"a.mat: no array for the labels; found X .* uint8, z .* int64.*keys: {images: X, labels: z}"
    ):
        read(tmp_path / "a.mat")


def test_the_first_dimension_is_not_the_rows(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"X": IMAGES, "y": LABELS[:, None]})
    with pytest.raises(DataError, match=r"not the shape of images|different numbers.*found 1 in .*, 12 in"):
        read(tmp_path / "a.mat")


def test_a_declared_size_that_the_file_does_not_hold(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat")
    content = path.read_bytes()
    place = content.index(np.array([5, 4, 1, 12], "<i4").tobytes())
    path.write_bytes(content[:place] + np.array([500, 400, 3, 2**20], "<i4").tobytes() + content[place + 16 :])
    with pytest.raises(DataError, match=r"a.mat: X: declares implausibly much data; found 629,145,600,000 bytes"):
        read(path)
