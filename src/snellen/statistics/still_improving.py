"""Whether training ended while networks were still improving, by the validation measures of each epoch alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.statistics.levels import SIGNIFICANT

WINDOW = 5
"""The last epochs that are looked at: with 5 of 5 better than the one before, the sign test is at 1 in 32, so that one
network can be judged; more would let the steep beginning of a training speak for its flat end."""


@dataclass(frozen=True)
class Curve:
    """One network, after each of E epochs of its last phase. measured: (E,) validation loss, or minus the accuracy:
    what falls improves. right: (E,) validation images that are answered rightly, of `images`; most: images of the most
    frequent class among them. kept: the epoch that was kept, from 1."""

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
    """What shows that training ended too early. last: networks whose last epoch was kept, of `networks`. better: the
    last epochs, of all networks, that improved on the one before, of `steps`. p_value: of the test named by `test`:
    that as many would by chance; or, of trainings too short for that, that accuracy rose since the first of these
    epochs, the largest of the networks."""

    networks: int
    last: int
    steps: int
    better: int
    test: Literal["sign test", "Fisher's exact test"]
    p_value: float


def still_improving(curves: Sequence[Curve]) -> Improving | None:
    """Of the networks of one recipe, trained at a constant rate; None unless all of this holds:

    1. more than half of them kept their last epoch;
    2. they know more than how frequent classes are: right on more validation images than the most frequent class has
       (exact binomial test, 5 %, every network);
    3. their last WINDOW epochs improved on the one before more often than not (exact sign test over all networks, 5 %).
       Where these are fewer than WINDOW in all, no sign test can tell: then every one of them must have improved, and
       accuracy have risen from the first of them to the last (Fisher's exact test, 5 %, every network).

    That the best epoch is the last says little: of E epochs that differ by chance it is so in 1 of E, and of networks
    that learn permuted labels by heart their validation loss may drift either way, smoothly. 2. bounds the latter at
    5 %, for with permuted labels no answer is right but by chance. 3. asks about the noise from epoch to epoch, which
    is what speaks against more epochs: steps up and down are equally likely under a random walk, and a step down is no
    likelier under scatter around a level (where 5 of 5 happen in 1 of 720). A paired test on per-image losses would see
    the noise of images alone, and call every wave of a constant rate an improvement once there are 10,000 images; it
    would need the losses of one more epoch stored. Fisher's test takes the two epochs as other images, which for the
    same images is cautious. An epoch that equals the one before did not improve.
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
    """One-sided p-value: that no more are right after the last epoch than before the steps that are looked at."""
    from scipy.stats import fisher_exact

    after, before = int(curve.right[-1]), int(curve.right[-1 - len(curve.steps)])
    table = [[after, curve.images - after], [before, curve.images - before]]
    return float(fisher_exact(table, alternative="greater").pvalue)
