"""Protects the difference of two models in macro F1: its value, its coverage, and that it is silent on few images."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from snellen.errors import StudyError
from snellen.statistics.average_differences import average_limits_between
from snellen.statistics.results import Limits

CLASSES, SHARES = 5, np.array([0.4, 0.25, 0.2, 0.1, 0.05])


def drawn(images: int, generator: np.random.Generator, networks: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and answers of two models that are wrong on the same hard images more often than by chance."""
    labels, hard = generator.choice(CLASSES, images, p=SHARES), generator.random(images)
    answers = []
    for share, confused in ((0.8, 1), (0.75, 2)):
        wobble = generator.normal(0, 0.25, (networks, images))
        wrong = hard[None] + wobble > share
        answers.append(np.where(wrong, (labels + confused) % CLASSES, labels))
    return labels, answers[0], answers[1]


def between(labels: np.ndarray, a: np.ndarray, b: np.ndarray, recipes: bool = False) -> Limits:
    return average_limits_between(labels, a, b, CLASSES, "f1", "macro", recipes)


def difference(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    mine, other = (f1_score(labels, each[0], average="macro") for each in (a, b))
    return float(mine - other)


def test_the_value_is_that_of_scikit_learn() -> None:
    labels, a, b = drawn(300, np.random.default_rng(1))
    assert between(labels, a, b).value == pytest.approx(difference(labels, a, b))


def test_the_error_is_that_of_the_paired_bootstrap() -> None:
    generator = np.random.default_rng(2)
    labels, a, b = drawn(600, generator)
    rows = generator.integers(0, 600, (600, 600))
    resampled = np.std([difference(labels[own], a[:, own], b[:, own]) for own in rows])
    assert between(labels, a, b).standard_error == pytest.approx(resampled, rel=0.12)


@pytest.mark.parametrize("images", [150, 1_000])
def test_the_interval_holds_the_true_difference(images: int) -> None:
    generator = np.random.default_rng(3)
    truth = difference(*drawn(400_000, generator))
    held = [
        low < truth < high for low, high in (between(*drawn(images, generator)).at(0.95) or (2, 2) for _ in range(600))
    ]
    assert np.mean(held) > 0.925


def test_recipes_count_the_seeds_too() -> None:
    generator = np.random.default_rng(4)
    labels, a, b = drawn(500, generator, networks=4)
    one, all_of_them = between(labels, a, b), between(labels, a, b, recipes=True)
    mean = np.mean([f1_score(labels, each, average="macro") for each in a])
    mean -= np.mean([f1_score(labels, each, average="macro") for each in b])
    assert all_of_them.value == pytest.approx(mean) and one.value == pytest.approx(difference(labels, a, b))
    assert "retraining" in all_of_them.covers and all_of_them.method == "crossed t"


def test_a_few_images_say_nothing() -> None:
    """9 images answered differently, all one way."""
    labels = np.arange(100) % CLASSES
    wrong = labels.copy()
    wrong[:9] = (wrong[:9] + 1) % CLASSES
    assert between(labels, labels[None], wrong[None]).at(0.95) is None
    wrong[9] = (wrong[9] + 1) % CLASSES
    assert between(labels, labels[None], wrong[None]).at(0.95) is not None
    assert between(labels, labels[None], labels[None]).at(0.95) is None


def test_the_images_are_the_same() -> None:
    with pytest.raises(StudyError, match="same images"):
        between(np.zeros(3, int), np.zeros((1, 3), int), np.zeros((1, 4), int))
