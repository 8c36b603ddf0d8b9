"""Protects what is said of folds: the correction is that of Nadeau and Bengio, seeds of a split are no new splits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snellen.errors import StudyError
from snellen.statistics.corrected_resampled_t import (
    disagreement,
    fold_limits,
    fold_mean,
    retraining_variance,
)

A = np.array([0.91, 0.93, 0.905, 0.92, 0.94, 0.915, 0.93, 0.925, 0.91, 0.935])
B = np.array([0.90, 0.915, 0.91, 0.905, 0.92, 0.91, 0.915, 0.93, 0.905, 0.915])
TRAIN, TEST = 900, 100


def test_the_error_of_a_mean_is_the_corrected_one() -> None:
    """Ten folds: 1/10 + 1/9 in place of 1/10, on scipy's own standard error and quantile."""
    found = fold_mean(A, TRAIN, TEST)
    assert found.value == pytest.approx(A.mean())
    assert found.deviation == pytest.approx(A.std(ddof=1))
    assert found.standard_error == pytest.approx(stats.sem(A) * np.sqrt(1 + 10 / 9))
    interval = stats.t.interval(0.95, 9, found.value, found.standard_error)
    assert (found.low, found.high, found.degrees_of_freedom) == pytest.approx((*interval, 9))


def test_the_rows_actually_fitted_count() -> None:
    """Validation rows taken out of the training part make the factor larger."""
    assert fold_mean(A, 800, TEST).standard_error == pytest.approx(np.sqrt((0.1 + 1 / 8) * A.var(ddof=1)))


def test_seeds_of_a_split_are_no_new_splits() -> None:
    """5 folds x 2 seeds has J = 5, however much the seeds agree."""
    scores = A.reshape(5, 2)
    found = fold_mean(scores, 800, 200)
    assert found == fold_mean(scores.mean(1), 800, 200)
    assert found.degrees_of_freedom == 4
    assert fold_limits(scores, B.reshape(5, 2), 800, 200).degrees_of_freedom == 4


def test_the_corrected_t_is_the_paired_t_with_a_larger_error() -> None:
    found, plain = fold_limits(A, B, TRAIN, TEST), stats.ttest_rel(A, B)
    statistic = plain.statistic / np.sqrt(1 + 10 / 9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(statistic, 9))
    assert found.value == pytest.approx((A - B).mean())
    assert found.p_value is not None and found.p_value > plain.pvalue


def test_the_interval_covers_when_folds_share_what_they_say_they_share() -> None:
    """Scores of folds correlated by n_test/(n_train + n_test), the assumption of the paper: 95 %, within 3 errors.

    The uncorrected interval covers far less often.
    """
    generator, rho, draws = np.random.default_rng(8), 0.2, 4_000
    shared, own = generator.normal(size=(draws, 1)), generator.normal(size=(draws, 5))
    scores = 0.9 + 0.01 * (np.sqrt(rho) * shared + np.sqrt(1 - rho) * own)
    found = [fold_mean(each, 800, 200) for each in scores]
    covered = np.mean([each.low is not None and each.low <= 0.9 <= (each.high or 0) for each in found])
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / draws))
    half = stats.t.ppf(0.975, 4) * stats.sem(scores, axis=1)
    assert np.mean(np.abs(scores.mean(1) - 0.9) <= half) < 0.88


def test_equal_differences_have_no_interval() -> None:
    """Differences of 0.1 up to rounding."""
    apart = fold_limits(A, A - 0.1, TRAIN, TEST).difference
    assert (apart.low, apart.p_value) == (None, None)


def test_cross_validation_and_hold_out_disagree_beyond_three_errors() -> None:
    folds = fold_mean(A, TRAIN, TEST)
    limit = 3 * np.sqrt(folds.standard_error**2 + 0.88 * 0.12 / 5_000)
    found = disagreement(folds, 0.88, 5_000)
    assert found.difference == pytest.approx(A.mean() - 0.88)
    assert found.limit == pytest.approx(limit)
    assert found.disagrees
    assert not disagreement(folds, 0.905, 5_000).disagrees
    assert disagreement(folds, 0.97, 5_000).disagrees, "the other way round too"


def test_one_split_is_a_clear_error() -> None:
    with pytest.raises(StudyError, match="over folds needs more splits; found 1; expected at least 2"):
        fold_mean(A[:1], TRAIN, TEST)
    with pytest.raises(StudyError, match="same splits; found 10 and 9 splits"):
        fold_limits(A, B[1:], TRAIN, TEST)


def test_what_training_again_does_is_estimated_beside_the_images() -> None:
    """Splits of 500 images, each a training of its own that varies by 3 points: 9e-4; where none varies, next to 0."""
    generator = np.random.default_rng(6)
    for deviation in (0.03, 0.0):
        found = []
        for _ in range(300):
            accuracies = 0.85 + deviation * generator.standard_normal((10, 1))
            found.append(retraining_variance(generator.binomial(500, accuracies) / 500, 500))
        assert np.mean(found) == pytest.approx(deviation**2, abs=1.2e-4)
    seeds = np.array([[0.80, 0.90], [0.81, 0.91]])
    assert retraining_variance(seeds, 1e9) == pytest.approx(0.005), "seeds of a split differ though splits do not"


def test_networks_that_vary_from_training_to_training_do_not_disagree_with_themselves() -> None:
    """1,000 studies of 5 folds x 3 seeds and one hold-out network, all of one recipe whose accuracy varies by 4 points:
    silent but for 10, where 60 spoke without the variance of training again; 25 points are still seen."""
    generator, alarms, seen = np.random.default_rng(7), 0, 0
    for _ in range(1_000):
        *splits, held = generator.binomial(300, 0.65 + 0.04 * generator.standard_normal(16)) / 300
        scores = np.array(splits).reshape(5, 3)
        mean, again = fold_mean(scores, 1_200, 300), retraining_variance(scores, 300)
        alarms += disagreement(mean, held, 300, again).disagrees
        seen += disagreement(mean, held + 0.25, 300, again).disagrees
    assert alarms <= 10 and seen >= 900
