"""Protects calibration: the error by its definition, its value by chance, and the temperature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from snellen.models.temperature import with_temperature
from snellen.statistics.calibration_error import (
    calibration_error,
    class_reliability,
    fit_temperature,
    reliability,
)

RANDOM = np.random.default_rng(7)


def logits_and_labels(images: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from softmax(logits / temperature), float32 probabilities of temperature 1."""
    logits = RANDOM.normal(0, 3, (images, 5))
    shares = softmax(logits / temperature, axis=1)
    labels = (RANDOM.random((images, 1)) > np.cumsum(shares, 1)).sum(1).clip(max=4)
    return softmax(logits, axis=1).astype(np.float32), labels


def test_bins_hold_equally_many_images_in_order() -> None:
    confidence, right = RANDOM.random(1_000), RANDOM.random(1_000) < 0.5
    bins = reliability(confidence, right)
    assert [each.images for each in bins] == [67] * 10 + [66] * 5
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)
    assert sum(each.accuracy * each.images for each in bins) == pytest.approx(right.sum())
    assert all(each.low <= each.accuracy <= each.high for each in bins)
    assert len(reliability(confidence[:4], right[:4])) == 4


def test_bins_of_a_class_are_those_of_scikit_learn() -> None:
    """Where each is large enough; else they are joined and nothing is lost."""
    probabilities = RANDOM.random(3_000).astype(np.float32)
    own = RANDOM.random(3_000) < probabilities
    bins = class_reliability(probabilities, own)
    shares, means = calibration_curve(own, probabilities, n_bins=10)
    assert [each.accuracy for each in bins] == pytest.approx(shares)
    assert [each.confidence for each in bins] == pytest.approx(means)
    few = class_reliability(np.array([0.01] * 40 + [0.55] * 9 + [0.65, 0.95, 1.0]), np.arange(52) > 39)
    assert [each.images for each in few] == [40, 12]
    assert few[1].accuracy == 1 and few[1].confidence == pytest.approx((9 * 0.55 + 0.65 + 0.95 + 1) / 12)
    assert [each.images for each in class_reliability(np.full(7, 0.3), np.ones(7, bool))] == [7]


def test_the_error_is_the_mean_distance_of_the_bins() -> None:
    confidence, right = RANDOM.random(999), RANDOM.random(999) < 0.7
    bins = reliability(confidence, right)
    expected = sum(each.images * abs(each.accuracy - each.confidence) for each in bins) / 999
    assert calibration_error(confidence, right).error == pytest.approx(expected)


def test_true_probabilities_show_the_error_of_chance() -> None:
    errors = []
    for _ in range(60):
        confidence = RANDOM.uniform(0.5, 1, 800)
        found = calibration_error(confidence, RANDOM.random(800) < confidence)
        errors.append((found.error, found.by_chance, found.error > found.by_chance_high))
    error, chance, above = np.array(errors).T
    assert chance.mean() > 0.02
    assert error.mean() == pytest.approx(chance.mean(), rel=0.1)
    assert above.mean() < 0.15


def test_the_temperature_is_found_and_lowers_the_loss() -> None:
    for temperature in (0.7, 1.0, 2.5):
        probabilities, labels = logits_and_labels(20_000, temperature)
        found = fit_temperature(probabilities, labels)
        assert found == pytest.approx(temperature, rel=0.05)
        after = with_temperature(probabilities, found)
        assert log_loss(labels, after) <= log_loss(labels, with_temperature(probabilities, 1.0)) + 1e-9


def test_no_answer_changes_and_the_softmax_is_that_of_the_logits() -> None:
    logits = RANDOM.normal(0, 20, (5_000, 10))
    logits[:, 1] = logits[:, 0] * (1 + 1e-6)
    probabilities = softmax(logits, axis=1).astype(np.float32)
    for temperature in (0.05, 0.5, 3.0, 20.0):
        after = with_temperature(probabilities, temperature)
        assert np.array_equal(after.argmax(1), probabilities.argmax(1))
        assert after.sum(1) == pytest.approx(1)
        assert np.isfinite(after).all()
    mild = RANDOM.normal(0, 3, (100, 10))
    expected = np.exp(log_softmax(mild / 2.5, axis=1))
    assert with_temperature(softmax(mild, axis=1), 2.5) == pytest.approx(expected, rel=1e-9)
    assert with_temperature(probabilities, None) is probabilities
