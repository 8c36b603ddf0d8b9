"""Protects which classes are called weak: rarely any where all classes are recognised equally often, and those that are
recognised less often where there are images enough."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from snellen.statistics.seed_intervals import proportion_ceiling, recipe_proportion
from snellen.statistics.weak_classes import MARGIN, weak_classes

DRAWS = 1_000


def drawn(recalls_K: np.ndarray, size: int, seeds: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """(S, N) answers, right as often as each class's recall says, and labels. Seeds share the difficulty of images."""
    labels = np.repeat(np.arange(len(recalls_K)), size)
    own = generator.standard_normal((seeds, len(labels)))
    noise = own if seeds == 1 else 0.8 * generator.standard_normal(len(labels)) + 0.6 * own
    return noise < norm.ppf(recalls_K)[labels], labels


@pytest.mark.parametrize(
    ("classes", "size", "recall", "seeds"),
    [(10, 4, 0.7, 1), (10, 40, 0.97, 1), (10, 1_000, 0.9, 1), (100, 5, 0.6, 1), (100, 100, 0.8, 1), (10, 40, 0.9, 3)],
)
def test_equal_recalls_are_called_weak_in_less_than_one_of_twenty(
    classes: int, size: int, recall: float, seeds: int
) -> None:
    generator = np.random.default_rng([classes, size, seeds])
    truth, draws = np.full(classes, recall), DRAWS if classes < 50 else DRAWS // 5
    alarms = sum(bool(weak_classes(*drawn(truth, size, seeds, generator)).weak) for _ in range(draws))
    assert alarms / draws < 0.02


def test_recalls_at_the_margin_raise_the_alarm_in_less_than_one_of_twenty() -> None:
    """The worst null: all but one class a little better, that one just at the margin below the overall accuracy."""
    generator, truth = np.random.default_rng(8), np.full(10, 0.9 + MARGIN / 9)
    truth[4] = 0.9 - MARGIN
    assert truth.mean() == pytest.approx(0.9)
    alarms = sum(bool(weak_classes(*drawn(truth, 1_000, 1, generator)).weak) for _ in range(DRAWS))
    assert alarms / DRAWS < 0.05


def test_three_networks_that_each_show_a_weak_class_are_believed() -> None:
    """Their t limit at Holm's level is too wide for any class, because three seeds leave two degrees of freedom."""
    generator, truth = np.random.default_rng(4), np.full(10, 0.92)
    truth[6] = 0.69
    found = [weak_classes(*drawn(truth, 1_000, 3, generator)) for _ in range(50)]
    assert np.mean([[one.code for one in each.weak] == [6] for each in found]) >= 0.95


@pytest.mark.parametrize(("size", "recall", "least"), [(1_000, 0.8, 0.99), (100, 0.75, 0.7), (100, 0.6, 0.99)])
def test_a_class_that_is_recognised_less_often_is_found(size: int, recall: float, least: float) -> None:
    generator, truth = np.random.default_rng(size), np.full(10, 0.95)
    truth[3] = recall
    found = [weak_classes(*drawn(truth, size, 1, generator)) for _ in range(200)]
    assert np.mean([[one.code for one in each.weak] == [3] for each in found]) >= least


def test_the_limit_is_that_of_scipy_at_holm_level() -> None:
    """Two weak classes of ten: the clearer one at 1 - .05/10, the other at 1 - .05/9."""
    labels = np.repeat(np.arange(10), 200)
    right = np.ones((1, 2_000), bool)
    right[0, 600:700], right[0, 1000:1060] = False, False
    found = weak_classes(right, labels)
    assert (found.overall, found.tested, [one.code for one in found.weak]) == (0.92, 10, [3, 5])
    for one, hits, family in zip(found.weak, (100, 140), (10, 9), strict=True):
        exact = binomtest(hits, 200).proportion_ci(1 - 0.05 / family, "exact")
        assert one.ceiling == pytest.approx(exact.high, abs=1e-9) and one.recall == hits / 200 and one.images == 200


def test_a_class_below_the_margin_that_few_images_show_is_not_called_weak() -> None:
    labels, right = np.repeat(np.arange(10), 5), np.ones((1, 50), bool)
    right[0, :2] = False
    assert right[0, :5].mean() < right.mean() - MARGIN
    assert weak_classes(right, labels).weak == ()


def test_seeds_that_differ_widen_the_limit() -> None:
    alike, apart = np.zeros((3, 40), bool), np.zeros((3, 40), bool)
    alike[:, :20] = True
    apart[0, :30], apart[1, :20], apart[2, :10] = True, True, True
    assert proportion_ceiling(apart, 0.95) > proportion_ceiling(alike, 0.95) > 0.5
    mean = recipe_proportion(apart)
    assert mean.high is not None and proportion_ceiling(apart, 0.95) == pytest.approx(mean.high, abs=0.03)
