"""The optimism of the best of many validation scores: its score on images that had no part in choosing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.mean_intervals import mean_limits
from snellen.statistics.out_of_bag_bootstrap import OutOfBag, out_of_bag
from snellen.statistics.wilson_interval import wilson_limits

NOT_COVERED = "does not cover the choice of the epoch or the rungs of halving"


@dataclass(frozen=True)
class Selection:
    """winner: index of the best candidate. observed: its uncorrected score. corrected: with its 95 % limits over other
    images, None where nothing varied.

    optimism: observed - corrected. chosen: share of the resamples in which each candidate would have won.
    not_covered: in words.
    """

    winner: int
    observed: float
    corrected: float
    low: float | None
    high: float | None
    optimism: float
    chosen: tuple[float, ...]
    not_covered: str = NOT_COVERED


def corrected_selection(scores_MN: np.ndarray, seed: int = 0) -> Selection:
    """The score of the best of M candidates, with each image scored by the candidate that is chosen without it (see
    `out_of_bag`).

    scores_MN: (M, N), per image of the validation part or out of fold, higher is better (right or wrong; -loss). The
    limits are as wide as those of one network with this score: Wilson's, for losses Hall's. (The scores of images vary
    less, because they are means over candidates, but the chosen candidate varies too: limits from their variance alone
    covered 76 to 96 % of simulated searches, these at least 95 %.) Candidates that keep the same epoch of the same
    trajectory must be given once.
    """
    scores = np.asarray(scores_MN, np.float64)
    observed = scores.mean(1)
    winner, resampled = int(observed.argmax()), out_of_bag(scores, seed=seed)
    corrected = float(resampled.scores_N.mean())
    low, high = _limits(scores, resampled, corrected)
    return Selection(
        winner=winner,
        observed=float(observed[winner]),
        corrected=corrected,
        low=low,
        high=high,
        optimism=float(observed[winner]) - corrected,
        chosen=tuple(resampled.chosen_M.tolist()),
    )


def _limits(scores: np.ndarray, resampled: OutOfBag, corrected: float) -> tuple[float | None, float | None]:
    """The 95 % limits over other images; None where nothing varied."""
    if np.all((scores >= 0) & (scores <= 1)):
        return wilson_limits(corrected * scores.shape[1], scores.shape[1])
    limits, spread = mean_limits(resampled.scores_N), float(resampled.scores_N.std())
    if limits is None:
        return None, None
    scale = max(1.0, float(np.sqrt(resampled.chosen_M @ scores.var(1))) / spread)
    return corrected - scale * (corrected - limits[0]), corrected + scale * (limits[1] - corrected)
