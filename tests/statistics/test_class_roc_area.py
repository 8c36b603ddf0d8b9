"""Protects the area of one class against the rest: values are scikit-learn's, and intervals cover near 1 too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from snellen.statistics.class_roc_area import class_roc_area
from snellen.statistics.delong_roc_areas import count_ties, roc_areas

RANDOM = np.random.default_rng(12)


def test_values_are_those_of_scikit_learn_with_ties() -> None:
    labels = RANDOM.integers(0, 4, 300)
    scores = np.round(RANDOM.random((300, 4)) + np.eye(4)[labels] * 0.5, 1).astype(np.float32)
    for code in range(4):
        found = class_roc_area(scores[:, code], labels == code)
        assert found is not None and found.value == pytest.approx(roc_auc_score(labels == code, scores[:, code]))
        assert found.low < found.value < found.high


def test_limits_are_never_inside_those_of_delong() -> None:
    own = RANDOM.random(200) < 0.3
    scores = RANDOM.standard_normal(200) + 2 * own
    plain, found = roc_areas(count_ties(scores, own.astype(int), 2)), class_roc_area(scores, own)
    assert found is not None and found.low <= plain.low[1] and found.high >= plain.high[1]


@pytest.mark.parametrize(("images", "area"), [(10, 0.95), (40, 0.8), (40, 0.99), (100, 0.99), (1_000, 0.99)])
def test_intervals_cover(images: int, area: float) -> None:
    """Two normals, nine times as many of the others: at least 89 % where DeLong's own cover 70 to 92 %."""
    generator, own = np.random.default_rng(images), np.arange(10 * images) < images
    draws, covered = (600 if images < 1_000 else 200), 0
    for _ in range(draws):
        scores = generator.standard_normal(len(own)) + np.sqrt(2) * norm.ppf(area) * own
        found = class_roc_area(scores, own)
        assert found is not None and 0 <= found.low <= found.value <= found.high <= 1
        covered += found.low <= area <= found.high
    assert covered / draws >= 0.89


def test_classes_that_are_wholly_apart_have_the_limits_of_their_images() -> None:
    own = np.arange(60) < 20
    found = class_roc_area(1.0 * own, own)
    limit = binomtest(20, 20).proportion_ci(0.95, "exact").low
    assert found is not None and found == pytest.approx((1.0, limit, 1.0))
    turned = class_roc_area(-1.0 * own, own)
    assert turned is not None and turned == pytest.approx((0.0, 0.0, 1 - limit))


def test_scores_that_are_all_alike_say_nothing() -> None:
    found = class_roc_area(np.zeros(40), np.arange(40) < 10)
    assert found is not None and found.value == 0.5 and found.low < 0.3 and found.high > 0.7


@pytest.mark.parametrize("images", [0, 1, 9, 10])
def test_fewer_than_two_images_of_either_have_no_area(images: int) -> None:
    assert class_roc_area(RANDOM.random(10), np.arange(10) < images) is None
