"""Protects the one list of names of columns: a frame, a manifest, a pixel CSV and Parquet understand the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import image_cases as cases
import numpy as np
import polars as pl
import pytest

import snellen
from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.readers.column_names import CERTAIN_LABELS, NAMES, is_called
from snellen.errors import DataError

ROWS = 12
PIXELS = np.random.default_rng(2).integers(0, 256, (ROWS, 16))
WORDS = [("cat", "dog")[row % 2] for row in range(ROWS)]
LABELS = ["label", "class", "labels", "Class Name", "breed", "species", "diagnosis", "emotion", "target", "Category"]


def images(folder: Path) -> list[str]:
    for row in range(ROWS):
        cases.save(folder / f"{row}.png", cases.COLOUR ^ row)
    return [f"{row}.png" for row in range(ROWS)]


def by_kind(folder: Path, kind: str, table: pl.DataFrame) -> Dataset:
    if kind == "frame":
        return snellen.as_dataset(table, folder=folder)
    if kind == "dict":
        return snellen.as_dataset({name: table[name].to_list() for name in table.columns}, folder=folder)
    path = folder / f"list.{kind}"
    table.write_csv(path) if kind == "csv" else table.write_parquet(path)
    return read(path)


@pytest.mark.parametrize("kind", ["frame", "dict", "csv", "parquet"])
@pytest.mark.parametrize("label", LABELS)
def test_labels_of_images_in_files(tmp_path: Path, kind: str, label: str) -> None:
    dataset = by_kind(tmp_path, kind, pl.DataFrame({"filename": images(tmp_path), label: WORDS, "size": [1] * ROWS}))
    assert dataset.classes == ("cat", "dog") and dataset.labels.tolist() == [0, 1] * 6
    assert any(f"column `{label}`" in each for each in dataset.remarks) == (label not in ("label", "class"))


@pytest.mark.parametrize("kind", ["frame", "dict", "csv"])
@pytest.mark.parametrize("label", LABELS)
def test_labels_of_pixels(tmp_path: Path, kind: str, label: str) -> None:
    columns = {label: WORDS} | {f"pixel{place}": PIXELS[:, place] for place in range(16)}
    dataset = by_kind(tmp_path, kind, pl.DataFrame(columns))
    assert dataset.classes == ("cat", "dog") and dataset.labels.tolist() == [0, 1] * 6
    np.testing.assert_array_equal(dataset.images.reshape(ROWS, 16), PIXELS)


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
@pytest.mark.parametrize("path", ["path", "image", "image_path", "Filepath", "img", "photo", "image_id", "id"])
def test_paths(tmp_path: Path, kind: str, path: str) -> None:
    dataset = by_kind(tmp_path, kind, pl.DataFrame({path: images(tmp_path), "label": WORDS}))
    np.testing.assert_array_equal(dataset.images[3], cases.COLOUR ^ 3)


@pytest.mark.parametrize("kind", ["frame", "dict", "csv"])
@pytest.mark.parametrize("role", ["split", "role", "usage", "subset", "data_split"])
def test_parts(tmp_path: Path, kind: str, role: str) -> None:
    columns: dict[str, Any] = {"label": WORDS, role: ["train"] * 8 + ["val"] * 2 + ["test"] * 2}
    dataset = by_kind(tmp_path, kind, pl.DataFrame(columns | {f"p{n}": PIXELS[:, n] for n in range(16)}))
    assert dataset.official_test is not None and dataset.official_test.sum() == 2
    assert dataset.official_validation is not None and dataset.official_validation.sum() == 2


FORMS = {
    "shuffled": [f"pixel{place}" for place in np.random.default_rng(0).permutation(16)],
    "rows and columns": [f"{place // 4}x{place % 4}" for place in range(16)],
    "row and column words": [f"row{place // 4 + 1}_col{place % 4 + 1}" for place in range(16)],
    "numbers": [f"{place}" for place in range(16)],
    "from 1": [f"px_{place + 1:03}" for place in range(16)],
    "not square": [f"{place // 8}x{place % 8}" for place in range(16)],
}


@pytest.mark.parametrize("form", FORMS)
def test_names_of_pixels_are_understood_alike(tmp_path: Path, form: str) -> None:
    table = pl.DataFrame({"label": WORDS} | {name: PIXELS[:, place] for place, name in enumerate(FORMS[form])})
    frame, csv = by_kind(tmp_path, "frame", table), by_kind(tmp_path, "csv", table)
    assert frame.fingerprint == csv.fingerprint and frame.images.shape == csv.images.shape
    assert frame.images.shape[1:3] == ((2, 8) if form == "not square" else (4, 4))


def test_columns_of_pixels_that_are_missing_are_named(tmp_path: Path) -> None:
    table = pl.DataFrame({"label": WORDS} | {f"pixel{n}": PIXELS[:, n] for n in range(16) if n != 5})
    for kind in ("frame", "csv"):
        with pytest.raises(DataError, match=r"pixel columns are missing; found 15 columns.*without number 5"):
            by_kind(tmp_path, kind, table)


def test_a_frame_to_predict_whose_size_is_only_a_guess(tmp_path: Path) -> None:
    from snellen.deploy.batch import Reading
    from snellen.deploy.given import open_given
    from snellen.models.bundle import Input

    inputs = Input(height=2, width=8, channels=1, pixel_range=(0, 255))
    frame = pl.DataFrame({f"pixel{n}": PIXELS[:, n] for n in range(16)})
    (batch,) = open_given(frame, inputs, Reading())
    np.testing.assert_array_equal(batch.images.reshape(ROWS, 16), PIXELS)
    with pytest.raises(DataError, match=r"found 15; expected 16 for the model's 2x8 pixels.*reshape"):
        list(open_given(frame.drop("pixel15"), inputs, Reading()))
    named = pl.DataFrame({f"{n // 3}x{n % 3}": PIXELS[:, n] for n in range(9)})
    (batch,) = open_given(named, inputs, Reading())
    assert batch.images.shape == (ROWS, 2, 8, 1)


def test_names_of_certain_labels_are_in_the_list() -> None:
    assert all(is_called("label", name) for name in CERTAIN_LABELS)
    for use, tiers in NAMES.items():
        names = [name for tier in tiers[1:] for name in tier]
        assert len({*names}) == len(names), use
