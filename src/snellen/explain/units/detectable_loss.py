"""The smallest loss of recall that silencing a unit would have shown: what "no measurable difference" leaves open."""

from __future__ import annotations

import numpy as np

from snellen.statistics.power import WANTED, network_power

PRECISION = 0.0005
"""Of a loss, as a share: it is printed in tenths of points."""


def detectable_losses(changed_UK: np.ndarray, others_UK: np.ndarray, images_K: np.ndarray, level: float) -> np.ndarray:
    """(K,): the smallest loss of a class's recall that would be seen with a probability of at least 80 %, whichever of
    the units is silenced; nan where not even the loss of all recall would be, as with few images.

    changed_UK: of each unit and class, the share of its images whose answer changes between right and wrong; others_UK:
    bool, those of them that are not said to lose recall, of which the largest share counts (as discordance). images_K:
    of each class. level: false discoveries allowed among all units and classes. The loss is looked for at level /
    (U K), which Benjamini and Hochberg's correction allows a single one; with others it allows more, so the loss is no
    underestimate. That a class must also lose more than others do adds nothing: as many lost images, of all classes',
    are further out in that test than in McNemar's.
    """
    discordance_K = np.where(others_UK, changed_UK, 0.0).max(0)
    each = level / changed_UK.size
    return np.array([_smallest(float(share), int(images), each) for share, images in zip(discordance_K, images_K)])


def _smallest(discordance: float, images: int, level: float) -> float:
    """By bisection: the probability of seeing a loss grows with it."""
    if not images or network_power(discordance, images, 1.0, level) < WANTED:
        return float("nan")
    low, high = 0.0, 1.0
    while high - low > PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if network_power(discordance, images, middle, level) >= WANTED else (middle, high)
    return high
