"""Protects means over seeds of what is taken for what: counts are scikit-learn's, every network bears on them, and
their intervals are right for few images, shares near 0 and 1, and few seeds."""

from __future__ import annotations

import numpy as np
import pytest
from recipe_cases import Recipe, images
from sklearn.metrics import confusion_matrix, recall_score

from snellen.evaluate.confused_classes import confusions, recalls, share_of
from snellen.evaluate.networks import Networks
from snellen.models.predictions import Predictions
from snellen.statistics.seed_intervals import recipe_proportion
from snellen.statistics.wilson_interval import wilson_limits

CLASSES = 4


def networks(seeds: int, count: int = 120, draw: int = 0) -> Networks:
    generator = np.random.default_rng(draw)
    labels = np.arange(count) % CLASSES
    said = [
        np.where(generator.random(count) < 0.7, labels, generator.integers(0, CLASSES, count)) for _ in range(seeds)
    ]
    rows = np.arange(count)
    stored = [
        Predictions("test", rows, rows.astype(str), labels, np.eye(CLASSES, dtype=np.float32)[each]) for each in said
    ]
    return Networks(dict(enumerate(stored)), tuple(map(str, range(seeds))))


@pytest.mark.parametrize("seeds", [1, 3])
def test_counts_are_the_means_of_the_confusion_matrices(seeds: int) -> None:
    many = networks(seeds)
    expected = np.mean([confusion_matrix(many.labels, each.predicted) for each in many.all], axis=0)
    found = confusions(many, CLASSES)
    assert found.networks == seeds and found.mistakes == pytest.approx(expected.sum() - np.trace(expected))
    assert [pair.images for pair in found.pairs] == sorted((pair.images for pair in found.pairs), reverse=True)
    for pair in found.pairs:
        assert pair.images == pytest.approx(expected[pair.true, pair.given])
        assert pair.share.value == pytest.approx(expected[pair.true, pair.given] / 30)
        assert pair.share.networks == seeds and pair.share.n == 30
    shown = recalls(many, CLASSES)
    wanted = np.mean([recall_score(many.labels, each.predicted, average=None) for each in many.all], axis=0)
    assert [each.value for each in shown] == pytest.approx(list(wanted))


def test_the_first_pairs_are_those_that_are_as_frequent() -> None:
    many = networks(2, draw=3)
    found = confusions(many, CLASSES, most=1)
    assert {pair.images for pair in found.pairs} == {found.pairs[0].images} and len(found.most_frequent) == len(
        found.pairs
    )


def test_without_a_mistake_there_is_no_pair() -> None:
    one = networks(1)
    perfect = Predictions(
        "test", one.rows, one.rows.astype(str), one.labels, np.eye(CLASSES, dtype=np.float32)[one.labels]
    )
    found = confusions(Networks({0: perfect, 1: perfect}, ("0", "1")), CLASSES)
    assert found.pairs == () and found.mistakes == 0 and found.most_frequent == []


def test_one_network_has_wilson_s_interval_and_networks_that_agree_the_same() -> None:
    right = np.arange(20) < 17
    one, three = share_of(right[None], "other images"), share_of(np.stack([right] * 3), "other images")
    assert (one.low, one.high) == pytest.approx(wilson_limits(17, 20))
    assert (three.low, three.high) == pytest.approx(wilson_limits(17, 20))
    assert (one.networks, three.networks) == (1, 3) and "retraining" in three.covers
    all_right = share_of(np.ones((3, 5), bool), "other images")
    assert all_right.low is not None and all_right.low < 0.7 and all_right.high == 1
    assert share_of(np.ones((3, 0), bool), "other images").value is None


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(
    ("count", "accuracy", "spread"), [(1, 0.9, 0.01), (5, 0.97, 0.01), (20, 0.9, 0.03), (300, 0.9, 0.02)]
)
def test_the_interval_of_a_share_covers(count: int, accuracy: float, spread: float, seeds: int) -> None:
    """600 draws: at 95 % fewer than 92.5 % happen in 1 of 200."""
    recipe, generator = Recipe(accuracy, spread), np.random.default_rng([count, seeds])
    covered = 0
    for _ in range(600):
        found = recipe_proportion(recipe.train(images(count, generator), seeds, generator))
        assert found.low is not None and found.high is not None
        covered += found.low <= accuracy <= found.high
    assert covered >= 0.925 * 600
