"""Protects submissions: two columns, a row for each image in the order of the file, and no id that belongs to another
row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from typer.testing import CliRunner, Result

from snellen.api import Run
from snellen.cli import app
from snellen.deploy.answers import answer
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.submission import submission, submission_columns
from snellen.errors import DataError, SnellenError, StudyError

DIGITS = load_digits().images[:12].astype(int)
PIXELS = [f"pixel{place}" for place in range(64)]
WANTED = ("ImageId", "Label")


def write(path: Path, rows: Sequence[Sequence[object]], header: Sequence[str] = PIXELS) -> Path:
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [header, *rows]))
    return path


def submit(run: Run, path: Path, *options: str) -> tuple[Result, Path]:
    out = path.with_name("out.csv")
    arguments = ["predict", run.folder, path, "--csv", out, "--columns", "ImageId,Label", *options]
    return CliRunner().invoke(app, [str(each) for each in arguments]), out


def expected(run: Run) -> list[str]:
    model = run.model()
    return [model.classes[code] for code in model.probabilities(DIGITS.astype(np.uint8)[..., None]).argmax(1)]


def test_a_table_without_labels_becomes_what_kaggle_wants(small_run: Run, tmp_path: Path) -> None:
    result, out = submit(small_run, write(tmp_path / "test.csv", DIGITS.reshape(12, -1).tolist()))
    assert result.exit_code == 0, result.output
    lines = [f"{number},{name}" for number, name in enumerate(expected(small_run), 1)]
    assert out.read_text().splitlines() == ["ImageId,Label", *lines]
    assert "no ids of their own: they are numbered from 1 to 12" in result.stderr


def test_numbers_begin_where_the_user_says_and_nothing_is_to_be_said(small_run: Run, tmp_path: Path) -> None:
    result, out = submit(
        small_run, write(tmp_path / "test.csv", DIGITS.reshape(12, -1).tolist()), "--first-id", "0", "--class-numbers"
    )
    assert result.exit_code == 0 and "numbered" not in result.stderr
    table = pl.read_csv(out)
    assert table["ImageId"].to_list() == list(range(12))
    assert table["Label"].to_list() == [int(name) for name in expected(small_run)]  # here class 7 is called 7


@pytest.mark.parametrize("column", ["id", "ImageId"])
def test_the_files_own_ids_are_kept(small_run: Run, tmp_path: Path, column: str) -> None:
    rows = [[f"0{100 - row}", *values] for row, values in enumerate(DIGITS.reshape(12, -1).tolist())]
    result, out = submit(small_run, write(tmp_path / "test.csv", rows, [column, *PIXELS]))
    assert result.exit_code == 0 and "numbered" not in result.stderr
    table = pl.read_csv(out, infer_schema=False)
    assert table["ImageId"].to_list() == [f"0{100 - row}" for row in range(12)]
    assert table["Label"].to_list() == expected(small_run)


def test_images_are_named_by_their_files(small_run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for row, image in enumerate(DIGITS):
        Image.fromarray(np.uint8(image * 15)).save(tmp_path / f"in/{row:02}.png")
    result, out = submit(small_run, tmp_path / "in")
    assert result.exit_code == 0
    assert pl.read_csv(out)["ImageId"].to_list() == [f"{row:02}.png" for row in range(12)]


def test_no_row_is_left_out_silently(small_run: Run, tmp_path: Path) -> None:
    rows = DIGITS.reshape(12, -1).astype(object).tolist()
    rows[3][7] = "oops"
    result, out = submit(small_run, write(tmp_path / "test.csv", rows))
    assert isinstance(result.exception, DataError) and "test.csv:3" in str(result.exception) and not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--columns", "ImageId,Label"], "--columns is for a file; expected --csv FILE --columns ImageId,Label"),
        (["--csv", "o.csv", "--first-id", "1"], "--first-id is for --columns"),
        (["--csv", "o.csv", "--class-numbers"], "--class-numbers is for --columns"),
        (["--csv", "o.csv", "--columns", "ImageId"], "needs two different names; found 'ImageId'"),
        (["--csv", "o.csv", "--columns", "a,b,c"], "needs two different names"),
        (["--csv", "o.csv", "--columns", "a, a"], "needs two different names"),
        (["--csv", "o.csv", "--columns", ",Label"], "needs two different names"),
    ],
)
def test_wrong_use_is_an_error_before_anything_is_read(small_run: Run, options: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["predict", str(small_run.folder), "nowhere.csv", *options])
    assert isinstance(result.exception, SnellenError) and words in str(result.exception)


def test_rows_of_several_files_or_parts_have_no_common_numbers(small_run: Run) -> None:
    model, images = small_run.model(), DIGITS.astype(np.uint8)[..., None]
    several = [Batch([f"{name}.csv:{row}" for row in range(6)], images[:6], numbered=True) for name in "ab"]
    parted = [Batch([f"a.csv:{row}" for row in (0, 2, 1)], images[:3], numbered=True)]
    for batches in (several, parted):
        with pytest.raises(StudyError, match="numbered in the order of one file"):
            submission(answer(model, batches), WANTED, 1, Reading())


def test_what_thresholds_leave_open_and_formulas_are_said(small_run: Run) -> None:
    model, images = small_run.model(), DIGITS.astype(np.uint8)[..., None]
    found = answer(model, [Batch([*"abcdefghijkl"], images)])
    left = replace(found, answered=np.arange(12) > 1, classes=("=1", *found.classes[1:]))
    reading = Reading()
    table = submission(left, submission_columns(" id , class "), None, reading)
    assert table.columns == ["id", "class"] and table["id"].to_list() == [*"abcdefghijkl"]
    assert "also the 2 that the thresholds of the model leave open" in reading.remarks[0]
    assert "=1 begins like a formula" in reading.remarks[1]
