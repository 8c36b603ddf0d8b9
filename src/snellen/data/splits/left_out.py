"""How many rows a split leaves out, why, and which classes lose most: what is said before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.splits.roles import Roles
from snellen.errors import printable
from snellen.phrases import listing, percent, plural

SHARE_OF_CLASS = 0.01
"""A class that loses more than this share of its rows is named."""
NAMED = 10
"""Classes that are named in a sentence, those that lose most first."""

REASONS = {
    "in official test": "{} with an exact copy in the official test",
    "related to official test": "{} near to an image of the official test, or in a group with one",
    "duplicate": "{} that copy an earlier one",
}


@dataclass(frozen=True)
class LeftOutRows:
    """The rows left out for one reason. rows: how many; of: how many there are outside the official test. by_class: how
    many of each class, and of how many, for the classes that lose more than SHARE_OF_CLASS, most first."""

    reason: str
    rows: int
    of: int
    by_class: dict[str, tuple[int, int]]

    @property
    def counts(self) -> str:
        """219 images near to an image of the official test, ... (3.0 % of 7,291): 210 of 1,005 of class 1."""
        what = REASONS[self.reason].format(plural(self.rows, "image"))
        lost = [f"{lost:,} of {count:,} of class {printable(name)}" for name, (lost, count) in self.by_class.items()]
        more = f" and of {len(lost) - NAMED:,} other classes" if len(lost) > NAMED else ""
        named = f": {listing(lost[:NAMED])}{more}" if lost else ""
        return f"{what} ({percent(self.rows / self.of)} of {self.of:,}){named}"

    @property
    def sentence(self) -> str:
        """The counts as a sentence."""
        return f"Left out: {self.counts}."


def left_out_rows(dataset: Dataset, roles: Roles) -> list[LeftOutRows]:
    """The rows that a split leaves out, by reason, in the order of REASONS."""
    own = np.ones(len(dataset), bool) if dataset.official_test is None else ~dataset.official_test
    sizes, found = _count(dataset, np.flatnonzero(own)), list[LeftOutRows]()
    for reason in REASONS:
        rows = np.array([each.row for each in roles.left_out if each.reason == reason], np.int64)
        lost = _count(dataset, rows)
        share = lost / np.maximum(sizes, 1)
        order = [k for k in np.argsort(-lost, kind="stable").tolist() if share[k] > SHARE_OF_CLASS]
        by_class = {dataset.classes[k]: (int(lost[k]), int(sizes[k])) for k in order}
        if len(rows):
            found.append(LeftOutRows(reason, len(rows), int(own.sum()), by_class))
    return found


def near_sentence(pairs: int, images: int, together: bool) -> str:
    """What is said of near-duplicates in two roles. together: whether the split keeps near-duplicates together, as far
    as they are near to one representative."""
    what = f"Nearly identical to an image in another part of the split: {plural(images, 'image')} ({plural(pairs, 'pair')})."
    if together:
        return (
            f"{what} They belong to chains of images, each near to the next, which are divided. Where such images "
            "belong together, name them with `group`."
        )
    return f"{what} To keep such images together: --set data.near_duplicates=together"


def _count(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    return np.bincount(dataset.labels[rows], minlength=len(dataset.classes))
