"""Protects the EMNIST reader: images upright, letters from A, the split that is meant."""

from __future__ import annotations

from pathlib import Path
from string import ascii_uppercase

import data_cases as cases
import numpy as np
import pytest

from snellen.data.load import Options, read
from snellen.errors import DataError, UnknownName

UPRIGHT = cases.arrays(6, 6)[0]


def write(folder: Path, split: str, labels: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    stored = UPRIGHT.transpose(0, 2, 1)
    for kind, array in (("images-idx3", stored), ("labels-idx1", labels)):
        (folder / f"emnist-{split}-train-{kind}-ubyte").write_bytes(cases.idx_bytes(array))
    return folder


def test_letters_count_from_one(tmp_path: Path) -> None:
    dataset = read(write(tmp_path / "a", "letters", np.arange(15, 27)))
    np.testing.assert_array_equal(dataset.images[..., 0], UPRIGHT)
    assert "".join(dataset.classes) == ascii_uppercase and [dataset.classes[label] for label in dataset.labels[:2]] == [
        "O",
        "P",
    ]
    assert dataset.ids[0] == "emnist-letters-train-images-idx3-ubyte:0"
    with pytest.raises(DataError, match=r"emnist-letters-train-labels-idx1-ubyte: label out of range; found 0; .*1 or"):
        read(write(tmp_path / "b", "letters", np.arange(12)))


def test_several_splits_in_one_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "digits", np.arange(12) % 10)
    write(folder, "balanced", np.arange(12) + 35)
    with pytest.raises(DataError, match=r"not one split; found balanced, digits. Say which with `keys"):
        read(folder)
    balanced = read(folder, Options(keys={"split": "balanced"}))
    assert [balanced.classes[label] for label in balanced.labels[:3]] == ["Z", "a", "b"] and len(balanced.classes) == 47
    with pytest.raises(UnknownName, match=r"keys.split: unknown split 'digit'.*Did you mean 'digits'"):
        read(folder, Options(keys={"split": "digit"}))


def test_labels_are_missing(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "letters", np.arange(15, 27))
    (folder / "emnist-letters-train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"images or labels are missing; found emnist-letters-train-images-idx3-ubyte;"):
        read(folder)
