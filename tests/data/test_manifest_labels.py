"""Protects labels of manifests in other forms than a column of names: numbers with a decimal point, one-hot columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import image_cases as cases
import numpy as np
import polars as pl
import pytest

from snellen.data.load import read
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.images import open_images
from snellen.errors import DataError
from snellen.models.bundle import Input

PATHS = ["a.png", "b.png", "c.png", "d.png"]
KINDS = ["csv", "parquet"]


def write(folder: Path, kind: str, **columns: Any) -> Path:
    """A manifest of four images with these other columns."""
    for row, name in enumerate(PATHS):
        cases.save(folder / name, cases.COLOUR ^ row)
    table = pl.DataFrame({"path": PATHS, **columns})
    path = folder / f"list.{kind}"
    table.write_csv(path) if kind == "csv" else table.write_parquet(path)
    return path


def refused(path: Path, message: str, options: Options = DEFAULT_OPTIONS) -> None:
    with pytest.raises(DataError, match=message):
        read(path, options)


def predicted(path: Path) -> tuple[Batch, Reading]:
    height, width, channels = cases.COLOUR.shape
    reading = Reading()
    inputs = Input(height=height, width=width, channels=channels, pixel_range=(0, 255))
    (batch,) = open_images([str(path)], inputs, None, classes=("1", "2"), reading=reading)
    return batch, reading


@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_with_a_decimal_point(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, kind, label=[1.0, 10.0, 2.0, 1.0])
    dataset = read(path)
    assert dataset.classes == ("1", "2", "10") and dataset.labels.tolist() == [0, 2, 1, 0]
    assert "whole numbers with a decimal point: '1.0' is read as 1." in dataset.remarks[0]
    batch, _ = predicted(path)
    assert batch.classes is not None and batch.labels is not None
    assert [batch.classes[code] for code in batch.labels] == ["1", "10", "2", "1"]


@pytest.mark.parametrize("kind", KINDS)
def test_fractions_and_missing_labels_are_refused_in_true_words(tmp_path: Path, kind: str) -> None:
    place = "line 3" if kind == "csv" else "row 1"
    refused(write(tmp_path, kind, label=[1.0, 2.5, 3.0, 1.0]), f"{place}: labels that are numbers with fra.*'2.5'")
    refused(write(tmp_path, kind, label=[1.0, None, 3.0, None]), f"{place}: no label; found '', 2 of 4 rows")
    if kind == "parquet":
        refused(write(tmp_path, kind, label=[1.0, np.nan, 3.0, 1.0]), f"{place}: no label; found '', 1 of 4 rows")


def test_other_labels_stay_as_they_are(tmp_path: Path) -> None:
    for labels in (["1.0", "x", "1.0", "x"], ["01", "2", "01", "2"], ["1.0.0", "1.5", "1.5", "2"]):
        dataset = read(write(tmp_path, "csv", label=labels))
        assert {*dataset.classes} == {*labels} and not dataset.remarks


def test_columns_of_fractions_in_parquet_change_nothing_beside_a_label(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, "parquet", breed=["x", "y"] * 2, target=[0.5, 0.1, 0.2, 0.3]))
    assert dataset.classes == ("x", "y")
    named = read(
        write(tmp_path, "parquet", species=["x", "y"] * 2, mine=[1.0, 2.0] * 2), Options(keys={"label": "mine"})
    )
    assert named.classes == ("1", "2")
    flags = read(write(tmp_path, "parquet", label=[True, False, True, False]))
    assert flags.classes == ("false", "true") and flags.labels.tolist() == [1, 0, 1, 0]


def test_float_labels_beside_image_bytes(tmp_path: Path) -> None:
    images = [cases.as_bytes(cases.COLOUR ^ row, "PNG") for row in range(4)]
    pl.DataFrame({"image": images, "label": [1.0, 0.0, 1.0, 0.0]}).write_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet").labels.tolist() == [1, 0, 1, 0]
    pl.DataFrame({"image": images, "label": [1.0, 0.5, 1.0, 0.0]}).write_parquet(tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "row 1: not one label; found 0.5; expected an integer or text")


ONE_HOT = {"cat": [1, 0, 0, 1], "dog": [0, 1, 0, 0], "bird": [0, 0, 1, 0]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [int, float, bool])
def test_one_hot_columns(tmp_path: Path, kind: str, change: Any) -> None:
    columns = {name: [change(value) for value in values] for name, values in ONE_HOT.items()}
    path = write(tmp_path, kind, patient=["p", "q", "q", "r"], **columns, split=["train", "train", "train", "test"])
    dataset = read(path)
    assert dataset.classes == ("bird", "cat", "dog") and dataset.labels.tolist() == [1, 2, 0, 1]
    assert dataset.official_test is not None and dataset.official_test.tolist() == [False] * 3 + [True]
    said = " ".join(dataset.remarks)
    assert "one of 3 columns that has 1: cat, dog, bird" in said and "not used: 'patient'" in said
    batch, _ = predicted(path)
    assert batch.classes is not None and batch.labels is not None
    assert [batch.classes[code] for code in batch.labels] == ["cat", "dog", "bird", "cat"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dog": [0, 1, 1, 1]}, "2 rows with several 1 .of 4.; the first has 1 in dog and bird"),
        ({"cat": [1, 0, 0, 0]}, "1 rows with no 1 .of 4.; the first has 0 in all columns"),
        ({"cat": [1, 0, 5, 1]}, "1 rows with other values .of 4.; the first has '5' in column cat"),
    ],
)
def test_rows_of_several_labels_or_none_are_refused(tmp_path: Path, kind: str, changes: Any, message: str) -> None:
    path = write(tmp_path, kind, **ONE_HOT | changes)
    place = {"csv": r"line [45]", "parquet": r"row [23]"}[kind]
    refused(path, f"{place}: not one label an image in the columns cat, dog, bird; found {message}.*exactly one 1")
    batch, reading = predicted(path)
    assert batch.labels is None and "cat, dog, bird are not used as labels" in reading.remarks[0]


def test_a_column_of_names_is_preferred_to_one_hot_columns(tmp_path: Path) -> None:
    assert read(write(tmp_path, "csv", breed=["x", "y"] * 2, **ONE_HOT)).classes == ("x", "y")
    assert read(write(tmp_path, "csv", cat=[1, 0, 0, 1])).classes == ("0", "1")
