"""Sentences, before training, on the rows that a split leaves out, the reasons, and the classes that lose most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.inspect.near_duplicates import NearDuplicates
from snellen.data.splits.related import related_rows
from snellen.data.splits.roles import Reason, Roles, near_in_two_roles
from snellen.errors import printable
from snellen.phrases import listing, percent, plural

SHARE_OF_CLASS = 0.01
"""A class that loses more than this share of its rows is named."""
NAMED = 10
"""The most classes that a sentence names, those that lose most first."""

REASONS: dict[Reason, str] = {
    "in official test": "{} with an exact copy in the official test",
    "related to official test": "{} near to an image of the official test, or in a group with one",
    "in official validation": "{} with an exact copy in the official validation part",
    "related to official validation": "{} near to an image of the official validation part, or in a group with one",
    "duplicate": "{} that copy an earlier one",
    "excluded by review": "{} that reviews exclude",
    "not drawn for training": "{} not drawn for training (`split.train`)",
}


@dataclass(frozen=True)
class LeftOutRows:
    """The rows left out for one reason. rows: their number; of: the number of rows outside the official part. by_class:
    the number left out and the number of rows, for classes that lose more than SHARE_OF_CLASS, most first; empty if the
    study asks for fewer training images, because then all classes lose in proportion."""

    reason: Reason
    rows: int
    of: int
    by_class: dict[str, tuple[int, int]]

    @property
    def counts(self) -> str:
        """For example "219 images near to an image of the official test, ... (3.0 % of 7,291): 210 of 1,005 of class
        1"."""
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
    found = list[LeftOutRows]()
    for reason in REASONS:
        outside = _outside(dataset, reason)
        sizes = _count(dataset, outside)
        rows = np.array([each.row for each in roles.left_out if each.reason == reason], np.int64)
        lost = _count(dataset, rows)
        share = lost / np.maximum(sizes, 1)
        most = [] if reason == "not drawn for training" else np.argsort(-lost, kind="stable").tolist()
        order = [k for k in most if share[k] > SHARE_OF_CLASS]
        by_class = {dataset.classes[k]: (int(lost[k]), int(sizes[k])) for k in order}
        if len(rows):
            found.append(LeftOutRows(reason, len(rows), len(outside), by_class))
    return found


@dataclass(frozen=True)
class NearApart:
    """Near-duplicates with different roles. pairs, images: their numbers. together: whether the split keeps
    near-duplicates of a common representative together. costs: if not, the number of images that this would leave
    out."""

    pairs: int
    images: int
    together: bool
    costs: int

    @property
    def sentence(self) -> str:
        """The counts, and advice."""
        counts = f"{plural(self.images, 'image')} ({plural(self.pairs, 'pair')})"
        what = f"Nearly identical to an image in another part of the split: {counts}."
        if self.together:
            return (
                f"{what} They belong to chains of images, each near to the next, which are divided. Where such images "
                "belong together, name them with `group`."
            )
        costs = f", which leaves out {plural(self.costs, 'image')} near to an official part" if self.costs else ""
        return f"{what} To keep such images together: --set data.near_duplicates=together{costs}"


def near_apart(dataset: Dataset, roles: Roles, near: NearDuplicates, together: bool) -> NearApart | None:
    """The near-duplicates with different roles; None if there are none."""
    pairs = near_in_two_roles(near, roles)
    if not pairs.shape[1]:
        return None
    units, left_out = related_rows(dataset, near.copies, near), np.zeros(len(dataset), bool)
    for part in (dataset.official_test, dataset.official_validation):
        if part is not None:
            left_out |= np.isin(units, units[part]) & ~part
    drawn = [rows for role, rows in roles.rows.items() if role != "test" or dataset.official_test is None]
    costs = 0 if together else int(left_out[np.concatenate(drawn)].sum())
    return NearApart(pairs.shape[1], len(np.unique(pairs)), together, costs)


def _outside(dataset: Dataset, reason: Reason) -> np.ndarray:
    """The rows that can be left out for this reason: those outside the official test, and for the validation part those
    outside both."""
    inside = np.zeros(len(dataset), bool)
    for part in (dataset.official_test, dataset.official_validation if reason.endswith("validation") else None):
        if part is not None:
            inside |= part
    return np.flatnonzero(~inside)


def _count(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    return np.bincount(dataset.labels[rows], minlength=len(dataset.classes))
