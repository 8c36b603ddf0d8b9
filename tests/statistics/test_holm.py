"""Protects the one correction of a report: Holm is statsmodels', false claims stay under 5 % in the whole family."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from snellen.errors import StudyError
from snellen.statistics.holm import family, holm

RANDOM = np.random.default_rng(6)


@pytest.mark.parametrize("count", [1, 2, 7, 45])
def test_holm_is_that_of_statsmodels(count: int) -> None:
    for values in (RANDOM.random(count), RANDOM.random(count) ** 4, np.full(count, 0.01), np.zeros(count)):
        np.testing.assert_allclose(holm(values), multipletests(values, method="holm")[1])


def test_a_family_of_true_nulls_makes_a_false_claim_in_one_of_twenty() -> None:
    """2,000 families of 10; and of 3 true differences among them, the nulls still count under 5 %."""
    drawn = RANDOM.random((2_000, 10))
    assert 60 < sum((holm(values) < 0.05).any() for values in drawn) <= 123
    drawn[:, :3] = 1e-9
    assert 60 < sum((holm(values)[3:] < 0.05).any() for values in drawn) <= 123


def test_comparisons_keep_their_names_and_order() -> None:
    found = family([("b", 0.02), ("baseline", 0.001), ("c", 0.04)])
    assert list(found.items()) == [("b", 0.04), ("baseline", pytest.approx(0.003)), ("c", 0.04)]


def test_one_more_comparison_named_costs_power() -> None:
    assert family([("a", 0.03)]) == {"a": 0.03}
    assert family([("a", 0.03), ("b", None)])["a"] == pytest.approx(0.06), "even one that gave no p-value"


def test_an_empty_family_claims_nothing() -> None:
    assert family([]) == {}


def test_a_name_stands_once() -> None:
    with pytest.raises(StudyError, match="named twice; found b"):
        family([("a", 0.1), ("b", 0.1), ("b", 0.2)])
