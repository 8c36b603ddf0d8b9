"""Protects how arrays become parts: usual names in every spelling, validation parts, nothing dropped in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import data_cases as cases
import h5py
import numpy as np
import pytest

from snellen.data.dataset import Dataset
from snellen.data.load import Options, read
from snellen.data.readers.array_names import choose_arrays, usual_role
from snellen.errors import DataError

RANDOM = np.random.default_rng(2)
VALIDATION, MORE = (RANDOM.integers(0, 256, (rows, 5, 4), dtype=np.uint8) for rows in (8, 9))
VALIDATION_LABELS = np.arange(8) % 3
ALL = (cases.IMAGES, cases.LABELS, VALIDATION, VALIDATION_LABELS, cases.TEST_IMAGES, cases.TEST_LABELS)


def write_npz(path: Path, **arrays: Any) -> Path:
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def write_hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path.with_suffix(".h5")


each_format = pytest.mark.parametrize("write", [write_npz, write_hdf5])


def assert_parts(dataset: Dataset) -> None:
    """Twelve training, eight validation and six test images."""
    assert dataset.official_validation is not None and dataset.official_test is not None
    np.testing.assert_array_equal(np.flatnonzero(dataset.official_validation), range(12, 20))
    np.testing.assert_array_equal(np.flatnonzero(dataset.official_test), range(20, 26))
    np.testing.assert_array_equal(dataset.images[..., 0], np.concatenate(ALL[::2]))
    np.testing.assert_array_equal(dataset.labels, np.concatenate(ALL[1::2]))
    assert dataset.remarks == ()


@each_format
@pytest.mark.parametrize(
    "names",
    [
        ("X_train", "y_train", "X_val", "y_val", "X_test", "y_test"),
        ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
        ("images", "labels", "validation_images", "validation_labels", "test_images", "test_labels"),
        ("train_set_x", "train_set_y", "dev_set_x", "dev_set_y", "test_set_x", "test_set_y"),
        ("trainX", "trainY", "valX", "valY", "testX", "testY"),
        ("Xtrain", "ytrain", "Xval", "yval", "Xtest", "ytest"),
        ("train_data", "train_targets", "val_data", "val_targets", "test_data", "test_targets"),
    ],
)
def test_names_of_three_parts(tmp_path: Path, write: Any, names: tuple[str, ...]) -> None:
    assert_parts(read(write(tmp_path / "a", **dict(zip(names, ALL, strict=True)))))


def test_groups_of_hdf5(tmp_path: Path) -> None:
    for names in ("{part}/images {part}/labels", "images/{part} labels/{part}", "{part}/data/x {part}/data/y"):
        arrays = [name.format(part=part) for part in ("train", "valid", "test") for name in names.split()]
        assert_parts(read(write_hdf5(tmp_path / "a", **dict(zip(arrays, ALL, strict=True)))))


def test_npy_files_of_three_parts(tmp_path: Path) -> None:
    for name, array in zip(("X_train", "y_train", "X_val", "y_val", "X_test", "y_test"), ALL, strict=True):
        np.save(tmp_path / f"{name}.npy", np.asarray(array))
    assert_parts(read(tmp_path))
    alone = read(tmp_path / "X_train.npy")
    assert len(alone) == 12 and "The labels of X_train.npy are read from y_train.npy beside it." in alone.remarks


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("data", "images"),
        ("target", "labels"),
        ("X", "images"),
        ("training/labels", "labels"),
        ("label_test", "test_labels"),
        ("Xte", "test_images"),
        ("yte", "test_labels"),
        ("Y_te", "test_labels"),
        ("data/train/images", "images"),
        ("X_extra", None),
        ("images_train_test", None),
        ("pixels_per_mm", None),
        ("train", None),
        ("mean_images", None),
        ("", None),
    ],
)
def test_roles_of_names(name: str, role: str | None) -> None:
    assert usual_role(name) == role


@each_format
def test_keys_of_a_validation_part(tmp_path: Path, write: Any) -> None:
    names = ("a", "b", "c", "d", "e", "f")
    roles = ("images", "labels", "validation_images", "validation_labels", "test_images", "test_labels")
    path = write(tmp_path / "a", **dict(zip(names, ALL, strict=True)))
    assert_parts(read(path, Options(keys=dict(zip(roles, names, strict=True)))))
    found = r"a \(12, 5, 4\), b \(12,\), c \(8, 5, 4\).*`keys: {images: NAME, labels: NAME}`"
    with pytest.raises(DataError, match=rf"no arrays for a training part; found {found}"):
        read(path)
    with pytest.raises(DataError, match=r"no array for the validation_labels"):
        read(path, Options(keys={"images": "a", "labels": "b", "validation_images": "c"}))


@each_format
def test_images_that_are_not_used_are_said(tmp_path: Path, write: Any) -> None:
    used = {"X_train": cases.IMAGES, "y_train": cases.LABELS}
    path = write(tmp_path / "a", **used, X_extra=MORE, X_val=VALIDATION, masks=MORE[:, :2], note=np.arange(4))
    dataset = read(path)
    assert len(dataset) == 12 and sorted(dataset.remarks) == [
        "X_extra (9 images) is not used; name it and its labels with `keys` to use it.",
        "X_val (8 images) is not used; name it and its labels with `keys` to use it.",
    ]
    cases.assert_same(dataset, read(write(tmp_path / "b", **used)))


@each_format
def test_labels_under_another_name_are_listed(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "a", X_train=cases.IMAGES, answers=cases.LABELS, X_test=cases.TEST_IMAGES)
    message = r"no array for the labels; found .*answers \(12,\).*`keys: {images: X_train, labels: answers}`"
    with pytest.raises(DataError, match=message):
        read(path)
    assert len(read(path, Options(keys={"images": "X_train", "labels": "answers"}))) == 12


def test_arrays_without_names(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, cases.LABELS, cases.IMAGES)
    dataset = read(path)
    assert dataset.remarks == ("arr_1 is taken for the images and arr_0 for the labels, by their shapes.",)
    np.testing.assert_array_equal(dataset.labels, cases.LABELS)
    np.savez(path, *ALL[:2], *ALL[4:])
    with pytest.raises(DataError, match=r"no arrays for a training part; found arr_0 \(12, 5, 4\), arr_1 \(12,\)"):
        read(path)
    np.savez(path, cases.IMAGES, cases.LABELS[:9])
    with pytest.raises(DataError, match=r"no arrays for a training part"):
        read(path)


def test_the_first_of_several_usual_names() -> None:
    """What is read today is read tomorrow: an array of another usual name beside it is not used."""
    shapes = {"train_images": (9, 5, 4), "images": (12, 5, 4), "labels": (12,), "y": (12,)}
    chosen = choose_arrays(shapes, {})
    assert chosen.parts == (("train", "images", "labels"),)
    assert chosen.remarks == (
        "train_images (9 images) is not used; name it and its labels with `keys` to use it.",
        "Not used, though they have a value for each image: y.",
    )
    with pytest.raises(DataError, match=r"two arrays could be the images; found train_images and X"):
        choose_arrays({"train_images": (9, 5, 4), "X": (12, 5, 4), "y": (12,)}, {})


@each_format
def test_labels_as_text(tmp_path: Path, write: Any) -> None:
    names = np.array(["kat", "hond", "vogel"])[cases.LABELS]
    expected = read(write_npz(tmp_path / "text", images=cases.IMAGES, labels=names))
    assert expected.classes == ("hond", "kat", "vogel")
    forms: list[Any] = [names.astype("S"), names.astype("S")[:, None], np.char.encode(names, "utf-8")]
    if write is write_hdf5:
        forms += [names.tolist(), names[:, None].tolist(), np.array(names, h5py.string_dtype("ascii"))]
    for form in forms:
        cases.assert_same(read(write(tmp_path / "a", images=cases.IMAGES, labels=form)), expected)


SPLIT = np.array(["train", "test", "train", "val"] * 3)
ROWS = [[0, 2, 4, 6, 8, 10], [3, 7, 11], [1, 5, 9]]


def write_npy(path: Path, **arrays: Any) -> Path:
    path.mkdir()
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", np.asarray(array))
    return path


@pytest.mark.parametrize("write", [write_npz, write_hdf5, write_npy])
@pytest.mark.parametrize("name", ["split", "Partition", "data_split"])
def test_an_array_with_the_part_of_each_image(tmp_path: Path, write: Any, name: str) -> None:
    """It was passed over in silence, and a publisher's test images were trained on."""
    arrays = {"images": cases.IMAGES, "labels": cases.LABELS, name: SPLIT.astype("S"), "patient": np.arange(12)}
    path = write(tmp_path / "a", **arrays)
    dataset = read(path)
    order = [row for rows in ROWS for row in rows]
    np.testing.assert_array_equal(dataset.images[..., 0], cases.IMAGES[order])
    np.testing.assert_array_equal(dataset.labels, cases.LABELS[order])
    assert [int(each.rpartition(":")[2]) for each in dataset.ids.tolist()] == order
    assert dataset.official_validation is not None and dataset.official_test is not None
    np.testing.assert_array_equal(np.flatnonzero(dataset.official_validation), [6, 7, 8])
    np.testing.assert_array_equal(np.flatnonzero(dataset.official_test), [9, 10, 11])
    assert f"The part of each image is read from {name}." in dataset.remarks
    assert "Not used, though they have a value for each image: patient." in dataset.remarks
    told = read(path, Options(keys={"images": "images", "labels": "labels", "role": name}))
    cases.assert_same(told, dataset)
    assert read(path, Options(keys={"images": "images", "labels": "labels"})).official_test is None
    if write is write_npy:
        cases.assert_same(read(path / "images.npy"), dataset)


@each_format
@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("is_train", np.arange(12) < 8),
        ("test_mask", np.arange(12) > 8),
        ("train_idx", np.arange(8)),
        ("testIndices", np.arange(8, 12)),
    ],
)
def test_parts_marked_in_a_form_that_is_not_read(tmp_path: Path, write: Any, name: str, marks: np.ndarray) -> None:
    path = write(tmp_path / "a", images=cases.IMAGES, labels=cases.LABELS, **{name: marks})
    with pytest.raises(DataError, match=rf"marks parts in a form that is not read; found {name}.*images: images"):
        read(path)
    assert len(read(path, Options(keys={"images": "images", "labels": "labels"}))) == 12


@each_format
def test_an_array_of_parts_with_other_values(tmp_path: Path, write: Any) -> None:
    for values, found in ((np.arange(12) % 2, "12 values: '0', '1'"), (SPLIT[:9].astype("S"), "")):
        path = write(tmp_path / "a", images=cases.IMAGES, labels=cases.LABELS, split=values)
        if found:
            with pytest.raises(DataError, match=f"split: not the parts of the images; found {found}"):
                read(path)
        else:
            assert read(path).official_test is None


def test_text_that_is_no_label(tmp_path: Path) -> None:
    names = np.array([b"k\xe4tzchen", b"hund", b"vogel"])[cases.LABELS]
    for write in (write_npz, write_hdf5):
        with pytest.raises(DataError, match=r"labels: a label is not valid text; found .*xe4tzchen.*; expected UTF-8"):
            read(write(tmp_path / "a", images=cases.IMAGES, labels=names))
    essays = ["x" * 5_000] * 12
    with pytest.raises(DataError, match=r"no array for the labels; found images"):
        read(write_hdf5(tmp_path / "b", images=cases.IMAGES, labels=essays))


@each_format
def test_one_hot_labels(tmp_path: Path, write: Any) -> None:
    plain = read(write(tmp_path / "plain", images=cases.IMAGES, labels=cases.LABELS))
    for kind in (np.uint8, np.float32, bool):
        dataset = read(write(tmp_path / "a", images=cases.IMAGES, labels=np.eye(3, dtype=kind)[cases.LABELS]))
        cases.assert_same(dataset, plain)
        [remark] = dataset.remarks
        assert remark.endswith("labels: one-hot rows of 3 columns are read as class numbers.")
    soft = np.eye(3)[cases.LABELS] * 0.8 + 0.05
    with pytest.raises(DataError, match=r"row 0: not one label a row; found shape \(12, 3\), with 0 one-hot rows"):
        read(write(tmp_path / "b", images=cases.IMAGES, labels=soft))


@each_format
def test_a_validation_part_of_other_parts_is_not_used(tmp_path: Path, write: Any) -> None:
    """Public SVHN files carry an X_val that is X_train and X_test, in an order of its own."""
    order = RANDOM.permutation(18)
    arrays = dict(zip(("X_train", "y_train", "X_test", "y_test"), (*ALL[:2], *ALL[4:]), strict=True))
    both = np.concatenate([cases.IMAGES, cases.TEST_IMAGES])[order]
    labels = np.concatenate([cases.LABELS, cases.TEST_LABELS])[order]
    expected = read(write(tmp_path / "b", **arrays))
    dataset = read(write(tmp_path / "a", **arrays, X_val=both, y_val=labels))
    cases.assert_same(dataset, expected)
    [remark] = dataset.remarks
    assert remark.startswith("The validation part ") and remark.endswith("X_test.")
    assert "X_val is not used: of its 18 images 12 are also in " in remark and " and 6 are also in " in remark


@each_format
def test_a_few_shared_images_stay_for_the_split(tmp_path: Path, write: Any) -> None:
    validation = VALIDATION.copy()
    validation[:4] = cases.IMAGES[:4]
    names = ("X_train", "y_train", "X_val", "y_val", "X_test", "y_test")
    dataset = read(write(tmp_path / "a", **dict(zip(names, (*ALL[:2], validation, *ALL[3:]), strict=True))))
    assert dataset.official_validation is not None and dataset.official_validation.sum() == 8
    assert dataset.remarks == ()
