"""Protects prediction sets: their definition, their coverage, and ties."""

from __future__ import annotations

import numpy as np
import pytest
from needs import needs
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


@needs("mapie")
def test_the_scores_are_those_of_mapie_before_it_randomises() -> None:
    """MAPIE subtracts a random part of the last class from each score, which Snellen leaves out."""
    from mapie.conformity_scores import APSConformityScore

    calibration, labels = drawn(400)
    exact = calibration.astype(np.float64)
    scores, _ = APSConformityScore().get_true_label_cumsum_proba(labels, exact, np.arange(6))
    own = cumulative(calibration)[np.arange(400), labels]
    assert scores[:, 0] == pytest.approx(own)
    for coverage in (0.9, 0.95):
        limit = np.quantile(scores, coverage * 401 / 400, method="higher")
        assert conformal_limit(calibration, labels, coverage) == pytest.approx(limit)


@needs("crepes")
@pytest.mark.parametrize("coverage", [0.9, 0.95])
def test_the_sets_are_those_of_crepes(coverage: float) -> None:
    """Its conformal classifier with our score: a class is in the set where its p-value is above 1 - coverage."""
    from crepes import ConformalClassifier

    calibration, labels = drawn(400)
    images, _ = drawn(600)
    own = cumulative(calibration)[np.arange(400), labels]
    p_values = ConformalClassifier().fit(own).predict_p(cumulative(images), smoothing=False, all_classes=True,
                                                        classes=np.arange(6))  # fmt: skip
    limit = conformal_limit(calibration, labels, coverage)
    assert limit is not None
    sets, found = conformal_sets(images, limit), p_values > 1 - coverage
    assert (sets == found)[found.any(1)].all() and (sets[~found.any(1)].sum(1) == 1).all()
