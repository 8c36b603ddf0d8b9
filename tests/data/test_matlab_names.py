"""Protects MATLAB files with other names than SVHN's, v5 and v7.3, and what is refused because its order is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import data_cases as cases
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from snellen.data.load import Options, read
from snellen.deploy.images import open_images
from snellen.errors import DataError
from snellen.models.bundle import Input

COLOUR = np.random.default_rng(2).integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)
LABELS = cases.LABELS


def write_v73(path: Path, **arrays: np.ndarray) -> Path:
    """As MATLAB does: a block with its header before HDF5, and every array with its axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.T
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(header + path.read_bytes()[128:])
    return path


def write_v5(path: Path, **arrays: np.ndarray) -> Path:
    savemat(path, arrays)
    return path


@pytest.mark.parametrize("write", [write_v5, write_v73])
@pytest.mark.parametrize("images", [COLOUR, COLOUR[..., 0]])
@pytest.mark.parametrize("names", [("images", "labels"), ("data", "label"), ("train_x", "train_y")])
@pytest.mark.parametrize("as_row", [False, True])
def test_usual_names(tmp_path: Path, write: Any, images: np.ndarray, names: tuple[str, str], as_row: bool) -> None:
    labels = LABELS[None] if as_row else LABELS[:, None]
    path = write(tmp_path / "a.mat", **{names[0]: np.moveaxis(images, 0, -1), names[1]: labels})
    dataset = read(path)
    np.testing.assert_array_equal(dataset.images, images.reshape(dataset.images.shape))
    assert dataset.labels.tolist() == LABELS.tolist() and dataset.ids[2] == f"a.mat/{names[0]}:2"
    size = dataset.shape
    contract = Input(height=size[0], width=size[1], channels=size[2], pixel_range=(0, 255))
    [batch] = open_images([path], contract, None)
    assert batch.ids == dataset.ids.tolist()
    np.testing.assert_array_equal(batch.images, dataset.images)


def test_parts_and_keys(tmp_path: Path) -> None:
    last = np.moveaxis(COLOUR, 0, -1)
    one_hot = np.eye(LABELS.max() + 1)[LABELS]
    parts: dict[str, Any] = {"train_x": last, "train_y": one_hot, "test_x": last[..., :6] // 2, "test_y": one_hot[:6]}
    dataset = read(write_v5(tmp_path / "a.mat", **parts))
    assert dataset.official_test is not None and dataset.official_test.sum() == 6
    path = write_v5(tmp_path / "b.mat", faces=last, who=LABELS[:, None])
    with pytest.raises(DataError, match=r"found faces \(12, 5, 4, 3\) uint8, who .*keys: {images: faces, labels: who}"):
        read(path)
    assert len(read(path, Options(keys={"images": "faces", "labels": "who"}))) == 12


def test_the_axis_of_the_images_is_that_of_the_labels(tmp_path: Path) -> None:
    dataset = read(write_v5(tmp_path / "a.mat", images=COLOUR, labels=LABELS))
    np.testing.assert_array_equal(dataset.images, COLOUR)
    assert any("first axis counts the images" in remark for remark in dataset.remarks)
    cube = np.zeros((12, 12, 12), np.uint8)
    with pytest.raises(DataError, match=r"which axis counts the images is not clear; found \(12, 12, 12\) with 12"):
        read(write_v5(tmp_path / "b.mat", images=cube, labels=LABELS))


@pytest.mark.parametrize("names", [("fea", "gnd"), ("train_x", "train_y")])
def test_flat_rows_are_asked_about(tmp_path: Path, names: tuple[str, str]) -> None:
    path = write_v5(tmp_path / "a.mat", **{names[0]: COLOUR[..., 0].reshape(12, 20), names[1]: LABELS[:, None]})
    options = Options() if names[0] == "train_x" else Options(keys={"images": "fea", "labels": "gnd"})
    with pytest.raises(DataError, match=r"flat rows, whose order of pixels is not known.*12 rows of 20 values"):
        read(path, options)


def test_structures_are_not_read(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"dataset": {"train": {"images": COLOUR, "labels": LABELS}}})
    with pytest.raises(DataError, match=r"structures and cells are not read"):
        read(tmp_path / "a.mat")
