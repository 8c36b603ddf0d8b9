"""The smallest loss of recall that the ablation of a unit could have detected: what "no measurable difference"
means."""

from __future__ import annotations

import numpy as np

from snellen.statistics.power import WANTED, network_power

PRECISION = 0.0005
"""Precision of a loss, as a share: it is printed in tenths of points."""


def detectable_losses(changed_UK: np.ndarray, others_UK: np.ndarray, images_K: np.ndarray, level: float) -> np.ndarray:
    """(K,): the smallest loss of recall of a class that would be detected with a probability of at least 80 %, for
    every unit. NaN if not even the loss of all recall would be detected, as with few images.

    changed_UK: for each unit and class, the share of images whose prediction changes between right and wrong.
    others_UK: bool, the units and classes without a significant loss; the largest share among these is the discordance.
    images_K: images of each class. level: allowed rate of false discoveries among all units and classes. The test is
    made at level / (U K), which is what the Benjamini-Hochberg correction allows for a single discovery. With more
    discoveries it allows more, so the loss is not underestimated. The second condition, that a class loses more than
    the others, needs no term of its own: the same number of lost images is more significant in that test than in
    McNemar's.
    """
    discordance_K = np.where(others_UK, changed_UK, 0.0).max(0)
    each = level / changed_UK.size
    return np.array([_smallest(float(share), int(images), each) for share, images in zip(discordance_K, images_K)])


def _smallest(discordance: float, images: int, level: float) -> float:
    """By bisection: the probability of detecting a loss grows with the loss."""
    if not images or network_power(discordance, images, 1.0, level) < WANTED:
        return float("nan")
    low, high = 0.0, 1.0
    while high - low > PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if network_power(discordance, images, middle, level) >= WANTED else (middle, high)
    return high
