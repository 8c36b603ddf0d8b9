"""The recall of each class in two models on the same images, with the interval of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.networks import Networks
from snellen.statistics.changes_by_class import share_changes
from snellen.statistics.levels import CONFIDENCE
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, recipe_limits


@dataclass(frozen=True)
class ClassDifference:
    """The recall of one class, of A and of B, shares. value, low, high: A minus B, with a separate 95 % interval."""

    class_name: str
    images: int
    a: float
    b: float
    value: float
    low: float | None
    high: float | None


def are_recipes(a: Networks, b: Networks) -> bool:
    """Whether both have enough seeds for a statement about recipes; else their first networks are compared."""
    return min(len(a.seeds), len(b.seeds)) >= MIN_SEEDS_COMPARED


def class_differences(a: Networks, b: Networks, classes: Sequence[str]) -> Iterator[ClassDifference]:
    """The differences for each class that occurs among the images, which are the same on both sides. For recipes the
    interval covers other images and retraining, for the first networks other images only."""
    right = [each.per_image("accuracy").astype(bool) for each in (a, b)]
    recipes = are_recipes(a, b)
    a_SN, b_SN = right if recipes else (each[:1] for each in right)
    for code, name in enumerate(classes):
        of_class = a.labels == code
        if of_class.any():
            yield _of_class(a_SN[:, of_class], b_SN[:, of_class], name, recipes)


def _of_class(a_SN: np.ndarray, b_SN: np.ndarray, name: str, recipes: bool) -> ClassDifference:
    images = a_SN.shape[1]
    limits: tuple[float, float] | None
    if recipes:
        found = recipe_limits(a_SN, b_SN).at(CONFIDENCE) if images > 1 else None
        limits = found and (max(-1.0, found[0]), min(1.0, found[1]))
    else:
        won, lost = (int((one & ~other).sum()) for one, other in ((a_SN, b_SN), (b_SN, a_SN)))
        _, low, high = (each[0] for each in share_changes(*(np.array([count]) for count in (lost, won, images))))
        limits = (float(low), float(high))
    mine, theirs = float(a_SN.mean()), float(b_SN.mean())
    return ClassDifference(name, images, mine, theirs, mine - theirs, *(limits or (None, None)))
