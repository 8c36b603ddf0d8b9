"""Protects the comparison of two networks: McNemar is statsmodels', the interval theory's, identical ones are not told
apart too often."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference

from snellen.errors import StudyError
from snellen.evaluate.pairs import discordance, mcnemar, network_difference, paired_bootstrap

RANDOM = np.random.default_rng(17)
A = RANDOM.random(2_000) < 0.9
B = np.where(RANDOM.random(2_000) < 0.85, A, RANDOM.random(2_000) < 0.8)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (1, 0), (5, 5), (12, 3), (40, 61), (300, 220), (0, 9)])
def test_mcnemar_is_that_of_statsmodels(only_a: int, only_b: int) -> None:
    found = reference([[7, only_a], [only_b, 3]], exact=True).pvalue
    assert mcnemar(only_a, only_b) == pytest.approx(found)


def test_networks_that_never_disagree_are_not_told_apart() -> None:
    found = network_difference(A, A)
    assert mcnemar(0, 0) == found.p_value == 1.0
    assert (found.value, found.low, found.high) == (0.0, None, None)


def test_the_difference_of_two_networks() -> None:
    """Interval of the normal approximation, sqrt(var(d)/n), for 2,000 images."""
    found = network_difference(A, B)
    table = [[(A & B).sum(), (A & ~B).sum()], [(~A & B).sum(), (~A & ~B).sum()]]
    assert found.p_value == pytest.approx(reference(table, exact=True).pvalue)
    assert found.value == pytest.approx(A.mean() - B.mean())
    error = (A.astype(float) - B).std() / np.sqrt(2_000)
    assert found.standard_error == pytest.approx(error, rel=0.06)
    normal = (found.value - 1.96 * error, found.value + 1.96 * error)
    assert (found.low, found.high) == pytest.approx(normal, abs=0.15 * error)
    assert found.covers == "other images"
    assert discordance(A, B) == pytest.approx((table[0][1] + table[1][0]) / 2_000)


def test_the_interval_is_that_of_scipy() -> None:
    """Of losses, by scipy's own percentile bootstrap with other draws."""
    a, b = RANDOM.exponential(0.4, 400), RANDOM.exponential(0.5, 400)
    found = paired_bootstrap(a, b)
    other = stats.bootstrap((a - b,), np.mean, n_resamples=4_000, method="percentile", rng=1)
    assert found.p_value is None
    assert found.low == pytest.approx(other.confidence_interval.low, abs=0.15 * found.standard_error)
    assert found.high == pytest.approx(other.confidence_interval.high, abs=0.15 * found.standard_error)


def test_classes_that_keep_their_size_narrow_the_interval() -> None:
    """A network that is better on one class and worse on the other: between the classes nothing is resampled."""
    classes = np.repeat([0, 1], 200)
    a, b = np.where(classes == 0, 1.0, 0.0), np.where(classes == 0, 0.0, 1.0)
    a[:5] = 0
    assert paired_bootstrap(a, b, classes).standard_error < 0.2 * paired_bootstrap(a, b).standard_error


def test_identical_networks_are_told_apart_in_at_most_one_of_twenty() -> None:
    """2,000 pairs, right or wrong at random on 300 images; the exact test is conservative."""
    only = RANDOM.multinomial(300, [0.05, 0.05, 0.9], 2_000)
    assert 20 < sum(mcnemar(a, b) < 0.05 for a, b, _ in only) <= 123


def test_other_images_are_a_clear_error() -> None:
    with pytest.raises(StudyError, match=r"same images; found \(2000,\) and \(1999,\)"):
        network_difference(A, B[1:])
