"""Protects the posterior of a difference over folds: it is baycomp's, and that of its formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from snellen.errors import StudyError
from snellen.statistics.bayesian_correlated_t import correlated_posterior
from snellen.statistics.corrected_resampled_t import fold_limits

A = np.array([0.80, 0.82, 0.79, 0.85, 0.81, 0.83, 0.80, 0.84, 0.82, 0.81])
B = np.array([0.78, 0.81, 0.80, 0.82, 0.80, 0.80, 0.79, 0.81, 0.83, 0.79])


@pytest.mark.parametrize(
    ("folds", "rope", "expected"),
    [
        (10, 0.01, (0.7113598965410868, 0.2851127177925328, 0.003527385666380445)),
        (5, 0.01, (0.6680067588191672, 0.3196866809612461, 0.01230656021958676)),
        (10, 0.005, (0.8872186243104718, 0.10148131478588862, 0.011300060903639553)),
    ],
)
def test_probabilities_are_those_of_baycomp(folds: int, rope: float, expected: tuple[float, float, float]) -> None:
    """baycomp 1.0.3, by the authors of the paper: `two_on_single(A, B, rope, runs=10 / folds)`."""
    found = correlated_posterior(A, B, (folds - 1) * 50, 50, rope)
    assert found is not None
    assert (found.better, found.equivalent, found.worse) == pytest.approx(expected, abs=1e-9)


def test_the_posterior_is_that_of_the_formula() -> None:
    n_train, n_test, margin = 450.0, 50.0, 0.004
    found = correlated_posterior(A, B, n_train, n_test, margin)
    rho, d = n_test / (n_train + n_test), A - B
    law = t(9, d.mean(), np.sqrt((1 / 10 + rho / (1 - rho)) * d.var(ddof=1)))
    assert found is not None and found.degrees_of_freedom == 9
    assert (found.worse, found.better) == pytest.approx((law.cdf(-margin), law.sf(margin)))
    assert (found.low, found.high) == pytest.approx(law.interval(0.95))
    assert found.better + found.equivalent + found.worse == pytest.approx(1)


def test_its_interval_is_that_of_the_corrected_test() -> None:
    """With this prior: which is why it is no second road to "better"."""
    test, found = fold_limits(A, B, 450, 50).difference, correlated_posterior(A, B, 450, 50, 0.01)
    assert found is not None and (found.low, found.high) == pytest.approx((test.low, test.high))


def test_seeds_of_a_split_are_averaged_first() -> None:
    twice = correlated_posterior(np.stack([A, A], 1), np.stack([B, B], 1), 450, 50, 0.01)
    assert twice == correlated_posterior(A, B, 450, 50, 0.01)


def test_without_variation_there_is_no_posterior() -> None:
    assert correlated_posterior(B + 0.1, B, 450, 50, 0.01) is None
    with pytest.raises(StudyError):
        correlated_posterior(A[:1], B[:1], 450, 50, 0.01)
