"""Protects labels that are numbers: none is shifted, none refused for where it begins, and names fit or are refused."""

from __future__ import annotations

from pathlib import Path

import data_cases
import numpy as np
import pytest

from snellen.data.dataset import Dataset
from snellen.data.load import Options, read
from snellen.data.readers.arrays import from_arrays
from snellen.errors import DataError, SnellenError


def labelled(labels: list[int], names: tuple[str, ...] | None = None) -> Dataset:
    images = np.arange(len(labels) * 9, dtype=np.int64).reshape(-1, 3, 3) % 256
    return from_arrays(images, labels, class_names=names, pixel_range=(0, 255))


def named(labels: list[int], names: tuple[str, ...] | None = None) -> list[str]:
    """The class of each row."""
    dataset = labelled(labels, names)
    assert dataset.labels.dtype == np.int64
    return [dataset.classes[label] for label in dataset.labels]


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        ([0, 1, 2, 1], "0 1 2", None),
        ([1, 2, 3, 1], "1 2 3", "3 numbers, 1 to 3;"),
        ([0, 1, 3, 4], "0 1 3 4", "4 numbers, 0, 1, 3 and 4;"),
        ([30, 10, 20, 10], "10 20 30", "3 numbers, 10, 20 and 30;"),
        ([-1, 1, 1, -1], "-1 1", "2 numbers, -1 and 1;"),
        ([2, 10, 2, 10], "2 10", "2 numbers, 2 and 10;"),
        ([*range(25), *range(25)], None, None),
        ([*range(9), *range(10, 25)], None, "24 numbers, 0 to 24 without 9;"),
        ([*range(1, 27)], None, "26 numbers, 1 to 26;"),
        ([*range(0, 400, 20)], None, "20 numbers, 0 to 380 without 361 between;"),
    ],
)
def test_classes_are_the_numbers_that_occur(labels: list[int], classes: str | None, said: str | None) -> None:
    dataset = labelled(labels)
    assert dataset.classes == tuple(classes.split() if classes else map(str, sorted(set(labels))))
    assert named(labels) == [str(label) for label in labels]
    assert len(dataset.remarks) == (said is not None) and (said or "") in "".join(dataset.remarks)


def test_parts_that_count_from_different_numbers_are_refused() -> None:
    """Labels 0 to 2 in training and 1 to 3 in the test were four classes, and nearly every test answer was wrong."""
    images = np.arange(6 * 9, dtype=np.int64).reshape(-1, 3, 3)
    first, second = np.array([0, 1, 2] * 2), np.array([1, 2, 3] * 2)
    with pytest.raises(DataError, match=r"count from different numbers; found 0 to 2 in labels, 1 to 3 in test_labels"):
        from_arrays(images, first, test_images=images, test_labels=second, pixel_range=(0, 255))
    names = ("a", "b", "c", "d")
    assert from_arrays(
        images, first, test_images=images, test_labels=second, class_names=names, pixel_range=(0, 255)
    ).labels.tolist() == [*first.tolist(), *second.tolist()]


def test_labels_from_zero_are_as_ever() -> None:
    dataset = labelled([0, 1, 2, 1])
    assert dataset.labels.tolist() == [0, 1, 2, 1] and not dataset.remarks
    assert dataset.fingerprint == "f3fb6ed59ca16138857985f04fccd692b68e56b784803bc292e24ac7578e4724"


def test_minus_one_may_mean_no_label() -> None:
    assert "If -1 means that there is no label, leave it out: `classes: [0, 1]`" in labelled([-1, 0, 1, 0]).remarks[0]


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        ([0, 1, 2], "a b c", "a b c"),
        ([0, 2, 2], "a b c", "a c c"),  # b has no row, which a split refuses with the line to write
        ([1, 2, 3], "a b c", "a b c"),
        ([30, 10, 20], "a b c", "c a b"),
        ([-1, 1, 1], "no yes", "no yes yes"),
        ([2, 1, 3], "3 2 1", "2 1 3"),  # names are the numbers, in another order
        ([1, 25, 26], "1 2 25 26", "1 25 26"),
        ([0, 1, 2], "2 1 0", "2 1 0"),  # from 0: names in the order of the labels, whatever they are
    ],
)
def test_names_of_labels(labels: list[int], names: str, expected: str) -> None:
    assert named(labels, tuple(names.split())) == expected.split()


def test_names_in_order_are_said() -> None:
    assert labelled([1, 2, 3], ("a", "b", "c")).remarks == (
        "`class_names` name the labels in numeric order: 1 is a, 2 is b and 3 is c.",
    )
    assert not labelled([0, 1, 2], ("a", "b", "c")).remarks


@pytest.mark.parametrize(
    ("labels", "names", "line"),
    [
        ([1, 2, 3, 4], "a b c", "class_names: [1, 2, 3, 4]"),
        ([0, 1, 2, 3], "a b c", "class_names: [0, 1, 2, 3]"),
        ([1, 2, 5, 1], "a b c d", "class_names: [1, 2, 5]"),
        ([-1, 0, 1, 1], "a b", 'class_names: ["-1", 0, 1]'),
    ],
)
def test_names_that_do_not_fit_are_refused_with_the_line(labels: list[int], names: str, line: str) -> None:
    with pytest.raises(DataError, match=r"^labels: row \d: label out of range") as raised:
        labelled(labels, tuple(names.split()))
    assert f"`{line}`" in str(raised.value)
    told = tuple(line[line.index("[") + 1 : -1].replace('"', "").split(", "))
    assert named(labels, told) == [str(label) for label in labels]


def test_names_that_are_numbers_of_other_labels() -> None:
    with pytest.raises(DataError, match=r"in this order label 1 would be 0.*`class_names: \[1, 2, 3\]`"):
        labelled([1, 2, 3], ("0", "1", "2"))


def test_one_class_and_too_many() -> None:
    with pytest.raises(DataError, match="cannot classify; found 1 classes, labelled 7"):
        labelled([7, 7, 7])
    with pytest.raises(DataError, match="cannot classify; found 1,001 classes, labelled 0 to 1000"):
        labelled(list(range(1001)))


def test_huge_labels_take_no_memory() -> None:
    assert labelled([-(2**62), 2**62, 5, 5]).classes == (str(-(2**62)), "5", str(2**62))


@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_gaps_in_files(tmp_path: Path, suffix: str) -> None:
    """As in Sign Language MNIST; with names for all numbers the class without images is named, with what to write."""
    labels = np.array([0, 1, 3, 4] * 10)
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 6))
    path = tmp_path / f"signs.{suffix}"
    if suffix == "npz":
        np.savez(path, images=images.astype(np.uint8), labels=labels)
    else:
        lines = ["label," + ",".join(f"pixel{place}" for place in range(36))]
        lines += [f"{label}," + ",".join(map(str, image.ravel())) for label, image in zip(labels, images)]
        path.write_text("\n".join(lines), encoding="utf-8")
    assert read(path).classes == ("0", "1", "3", "4")
    both = read(path, Options(class_names=tuple("ABCDE"), classes=("A", "B", "D", "E")))
    assert both.classes == tuple("ABDE") and both.labels.tolist() == [0, 1, 2, 3] * 10


def test_text_in_natural_order() -> None:
    images = np.arange(36).reshape(4, 3, 3)
    assert from_arrays(images, ["s10", "s2", "s1", "s2"]).classes == ("s1", "s2", "s10")
    assert from_arrays(images, ["b", "a10b", "a9c", "a9b"]).classes == ("a9b", "a9c", "a10b", "b")


def test_from_one_in_every_reader_of_arrays(tmp_path: Path) -> None:
    images, labels = data_cases.IMAGES, data_cases.LABELS + 1
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    assert read(tmp_path / "a.npz").classes == tuple(str(label) for label in sorted(set(labels.tolist())))
    with pytest.raises(SnellenError):
        read(tmp_path / "a.npz", Options(class_names=("only", "two")))
