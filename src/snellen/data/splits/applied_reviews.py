"""The changes of a data set with roles by reviews."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from snellen.data.reviews import Review, Reviews
from snellen.phrases import listing, plural


@dataclass(frozen=True, eq=False)
class AppliedReviews:
    """The changes by reviews. rows: rows of the data set for each review, in the order of the file; empty if it fits no
    image. corrected: row -> new label; excluded: rows; in_test: reviewed rows of the test, which are not changed."""

    reviews: Reviews
    rows: tuple[np.ndarray, ...]
    corrected: dict[int, int]
    excluded: np.ndarray
    in_test: np.ndarray

    @property
    def unmatched(self) -> int:
        """The number of reviews that fit no image of these data."""
        return sum(not len(rows) for rows in self.rows)

    def count(self, verdict: str) -> int:
        """The number of reviews with this verdict that fit an image."""
        return sum(review.verdict == verdict and len(rows) > 0 for review, rows in self.matched)

    @property
    def matched(self) -> Iterable[tuple[Review, np.ndarray]]:
        """Each review with its rows."""
        return zip(self.reviews.rows, self.rows, strict=True)

    @property
    def sentence(self) -> str:
        """A sentence on the changes, with counts."""
        total = len(self.reviews.rows)
        done = [
            f"{plural(len(self.corrected), 'label')} corrected",
            f"{plural(len(self.excluded), 'image')} excluded",
            f"{self.count('right'):,} found right",
            f"{self.count('unsure'):,} unsure",
        ]
        again = f", and {plural(self.reviews.repeated, 'repeated row')}" if self.reviews.repeated else ""
        said = f"Reviews applied from {self.reviews.name} ({plural(total, 'row')}{again}): {listing(done)}."
        if len(self.in_test):
            kept = "it keeps its label" if len(self.in_test) == 1 else "they keep their labels"
            said += f" {plural(len(self.in_test), 'reviewed image')} of the test: {kept}."
        if self.unmatched:
            fit, change = ("fits", "changes") if self.unmatched == 1 else ("fit", "change")
            said += f" {plural(self.unmatched, 'row')} {fit} no image and label of these data, and {change} nothing."
        return said
