"""Protects class names in files of arrays: used when they fit the labels, otherwise said; test parts without labels."""

from __future__ import annotations

from pathlib import Path

import data_cases as cases
import h5py
import numpy as np
import pytest

from snellen.data.load import Options, read
from snellen.errors import DataError

NAMES = np.array([f"kind {number}" for number in range(int(cases.LABELS.max()) + 1)])


def write(path: Path, **arrays: np.ndarray) -> Path:
    arrays = {"X": cases.IMAGES, "y": cases.LABELS, **arrays}
    if path.suffix == ".npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype("S") if array.dtype.kind == "U" else array
    return path


@pytest.mark.parametrize("file", ["a.npz", "a.h5"])
@pytest.mark.parametrize("name", ["class_names", "label_names", "classes"])
def test_names_in_the_file(tmp_path: Path, file: str, name: str) -> None:
    dataset = read(write(tmp_path / file, **{name: NAMES}))
    assert dataset.classes == tuple(NAMES.tolist()) and dataset.labels.tolist() == cases.LABELS.tolist()
    assert f"The names of the classes are read from the array {name}." in dataset.remarks
    own = tuple(f"own {number}" for number in range(len(NAMES)))
    assert read(tmp_path / file, Options(class_names=own)).classes == own


@pytest.mark.parametrize("file", ["a.npz", "a.h5"])
@pytest.mark.parametrize(
    ("names", "why"),
    [
        (np.append(NAMES, "more"), "names, but labels from 0"),
        (np.array(["one"] * len(NAMES)), "given twice"),
        (np.arange(len(NAMES)), "no text"),
    ],
)
def test_names_that_do_not_fit_are_said(tmp_path: Path, file: str, names: np.ndarray, why: str) -> None:
    plain, dataset = read(write(tmp_path / f"plain{file}")), read(write(tmp_path / file, class_names=names))
    assert dataset.fingerprint == plain.fingerprint
    assert any("class_names is not used for the names" in remark and why in remark for remark in dataset.remarks)


def test_a_test_part_without_labels(tmp_path: Path) -> None:
    for file in ("a.npz", "a.h5"):
        dataset = read(write(tmp_path / file, X_test=cases.IMAGES[:3] // 2))
        assert len(dataset) == len(cases.IMAGES) and dataset.official_test is None
        assert any("X_test (3 images) is a test part without labels" in remark for remark in dataset.remarks)
        with pytest.raises(DataError, match="no array for the test_images"):
            read(write(tmp_path / file, y_test=cases.LABELS[:3]))


def test_an_empty_array_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", cases.IMAGES[:0])
    np.save(tmp_path / "y.npy", cases.LABELS[:0])
    with pytest.raises(DataError, match=r"X\.npy: no images; found shape \(0, "):
        read(tmp_path)
    (tmp_path / "X.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"X\.npy"):
        read(tmp_path)


def test_a_pair_of_files(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", cases.IMAGES)
    np.save(tmp_path / "y.npy", cases.LABELS)
    np.save(tmp_path / "class_names.npy", NAMES)
    for source in (tmp_path, tmp_path / "X.npy"):
        assert read(source).classes == tuple(NAMES.tolist())


def test_labels_under_a_damaged_name_are_not_taken_for_none(tmp_path: Path) -> None:
    """Without its labels the test part would silently be left out of a damaged file."""
    images, labels = np.zeros((6, 4, 4), np.uint8), np.array([0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "set.npz", x_train=images, y_train=labels, x_test=images, y_tesu=labels)
    with pytest.raises(DataError, match=r"no array for the test_labels.*y_tesu"):
        read(tmp_path / "set.npz")
