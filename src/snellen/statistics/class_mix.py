"""Whether two sets of images have the same mix of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MixDifference:
    """distance: total variation, the share of images whose class would have to change, in [0, 1]. furthest: the class
    whose shares differ most. p_value: for the hypothesis of equal mixes."""

    distance: float
    furthest: int
    p_value: float


def mix_difference(counts_K: np.ndarray, others_K: np.ndarray) -> MixDifference:
    """Two (K,) counts of images by class, each with an image at least: total variation distance of the shares, and
    Pearson's chi-square test of homogeneity over the classes that occur."""
    from scipy.special import chdtrc

    counts, others = np.asarray(counts_K, np.float64), np.asarray(others_K, np.float64)
    difference = counts / counts.sum() - others / others.sum()
    occurs = counts + others > 0
    together = (counts + others)[occurs] / (counts.sum() + others.sum())
    expected = [together * each.sum() for each in (counts, others)]
    statistic = sum(
        float(((each[occurs] - mean) ** 2 / mean).sum()) for each, mean in zip((counts, others), expected, strict=True)
    )
    freedom = int(occurs.sum()) - 1
    p = float(chdtrc(freedom, statistic)) if freedom else 1.0
    return MixDifference(float(np.abs(difference).sum() / 2), int(np.abs(difference).argmax()), p)
