"""Whether training ended while networks were still improving, by the validation measures of each epoch alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.statistics.levels import SIGNIFICANT

WINDOW = 5
"""Number of last epochs that are tested: if 5 of 5 are better than the one before, the p-value of the sign test is 1 in
32, which suffices for a single network. With more epochs the steep beginning of a training would count for its flat
end."""


@dataclass(frozen=True)
class Curve:
    """One network, after each of E epochs of its last phase. measured: (E,) validation loss, or minus the accuracy, so
    that lower is better. right: (E,) validation images that are predicted correctly, of `images`; most: images of the
    most frequent class among them. kept: the epoch that was kept, from 1."""

    measured: np.ndarray
    right: np.ndarray
    images: int
    most: int
    kept: int

    @property
    def last_is_kept(self) -> bool:
        """Whether no epoch was better than the last."""
        return self.kept == len(self.measured)

    @property
    def steps(self) -> np.ndarray:
        """(at most WINDOW,) bool: which of the last epochs were better than the one before."""
        return np.diff(self.measured)[-WINDOW:] < 0


@dataclass(frozen=True)
class Improving:
    """The evidence that training ended too early. last: networks whose last epoch was kept, of `networks`. better: the
    last epochs, of all networks, that improved on the one before, of `steps`. p_value: that of `test`. The sign test
    asks whether as many epochs would improve by chance; Fisher's test, for trainings too short for that, whether
    accuracy rose since the first of these epochs (the largest p-value of the networks)."""

    networks: int
    last: int
    steps: int
    better: int
    test: Literal["sign test", "Fisher's exact test"]
    p_value: float


def still_improving(curves: Sequence[Curve]) -> Improving | None:
    """The evidence from the networks of one recipe, trained at a constant rate; None unless all of this holds:

    1. more than half of them kept their last epoch;
    2. they know more than how frequent classes are: right on more validation images than the most frequent class has
       (exact binomial test, 5 %, every network);
    3. their last WINDOW epochs improved on the one before more often than not (exact sign test over all networks, 5 %).
       Where these are fewer than WINDOW in all, no sign test can tell: then every one of them must have improved, and
       accuracy have risen from the first of them to the last (Fisher's exact test, 5 %, every network).

    That the last epoch is the best says little: it happens by chance in 1 of E trainings of E epochs, and the
    validation loss of networks that memorise permuted labels may drift smoothly up or down. Condition 2 limits the
    latter to 5 %, because with permuted labels answers are right only by chance. Condition 3 tests the noise from epoch
    to epoch: under a random walk, steps up and down are equally likely, and under scatter around a constant level a
    step down is no more likely (5 of 5 happen in 1 of 720). A paired test on per-image losses would only see the noise
    of images, and would call every fluctuation at a constant rate an improvement once there are 10,000 images; it would
    also need the stored losses of one more epoch. Fisher's test treats the two epochs as different images, which is
    conservative for the same images. An epoch that equals the one before did not improve.
    """
    last = sum(curve.last_is_kept for curve in curves)
    if 2 * last <= len(curves) or not all(_knows(curve) for curve in curves):
        return None
    steps = np.concatenate([curve.steps for curve in curves])
    better = int(steps.sum())
    if len(steps) >= WINDOW:
        p_value = _at_least(better, len(steps), 0.5)
        result = Improving(len(curves), last, len(steps), better, "sign test", p_value)
    elif len(steps) and steps.all():
        p_value = max(_rose(curve) for curve in curves)
        result = Improving(len(curves), last, len(steps), better, "Fisher's exact test", p_value)
    else:
        return None
    return result if result.p_value < SIGNIFICANT else None


def _knows(curve: Curve) -> bool:
    return _at_least(int(curve.right[-1]), curve.images, curve.most / curve.images) < SIGNIFICANT


def _at_least(count: int, of: int, share: float) -> float:
    from scipy.stats import binomtest

    return float(binomtest(count, of, share, alternative="greater").pvalue)


def _rose(curve: Curve) -> float:
    """One-sided p-value of the hypothesis that no more images are right after the last epoch than before the tested
    steps."""
    from scipy.stats import fisher_exact

    after, before = int(curve.right[-1]), int(curve.right[-1 - len(curve.steps)])
    table = [[after, curve.images - after], [before, curve.images - before]]
    return float(fisher_exact(table, alternative="greater").pvalue)
