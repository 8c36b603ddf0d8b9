"""Protects tables of pixels that are predicted: no size is guessed that is not the model's, and bad rows are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snellen.data.readers.reader import Options
from snellen.data.resizing import Resizing
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.images import open_images
from snellen.errors import DataError
from snellen.models.bundle import Input

RANDOM = np.random.default_rng(3)
GREY = RANDOM.integers(0, 256, (12, 6, 6))
SMOOTH = np.add.outer(RANDOM.integers(0, 40, 30), np.add.outer(np.arange(7) * 5, np.arange(5) * 9)).reshape(30, 35)
"""Images of 7x5 in which neighbouring pixels differ least in just that size."""


def opened(path: Path, options: Options | None = None, **changes: Any) -> tuple[Batch, Reading]:
    inputs = Input(**{"height": 6, "width": 6, "channels": 1, "pixel_range": (0, 255), **changes})
    reading = Reading(options or Options())
    (batch,) = open_images([str(path)], inputs, None, classes=("cat", "dog"), reading=reading)
    return batch, reading


def write(path: Path, header: list[str] | None, rows: Any) -> Path:
    lines = [*([header] if header else []), *rows]
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    return path


def flat(number: int) -> list[str]:
    return [f"pixel{place}" for place in range(number)]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (flat(35), SMOOTH),
        (["id", *flat(35)], [[f"a{row}", *values] for row, values in enumerate(SMOOTH.tolist())]),
        (["label", *flat(35)], [[row % 2, *values] for row, values in enumerate(SMOOTH.tolist())]),
        (None, SMOOTH + 1),
        (flat(64), RANDOM.integers(0, 256, (10, 64))),
        (["pixels"], [[" ".join(map(str, values))] for values in SMOOTH.tolist()]),
    ],
    ids=["grey", "with ids", "with labels", "no header", "a square", "a text of pixels"],
)
def test_a_size_that_only_the_number_of_values_suggests_is_refused(tmp_path: Path, header: Any, rows: Any) -> None:
    path = write(tmp_path / "t.csv", header, rows)
    with pytest.raises(DataError, match=r"found \d\d; expected 36 for the model's 6x6 pixels.*--size \d \d"):
        opened(path)
    size = (8, 8) if header == flat(64) else (7, 5)
    batch, reading = opened(path, Options(size=size))
    assert batch.images.shape == (len(rows), 6, 6, 1)
    assert (
        f"of {size[0]}x{size[1]} pixels"
        in reading.conversions.sentences(Input(height=6, width=6, channels=1, pixel_range=(0, 255)))[0]
    )


def test_names_that_say_the_size_are_enough(tmp_path: Path) -> None:
    names = [f"{row}x{column}" for row in range(7) for column in range(5)]
    batch, reading = opened(write(tmp_path / "t.csv", names, SMOOTH))
    assert len(batch.ids) == 30 and reading.conversions.sizes[7, 5] == 30


def test_a_model_of_resized_images_takes_squares_of_other_sizes_as_in_training(tmp_path: Path) -> None:
    fit = Resizing(step="resize", height=6, width=6)
    batch, _ = opened(write(tmp_path / "t.csv", flat(64), RANDOM.integers(0, 256, (10, 64))), fit=fit)
    assert batch.images.shape == (10, 6, 6, 1)
    with pytest.raises(DataError, match="found 35; expected 36"):
        opened(write(tmp_path / "u.csv", flat(35), SMOOTH), fit=fit)


@pytest.mark.parametrize("kind", ["columns", "ids", "labels", "no header", "text", "float"])
def test_bad_rows_are_named_and_the_others_answered(tmp_path: Path, kind: str) -> None:
    cells = GREY.reshape(12, -1).astype(object)
    if kind == "float":
        cells = cells / 255
    cells[2, 5], cells[4, 0], cells[9, 35] = "nan", "none", ""
    if kind == "text":
        cells[9, 35] = "1e99"
    rows, header, ids = cells.tolist(), flat(36), [f"t.csv:{row}" for row in range(12)]
    if kind == "ids":
        ids = [f"n{row}" for row in range(12)]
        header, rows = ["id", *header], [[name, *row] for name, row in zip(ids, rows, strict=True)]
    if kind == "labels":
        header, rows = ["label", *header], [["cat", *row] for row in rows]
    if kind == "text":
        header, rows = ["pixels"], [[" ".join(map(str, row))] for row in rows]
    else:
        rows[7] = rows[7][:-1]  # too few
    batch, reading = opened(write(tmp_path / "t.csv", None if kind == "no header" else header, rows))
    bad = [2, 4, 9] if kind == "text" else [2, 4, 7, 9]
    good = [row for row in range(12) if row not in bad]
    assert batch.ids == [ids[row] for row in good] and [each.file for each in reading.failed] == [
        ids[row] for row in bad
    ]
    expected = GREY[good] if kind != "float" else (GREY[good] / 255).astype(np.float32) * 255
    np.testing.assert_allclose(batch.images[..., 0], expected, rtol=1e-5)
    assert f"row 2 (line {3 if kind == 'no header' else 4})" in reading.failed[0].reason
    assert "'nan'" in reading.failed[0].reason


def test_a_table_without_a_good_row_is_refused(tmp_path: Path) -> None:
    cells = GREY.reshape(12, -1).astype(object)
    cells[:, 3] = "nan"
    with pytest.raises(DataError, match=r"row 0 \(line 2\): column pixel3: not a number; found 'nan'"):
        opened(write(tmp_path / "t.csv", flat(36), cells))
