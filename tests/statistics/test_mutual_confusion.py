"""Protects what is called a confusion both ways: tests are SciPy's, and chance is rarely called one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact

from snellen.statistics.mutual_confusion import mutual_confusions, pairs_of

DRAWS = 1_000


def counts(
    classes: int, size: int, accuracy: float, spread_KK: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Confusion counts: so many images of each class, whose mistakes go where `spread_KK` says."""
    spread = spread_KK * (1 - np.eye(classes))
    shares = (1 - accuracy) * spread / spread.sum(1, keepdims=True) + accuracy * np.eye(classes)
    return np.stack([generator.multinomial(size, shares[code]) for code in range(classes)])


def test_p_values_are_those_of_scipy() -> None:
    matrix = np.full((4, 4), 5)
    matrix[0, 1], matrix[1, 0], matrix[2, 1] = 60, 50, 6
    [found] = mutual_confusions(matrix)
    ways = []
    for a, b in ((0, 1), (1, 0)):
        others = [code for code in range(4) if code not in (a, b)]
        wrong = matrix * (1 - np.eye(4, dtype=int))
        hits, mistakes = wrong[a, b], wrong[a].sum()
        to_b, of_others = wrong[others, b].sum(), np.delete(wrong[others], a, axis=1).sum()
        table = [[hits, mistakes - hits], [to_b, of_others - to_b]]
        ways += [
            binomtest(int(hits), int(mistakes), 1 / 3, "greater").pvalue,
            fisher_exact(table, "greater").pvalue,
        ]
    assert found.adjusted_p == pytest.approx(6 * max(ways), rel=1e-6)
    assert (found.a, found.b, found.a_called_b, found.b_called_a) == (0, 1, 60, 50) and pairs_of(4) == 6


@pytest.mark.parametrize(
    ("classes", "size", "accuracy"), [(3, 100, 0.8), (10, 40, 0.8), (10, 1_000, 0.9), (40, 50, 0.7)]
)
def test_mistakes_that_are_spread_evenly_are_rarely_called_a_confusion(
    classes: int, size: int, accuracy: float
) -> None:
    generator, spread = np.random.default_rng([classes, size]), np.ones((classes, classes))
    alarms = sum(bool(mutual_confusions(counts(classes, size, accuracy, spread, generator))) for _ in range(DRAWS // 2))
    assert alarms / (DRAWS // 2) < 0.02


@pytest.mark.parametrize("size", [100, 1_000])
def test_classes_that_are_answered_too_often_are_no_confusion(size: int) -> None:
    """Two classes that draw the mistakes of all classes, each other's too."""
    generator, spread = np.random.default_rng(size), np.ones((10, 10))
    spread[:, :2] = 12
    alarms = sum(bool(mutual_confusions(counts(10, size, 0.8, spread, generator))) for _ in range(DRAWS // 2))
    assert alarms / (DRAWS // 2) < 0.05


def test_a_confusion_one_way_is_none_both_ways() -> None:
    generator, spread = np.random.default_rng(4), np.ones((10, 10))
    spread[3, 5] = 50
    alarms = sum(bool(mutual_confusions(counts(10, 500, 0.8, spread, generator))) for _ in range(200))
    assert alarms / 200 < 0.05


@pytest.mark.parametrize("size", [50, 500])
def test_a_confusion_both_ways_is_found(size: int) -> None:
    generator, spread = np.random.default_rng(size), np.ones((10, 10))
    spread[3, 5] = spread[5, 3] = 40
    found = [mutual_confusions(counts(10, size, 0.75, spread, generator)) for _ in range(100)]
    assert np.mean([[(one.a, one.b) for one in each] == [(3, 5)] for each in found]) > 0.9


def test_where_only_two_classes_are_mistaken_the_pair_is_found() -> None:
    matrix = np.diag([40, 40, 40])
    matrix[0, 1] = matrix[1, 0] = 12
    assert [(one.a, one.b) for one in mutual_confusions(matrix)] == [(0, 1)]


def test_two_classes_have_no_other_mistakes() -> None:
    assert mutual_confusions(np.array([[5, 20], [20, 5]])) == [] == mutual_confusions(np.diag([9, 9, 9]))
