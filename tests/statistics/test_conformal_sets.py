"""Protects prediction sets: their definition, their coverage, and ties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from snellen.statistics.conformal_sets import conformal_limit, conformal_sets, cumulative

RANDOM = np.random.default_rng(8)


def drawn(images: int, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are surer than they should be, and labels."""
    logits = RANDOM.normal(0, 1.5, (images, 6))
    shares = softmax(logits, axis=1)
    labels = (RANDOM.random((images, 1)) > np.cumsum(shares, 1)).sum(1).clip(max=5)
    return softmax(sharpness * logits, axis=1).astype(np.float32), labels


def test_sums_of_at_least_as_probable_classes() -> None:
    sums = cumulative(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]))
    assert sums == pytest.approx(np.array([[1.0, 0.5, 0.8], [0.4, 0.8, 1.0]]))


def test_the_limit_is_the_order_statistic() -> None:
    probabilities, labels = drawn(99)
    own = np.sort(cumulative(probabilities)[np.arange(99), labels])
    assert conformal_limit(probabilities, labels, 0.9) == own[89]
    assert conformal_limit(probabilities[:8], labels[:8], 0.9) is None


@pytest.mark.parametrize("coverage", [0.9, 0.95])
def test_sets_hold_the_true_class_as_often_as_promised(coverage: float) -> None:
    """On average over draws of the calibration images; not more than a little too often."""
    found = []
    for _ in range(200):
        limit = conformal_limit(*drawn(300), coverage)
        assert limit is not None
        probabilities, labels = drawn(1_000)
        found.append(conformal_sets(probabilities, limit)[np.arange(1_000), labels].mean())
    assert coverage - 0.004 < np.mean(found) < coverage + 0.03


def test_a_set_is_never_empty_and_holds_the_most_probable_class() -> None:
    probabilities, _ = drawn(500)
    sets = conformal_sets(probabilities, 0.0)
    assert (sets.sum(1) == 1).all()
    assert np.array_equal(sets.argmax(1), probabilities.argmax(1))
    assert conformal_sets(probabilities, 1.01).all()
