"""The section of data.json on the reviews of a study: what they changed, what they would change in the test, and how
many of the reviewed suspects are wrong."""

from __future__ import annotations

from collections.abc import Iterable

from snellen.data.reviews import Review, as_class
from snellen.data.splits.applied_reviews import AppliedReviews
from snellen.data.splits.split_data import SplitData
from snellen.evaluate.data_file import ReviewedLabel, ReviewedList, ReviewedTest, ReviewsSection

LISTED = 1_000
"""The most changed labels that are listed; all are counted."""


def reviews_section(data: SplitData, applied: AppliedReviews) -> ReviewsSection:
    """The section. data: the data after the reviews."""
    reviews = applied.reviews
    return {
        "file": reviews.name,
        "sha256": reviews.sha256,
        "rows": len(reviews.rows),
        "corrected": len(applied.corrected),
        "excluded": len(applied.excluded),
        "right": applied.count("right"),
        "unsure": applied.count("unsure"),
        "unmatched": applied.unmatched,
        "changes": _changes(data, applied),
        "test_images": len(applied.in_test),
        "test": _in_test(data, applied),
        "listed": listed(reviews.rows),
    }


def listed(reviews: Iterable[Review]) -> ReviewedList | None:
    """The reviews of suspects. An excluded image counts as wrong, an uncertain one as not wrong."""
    ranked = [each for each in reviews if each.rank is not None]
    if not ranked:
        return None
    lengths = {each.suspects for each in ranked}
    ranks = {each.rank for each in ranked}
    return {
        "reviewed": len(ranked),
        "wrong": sum(each.verdict in ("wrong", "exclude") for each in ranked),
        "unsure": sum(each.verdict == "unsure" for each in ranked),
        "suspects": lengths.pop() if len(lengths) == 1 else None,
        "first": ranks == set(range(1, len(ranked) + 1)),
    }


def _changes(data: SplitData, applied: AppliedReviews) -> list[ReviewedLabel]:
    assert data.unreviewed is not None  # data with reviews
    before, classes, ids = data.unreviewed.dataset.labels, data.dataset.classes, data.dataset.ids
    roles = {int(row): role for role, rows in data.unreviewed.roles.rows.items() for row in rows}
    new = {row: classes[label] for row, label in applied.corrected.items()}
    rows = sorted({*new, *applied.excluded.tolist()})[:LISTED]
    return [
        {"row": row, "id": str(ids[row]), "role": roles[row], "label": classes[before[row]], "to": new.get(row)}
        for row in rows
    ]


def _in_test(data: SplitData, applied: AppliedReviews) -> list[ReviewedTest]:
    classes, tested = data.dataset.classes, set(applied.in_test.tolist())
    found: list[ReviewedTest] = [
        {
            "row": row,
            "id": str(data.dataset.ids[row]),
            "label": as_class(review.label, classes),
            "review": review.verdict,
            "to": as_class(review.correct_label, classes) if review.correct_label else None,
        }
        for review, rows in applied.matched
        for row in rows.tolist()
        if row in tested
    ]
    return sorted(found, key=lambda one: one["row"])[:LISTED]
