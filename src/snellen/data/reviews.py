"""Reviews of labels: a CSV file that says whether the labels of images, identified by content, are right.

The review page of the analysis `wrong_labels` writes it: columns image, label, review, correct_label, and others for
the reader. An image with two labels has two rows.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from snellen.data.duplicates import KEY_BYTES, image_keys
from snellen.data.readers.text_encoding import encoding_of
from snellen.data.streams import open_data, readable
from snellen.errors import DataError, DataNotFound, located, printable, shown
from snellen.files.spreadsheet import FORMULA
from snellen.limits import MAX_REVIEW_BYTES

Verdict = Literal["right", "wrong", "unsure", "exclude"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
COLUMNS = ("picture", "label", "review", "correct_label")
"""The columns that a file must have."""
PREFIX = "blake2b:"
"""Prefix of the hash of an image, so that no spreadsheet takes it for a number."""
KEY = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * KEY_BYTES}}}")
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Review:
    """One row. image: see `pixel_hashes`. correct_label: for `wrong` only. rank: its place in the reviewed list of
    `suspects`; None if the file does not give it."""

    line: int
    image: str
    label: str
    verdict: Verdict
    correct_label: str | None
    rank: int | None = None
    suspects: int | None = None


@dataclass(frozen=True)
class Reviews:
    """All reviews of a file, each once. content: its bytes. repeated: the number of rows that repeat another one."""

    name: str
    content: bytes
    rows: tuple[Review, ...]
    repeated: int = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()


def pixel_hashes(images: np.ndarray) -> np.ndarray:
    """(N,) str: the hash of each stored image (H, W, C), independent of its file, row and label."""
    digests = image_keys(images).tobytes().hex()
    width = 2 * KEY_BYTES
    return np.array([PREFIX + digests[start : start + width] for start in range(0, len(digests), width)], str)


def read_reviews(path: Path) -> Reviews:
    """Reads the file. Raises DataNotFound, or DataError naming the line that is malformed or contradicts another
    row."""
    if not path.exists():
        hint = "The review page of the analysis `wrong_labels` writes it. Paths are relative to the working folder."
        raise DataNotFound("no reviews here", where=str(path), hint=hint)
    with located(str(path)):
        with readable(), open_data(path, MAX_REVIEW_BYTES) as file:
            encoding = encoding_of(file)
            content = file.read(MAX_REVIEW_BYTES)
        rows = tuple(_rows(_text(content, encoding)))
        if not rows:
            raise DataError("no review", found="a header and no row", expected="at least one row")
        _expect_consistent(rows)
    once = _each_once(rows)
    return Reviews(path.name, content, once, len(rows) - len(once))


def as_class(text: str, classes: Sequence[str]) -> str:
    """The class that a cell names, without the ' that tables put before text that a spreadsheet would compute."""
    bare = text.removeprefix("'")
    return bare if text not in classes and text != bare and FORMULA.match(bare) else text


def _text(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        hint = "Save the table as CSV in UTF-8."
        raise DataError("not text in UTF-8", where=f"byte {error.start}", hint=hint) from None


def _rows(text: str) -> Iterator[Review]:
    separator = max(SEPARATORS, key=text.split("\n", 1)[0].count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(table, [])]
        missing = [name for name in COLUMNS if header.count(name) != 1]
        if missing:
            found, expected = ", ".join(map(printable, header)) or "an empty file", ", ".join(COLUMNS)
            raise DataError("not a table of reviews", found=found[:200], expected=f"each once: {expected}")
        for cells in table:
            if any(cells):
                yield _review(header, cells, table.line_num)
    except csv.Error as error:
        raise DataError(f"not CSV: {error}", where=f"line {table.line_num}") from None


def _review(header: Sequence[str], cells: Sequence[str], line: int) -> Review:
    where = f"line {line}"
    if len(cells) != len(header):
        raise DataError("another number of cells", found=f"{len(cells)}", expected=f"{len(header)}", where=where)
    values = dict(zip(header, cells))
    image, label, verdict, correct = (values[name].strip() for name in COLUMNS)
    if not KEY.fullmatch(image):
        raise DataError("not the hash of an image", found=shown(image), expected=f"{PREFIX} and hex", where=where)
    if verdict not in VERDICTS:
        raise DataError("not a review", found=shown(verdict), expected=" or ".join(VERDICTS), where=where)
    if not label:
        raise DataError("no label", expected="the label that was reviewed", where=where)
    if (verdict == "wrong") != bool(correct) and not (verdict == "right" and correct == label):
        expected = "the right class in correct_label" if verdict == "wrong" else f"none for {verdict!r}"
        raise DataError("`correct_label` does not fit the review", found=shown(correct), expected=expected, where=where)
    if verdict == "wrong" and correct == label:
        hint = "Write `right`, or another class."
        raise DataError("a wrong label that is the right one", found=shown(label), where=where, hint=hint)
    known = correct if verdict == "wrong" else None
    rank, suspects = (_count(values.get(name, ""), name, where) for name in ("rank", "suspects"))
    if rank is not None and suspects is not None and rank > suspects:
        raise DataError("`rank` is beyond the list", found=f"{rank}", expected=f"1 to {suspects}", where=where)
    return Review(line, image, label, verdict, known, rank, suspects)


def _count(text: str, name: str, where: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise DataError(f"`{name}` is no number", found=shown(text), expected="a whole number from 1", where=where)
    return int(text)


def _expect_consistent(rows: Sequence[Review]) -> None:
    """Raises DataError for contradicting reviews of one image."""
    own: dict[tuple[str, str], Review] = {}
    truth: dict[str, Review] = {}
    for row in rows:
        earlier = own.setdefault((row.image, row.label), row)
        if (earlier.verdict, earlier.correct_label) != (row.verdict, row.correct_label):
            raise _contradiction(earlier, row)
        if row.verdict in ("right", "wrong"):
            earlier = truth.setdefault(row.image, row)
            if _true_label(earlier) != _true_label(row):
                raise _contradiction(earlier, row)


def _each_once(rows: Sequence[Review]) -> tuple[Review, ...]:
    """The reviews without repeated ones; of equal ones the first with its place in a list, else the first."""
    found: dict[tuple[str, str], Review] = {}
    for row in rows:
        own = row.image, row.label
        if own not in found or (found[own].rank is None and row.rank is not None):
            found[own] = row
    return tuple(found.values())


def _true_label(row: Review) -> str:
    return row.correct_label or row.label


def _contradiction(review: Review, other: Review) -> DataError:
    rows = (f"line {each.line}: label {shown(each.label)}, {_words(each)}" for each in (review, other))
    hint = "Keep the row that is right."
    return DataError("two reviews of one image contradict each other", found="; ".join(rows), hint=hint)


def _words(row: Review) -> str:
    return f"wrong, {shown(row.correct_label)}" if row.correct_label else row.verdict
