"""Protects certified thresholds: exact bounds, few false certificates, and how many images a promise needs."""

from __future__ import annotations

import numpy as np
import pytest
from needs import needs
from scipy.stats import beta, binom

from snellen.statistics.learn_then_test import (
    certified_precision,
    certified_recall,
    fewest,
    images_needed,
    lower_bound,
)


def test_the_bound_is_the_exact_one() -> None:
    for hits, count in ((299, 299), (472, 473), (90, 100)):
        assert lower_bound(hits, count, 0.05) == pytest.approx(beta.ppf(0.05, hits, count - hits + 1))
    assert lower_bound(0, 0, 0.05) == 0


def test_the_published_numbers_of_images() -> None:
    """0.99 needs 299 images without a mistake, 473 with one."""
    assert fewest(0.99, 0.05) == 299
    assert lower_bound(299, 299, 0.05) >= 0.99 > lower_bound(298, 298, 0.05)
    assert lower_bound(472, 473, 0.05) >= 0.99 > lower_bound(471, 472, 0.05)
    assert images_needed(1.0, 0.99, 0.05) == 299
    assert images_needed(0.98, 0.99, 0.05) is None
    needed = images_needed(0.995, 0.99, 0.05)
    assert needed is not None
    assert lower_bound(needed - np.ceil(needed * 0.005), needed, 0.05) >= 0.99


def drawn(generator: np.random.Generator, images: int, precision: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores that say nothing of whether an image is right."""
    return generator.random(images), generator.random(images) < precision


@pytest.mark.parametrize("target", [0.9, 0.99])
def test_few_false_certificates_just_below_the_target(target: float) -> None:
    """At most 67 of 1,000: what a rate of 5 % exceeds once in a hundred times."""
    assert binom.sf(67, 1_000, 0.05) < 0.01
    generator, false = np.random.default_rng(1), 0
    for _ in range(1_000):
        validation, calibration = (drawn(generator, 1_500, target - 0.001) for _ in range(2))
        false += certified_precision(validation, calibration, target).threshold is not None
    assert false <= 67


def test_few_false_certificates_where_precision_falls_with_the_threshold() -> None:
    """The true precision at a threshold is known: scores are the probability of being right."""
    generator, false, passed = np.random.default_rng(2), 0, 0
    for _ in range(500):
        validation, calibration = (_graded(generator, 5_000) for _ in range(2))
        threshold = certified_precision(validation, calibration, 0.95).threshold
        if threshold is not None:
            passed += 1
            false += (1 + threshold) / 2 < 0.95
    assert passed >= 275
    assert false <= binom.ppf(0.99, 500, 0.05)


def _graded(generator: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    scores = generator.random(images)
    return scores, generator.random(images) < scores


def test_a_certificate_is_as_loose_as_the_images_allow() -> None:
    """Scores are the probability of being right: precision at t is (1 + t) / 2, so 0.95 is kept from 0.9 on."""
    generator = np.random.default_rng(3)
    thresholds = [
        certified_precision(_graded(generator, 20_000), _graded(generator, 20_000), 0.95).threshold for _ in range(50)
    ]
    assert all(threshold is not None for threshold in thresholds)
    assert 0.9 < np.median([each for each in thresholds if each is not None]) < 0.93


def test_recall_runs_from_the_loosest_and_keeps_its_promise() -> None:
    """A share of 1 - t of even scores reaches t: recall 0.9 is kept up to 0.1."""
    generator, thresholds = np.random.default_rng(4), []
    for _ in range(500):
        found = certified_recall(generator.random(1_000), generator.random(1_000), 0.9)
        assert found.threshold is not None
        thresholds.append(found.threshold)
    assert np.mean(np.array(thresholds) > 0.1) <= 0.07
    assert 0.07 < np.median(thresholds) < 0.1


def test_what_cannot_be_shown_says_what_can() -> None:
    generator = np.random.default_rng(5)
    few = certified_precision(_all_right(generator, 200), _all_right(generator, 200), 0.99)
    assert few.threshold is None
    assert few.needed == 299
    assert 190 <= few.hits == few.accepted <= 200
    assert few.provable == pytest.approx(0.05 ** (1 / few.accepted))
    none = certified_precision((np.empty(0), np.empty(0, bool)), _all_right(generator, 200), 0.99)
    assert (none.threshold, none.accepted, none.provable) == (None, 0, 0.0)


def _all_right(generator: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    return generator.random(images), np.ones(images, bool)


def test_equal_scores_are_accepted_together() -> None:
    scores, hits = np.repeat([0.5, 1.0], 500), np.repeat([False, True], 500)
    found = certified_precision((scores, hits), (scores, hits), 0.95)
    assert (found.threshold, found.hits, found.accepted) == (1.0, 500, 500)


@needs("mapie")
def test_a_bound_passes_where_the_p_value_of_mapie_does() -> None:
    """Learn then Test in MAPIE: for right or wrong its p-value is the exact binomial one."""
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    generator = np.random.default_rng(5)
    for target, delta in ((0.99, 0.05), (0.9, 0.05), (0.9, 0.05 / 3)):
        counts = generator.integers(1, 1_500, 400)
        hits = generator.binomial(counts, np.clip(target + generator.normal(0, 0.01, 400), 0, 1))
        wrong = (counts - hits) / counts
        found = compute_hoeffding_bentkus_p_value(wrong, counts, 1 - target, binary=True)[:, 0]
        expected = lower_bound(hits, counts, delta) >= target
        sure = np.abs(found - delta) > 1e-9
        rounded = counts * wrong > np.ceil(counts * wrong - 1e-9)  # where MAPIE's own ceil rounds a whole number up
        assert np.array_equal((found <= delta)[sure & ~rounded], expected[sure & ~rounded])
        assert expected.any() and not expected.all()


@needs("mapie")
@pytest.mark.parametrize("target", [0.8, 0.9])
def test_a_certified_recall_is_the_last_of_the_fixed_sequence_of_mapie(target: float) -> None:
    from mapie.risk_control.fwer_control import control_fwer
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    generator = np.random.default_rng(6)
    for _ in range(20):
        validation, calibration = np.sort(generator.beta(4, 1, 300)), generator.beta(4, 1, 400)
        last = 300 - round(target * 300)
        sequence = validation[np.unique(np.linspace(0, last, 20).round().astype(int))]
        missed = np.array([(calibration < threshold).sum() for threshold in sequence])
        p_values = compute_hoeffding_bentkus_p_value(missed / 400, 400, 1 - target, binary=True)[:, 0]
        passed = control_fwer(p_values, 0.05, "fixed_sequence")
        assert certified_recall(validation, calibration, target).threshold == sequence[passed].max()


def test_too_few_images_of_a_sure_class_are_said_to_be_too_few() -> None:
    """28 of the class are told apart without a mistake, 39 are needed: not that mistakes are too frequent."""
    scores = np.concatenate([np.linspace(0.99, 0.999, 28), np.linspace(0.001, 0.01, 28)])
    right = np.arange(56) < 28
    found = certified_precision((scores, right), (scores, right), 0.9, 0.05 / 3)
    assert found.threshold is None and (found.hits, found.accepted) == (28, 28)
    assert found.provable == pytest.approx((0.05 / 3) ** (1 / 28)) and found.needed == fewest(0.9, 0.05 / 3) == 39
