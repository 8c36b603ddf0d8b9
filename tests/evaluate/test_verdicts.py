"""Protects the words: each is printed exactly where its predicate holds, and "cannot tell" where none does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.evaluate.verdicts import CANNOT_TELL, Verdict, equivalence_margin, verdict
from snellen.statistics.results import Difference

MARGIN = 0.005


def between(low: float | None, high: float | None) -> Difference:
    middle = 0.0 if low is None or high is None else (low + high) / 2
    return Difference(middle, low, high, 0.01, 0.01, 4.0, "both", "t")


def word_of(low: float | None, high: float | None, adjusted: float, margin: float) -> Verdict:
    """Of the only comparison of a report: the simultaneous limits are its own."""
    return verdict(between(low, high), None if low is None or high is None else (low, high), adjusted, margin)


def test_the_margin_is_held_against_the_limits_of_all_comparisons() -> None:
    """Its own interval lies above the margin, or inside; that of all comparisons together does not."""
    assert verdict(between(0.006, 0.02), (0.003, 0.023), 0.01, MARGIN).word == "better"
    assert verdict(between(-0.02, -0.006), (-0.03, 0.001), 0.01, MARGIN).word == "worse"
    assert verdict(between(-0.004, 0.004), (-0.006, 0.006), 0.9, MARGIN).word == "cannot tell"


@pytest.mark.parametrize(
    ("low", "high", "adjusted", "word"),
    [
        (0.006, 0.02, 0.01, "clearly better"),
        (0.004, 0.02, 0.01, "better"),
        (0.005, 0.02, 0.01, "better"),
        (0.006, 0.02, 0.06, "cannot tell"),
        (0.006, 0.02, 0.05, "cannot tell"),
        (-0.001, 0.02, 0.01, "cannot tell"),
        (0.0, 0.02, 0.01, "cannot tell"),
        (0.001, 0.004, 0.01, "better"),
        (0.001, 0.004, 0.2, "equivalent"),
        (-0.004, 0.004, 0.9, "equivalent"),
        (-0.005, 0.004, 0.9, "cannot tell"),
        (-0.004, 0.005, 0.9, "cannot tell"),
        (-0.02, 0.02, 0.9, "cannot tell"),
        (-0.02, -0.004, 0.01, "worse"),
        (-0.02, -0.006, 0.01, "clearly worse"),
        (-0.02, -0.006, 0.3, "cannot tell"),
        (None, None, 0.001, "cannot tell"),
    ],
)
def test_words(low: float | None, high: float | None, adjusted: float, word: str) -> None:
    assert word_of(low, high, adjusted, MARGIN).word == word


limits = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted)


@given(limits, st.floats(0, 1), st.floats(0, 0.005))
def test_predicates_hold_for_all_intervals(ends: list[float], adjusted: float, margin: float) -> None:
    low, high = ends
    found = word_of(low, high, adjusted, margin)
    assert found.better == (adjusted < 0.05 and low > 0)
    assert found.clearly_better == (adjusted < 0.05 and low > margin)
    assert found.equivalent == (-margin < low and high < margin)
    assert (found.word == "cannot tell") == (found == CANNOT_TELL)
    swapped = word_of(-high, -low, adjusted, margin)
    assert (swapped.worse, swapped.clearly_worse, swapped.equivalent) == (
        found.better,
        found.clearly_better,
        found.equivalent,
    )


def test_better_by_less_than_matters_is_both() -> None:
    found = word_of(0.001, 0.004, 0.01, MARGIN)
    assert found.better and found.equivalent and not found.clearly_better


def test_the_margin_is_half_a_point_or_a_tenth_of_the_best_error() -> None:
    assert equivalence_margin(0.10) == equivalence_margin(0.05) == 0.005
    assert equivalence_margin(0.02) == pytest.approx(0.002)


def test_without_errors_nothing_is_equivalent() -> None:
    assert word_of(-1e-9, 1e-9, 1.0, equivalence_margin(0.0)).word == "cannot tell"
