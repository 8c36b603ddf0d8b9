"""Protects intervals of averaged precision, recall and F1: they cover from one image a class to thousands."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.metrics.scores import Counts, confusion
from snellen.statistics.class_average_intervals import average_limits, f1_limits, influences, variance_ratio
from snellen.statistics.wilson_interval import wilson

UNEVEN = (1, 2, 3, 10, 100, 300, 50, 5, 20, 30)
DRAWS = 300


def population(classes: int, accuracy: float, pairs: bool, generator: np.random.Generator) -> np.ndarray:
    """(K, K) probabilities [true, predicted]. accuracy: of all classes, 0: from 0.3 to 1. pairs: whether each class is
    taken for one other only."""
    recalls = generator.uniform(0.3, 1, classes) if accuracy == 0 else np.full(classes, accuracy)
    others = np.roll(np.eye(classes), 1, 1) if pairs else (1 - np.eye(classes)) / (classes - 1)
    return recalls[:, None] * np.eye(classes) + (1 - recalls)[:, None] * others


def coverage(measure: str, average: str, classes: int, size: int, accuracy: float, pairs: bool) -> float:
    """size: images of each class, 0: UNEVEN."""
    generator = np.random.default_rng([classes, size, round(100 * accuracy), pairs])
    sizes = np.full(classes, size) if size else np.resize(UNEVEN, classes)
    shares = population(classes, accuracy, pairs, generator)
    truth = float(Counts.of(shares * sizes[:, None]).mean(measure, average))  # type: ignore[arg-type]
    covered = 0
    for _ in range(DRAWS):
        matrix = np.stack([generator.multinomial(count, row) for count, row in zip(sizes, shares)])
        low, high = average_limits(matrix, measure, average)  # type: ignore[arg-type]
        covered += low - 1e-12 <= truth <= high + 1e-12
    return covered / DRAWS


@pytest.mark.parametrize("measure", ["precision", "recall", "f1"])
@pytest.mark.parametrize("classes", [2, 10, 43])
@pytest.mark.parametrize("size", [1, 2, 3, 10, 100, 0])
def test_intervals_cover(measure: str, classes: int, size: int) -> None:
    """At least 93 %, less three standard errors of the 300 draws, of each; and on average over six kinds of network."""
    cases = [(0.5, True), (0.8, False), (0.95, True), (0.95, False), (0.99, False), (0, False)]
    found = [coverage(measure, "macro", classes, size, *case) for case in cases]
    assert min(found) >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / DRAWS)
    assert np.mean(found) >= 0.945


@pytest.mark.parametrize("measure", ["precision", "f1"])
def test_weighted_averages_cover(measure: str) -> None:
    assert min(coverage(measure, "weighted", 10, 0, accuracy, True) for accuracy in (0.5, 0.8, 0.95)) >= 0.9


@pytest.mark.parametrize("measure", ["precision", "f1"])
@pytest.mark.parametrize(("classes", "size"), [(50, 1), (50, 3), (100, 2)])
@pytest.mark.parametrize("accuracy", [0.2, 0.5])
def test_intervals_cover_where_every_mistake_goes_to_one_class(
    measure: str, classes: int, size: int, accuracy: float
) -> None:
    """Classes that are never predicted may have any precision: at least 93 % of 200 draws."""
    generator = np.random.default_rng([classes, size])
    shares = np.eye(classes) * accuracy
    shares[:, 0] += 1 - accuracy
    truth = float(Counts.of(shares * size).mean(measure, "macro"))  # type: ignore[arg-type]
    covered = 0
    for _ in range(200):
        matrix = np.stack([generator.multinomial(size, row) for row in shares])
        low, high = average_limits(matrix, measure, "macro")  # type: ignore[arg-type]
        covered += low - 1e-12 <= truth <= high + 1e-12
    assert covered / 200 >= 0.93


def test_many_images_have_the_normal_interval() -> None:
    """By the influence of each image, which is the delta method."""
    generator = np.random.default_rng(3)
    shares = population(5, 0.8, False, generator)
    matrix = np.stack([generator.multinomial(20_000, row) for row in shares])
    moved = influences(matrix, "f1", "macro")
    half = 1.96 * np.sqrt((matrix * moved**2).sum())
    value = float(Counts.of(matrix).mean("f1", "macro"))
    assert average_limits(matrix, "f1", "macro") == pytest.approx((value - half, value + half), abs=0.03 * half)


@pytest.mark.parametrize("measure", ["precision", "recall", "f1"])
@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_influences_are_what_one_more_image_does(measure: str, average: str) -> None:
    """To first order; of weighted averages with the weights that they have."""
    matrix = np.array([[400, 30, 20], [15, 700, 5], [60, 10, 250]])
    moved = influences(matrix, measure, average)  # type: ignore[arg-type]
    weights = matrix.sum(1) / matrix.sum() if average == "weighted" else np.full(3, 1 / 3)
    for cell in np.ndindex(3, 3):
        more = matrix.astype(float)
        more[cell] += 1e-4
        change = weights @ (Counts.of(more).per_class(measure) - Counts.of(matrix).per_class(measure)) / 1e-4  # type: ignore[arg-type]
        assert moved[cell] == pytest.approx(change, rel=1e-3)


def test_f1_of_a_class_is_a_proportion_transformed() -> None:
    """Of 9 images of the class 8 right and 1 said in error: the Jaccard index is 8 of 10."""
    low, high = wilson(8, 10)
    assert f1_limits(8, 10) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_networks_that_agree_are_worth_one() -> None:
    labels = np.repeat([0, 1], 50)
    answers = np.where(np.random.default_rng(1).random((4, 100)) < 0.8, labels, 1 - labels)
    moved = [influences(confusion(labels, each, 2), "f1", "macro")[labels, each] for each in answers]
    assert variance_ratio(np.stack([moved[0]] * 3)) == pytest.approx(1)
    assert 0.2 < variance_ratio(np.stack(moved)) < 0.5
    assert variance_ratio(np.zeros((3, 100))) == 1
