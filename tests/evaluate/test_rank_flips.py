"""Protects "the order depends on the measure": seldom said of models that are alike, found where it is planted, and
each interval is that of the statistic it names."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from snellen.evaluate.networks import Networks
from snellen.evaluate.rank_flips import MeasureDifference, flip_of, measured
from snellen.models.predictions import Predictions
from snellen.statistics.mcnemar import discordance_of
from snellen.statistics.mean_intervals import mean_limits
from snellen.statistics.seed_intervals import recipe_difference

CLASSES = 4


def networks(labels: np.ndarray, generator: np.random.Generator, seeds: int = 1, sharpness: float = 1.0) -> Networks:
    """Answers by noisy logits; sharper ones are as often right."""
    rows, found = np.arange(len(labels)), {}
    for seed in range(seeds):
        logits = generator.normal(0, 1, (len(labels), CLASSES))
        logits[rows, labels] += 2
        shares = softmax(sharpness * logits, axis=1).astype(np.float32)
        found[seed] = Predictions("test", rows, rows.astype(str), labels, shares)
    return Networks(found, tuple(map(str, found)))


def test_models_that_are_alike_seldom_flip_beyond_noise() -> None:
    """At most one in twenty by the intervals; both ends must be wrong in opposite directions."""
    generator, flips = np.random.default_rng(1), 0
    for _ in range(300):
        labels = generator.integers(0, CLASSES, 200)
        flip = flip_of(measured(networks(labels, generator), networks(labels, generator), judged=True))
        flips += flip is not None and flip.beyond_noise
    assert flips <= 9


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_planted_flip_is_found(seeds: int) -> None:
    """B has a tenth more wrong answers; A is far too sure of its wrong ones."""
    generator = np.random.default_rng(2)
    labels = generator.integers(0, CLASSES, 3_000)
    a = networks(labels, generator, seeds, sharpness=12.0)
    b = networks(np.where(generator.random(3_000) < 0.1, (labels + 1) % CLASSES, labels), generator, seeds)
    b = Networks({seed: each.labelled(labels) for seed, each in b.by_seed.items()}, b.jobs)
    flip = flip_of(measured(a, b, judged=True))
    assert flip is not None and flip.beyond_noise
    assert (flip.a_first, flip.b_first) == (("accuracy", "macro_f1"), ("loss",))
    flip = flip_of(measured(a, b, judged=False))
    assert flip is not None and not flip.beyond_noise


def test_the_intervals_are_those_of_their_statistics() -> None:
    generator = np.random.default_rng(3)
    labels = generator.integers(0, CLASSES, 400)
    a, b = networks(labels, generator, 3, sharpness=2.0), networks(labels, generator, 3)
    alone = measured(a.only([0]), b.only([0]), judged=True)
    right = [each.per_image("accuracy")[0].astype(float) for each in (a, b)]
    limits = discordance_of(*right).limits(0.95)
    assert (alone["accuracy"].low, alone["accuracy"].high) == pytest.approx(limits)
    losses = a.per_image("loss")[0] - b.per_image("loss")[0]
    assert (alone["loss"].low, alone["loss"].high) == pytest.approx(mean_limits(losses))
    together = measured(a, b, judged=True)
    for measure in ("accuracy", "loss"):
        expected = recipe_difference(a.per_image(measure), b.per_image(measure))
        found = together[measure]
        assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_networks_without_a_mistake_have_no_interval_of_the_loss() -> None:
    labels = np.arange(100) % CLASSES
    sure = np.full((100, CLASSES), 0.01, np.float32)
    sure[np.arange(100), labels] = 0.97
    one = Networks({0: Predictions("test", np.arange(100), np.arange(100).astype(str), labels, sure)}, ("a",))
    surer = Networks({0: Predictions("test", np.arange(100), np.arange(100).astype(str), labels, sure**2)}, ("b",))
    found = measured(one, surer, judged=True)["loss"]
    assert found.value != 0 and found.low is None and not found.is_beyond_noise


def test_equal_values_are_no_order() -> None:
    same, less = MeasureDifference(0.5, 0.5, 0.0, -0.1, 0.1), MeasureDifference(0.3, 0.4, -0.1, -0.2, -0.05)
    assert flip_of({"accuracy": same, "loss": less}) is None
    assert flip_of({"accuracy": less, "loss": same}) is None
    flip = flip_of({"accuracy": less, "loss": less})
    assert flip is not None and (flip.a_first, flip.b_first) == (("loss",), ("accuracy",))
