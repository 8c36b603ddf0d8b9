"""The winner of many validation scores is optimistic: what it scores on images that had no part in choosing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.errors import StudyError
from snellen.evaluate.bootstrap import drawn_counts
from snellen.evaluate.intervals import percentiles

NOT_COVERED = "does not cover the choice of the epoch or the rungs of halving"


@dataclass(frozen=True)
class Selection:
    """winner: index of the best candidate. observed: its score as it stands. corrected: with its 95 % limits.

    optimism: observed - corrected. chosen: share of the resamples in which each candidate would have won.
    not_covered: in words.
    """

    winner: int
    observed: float
    corrected: float
    low: float
    high: float
    optimism: float
    chosen: tuple[float, ...]
    not_covered: str = NOT_COVERED


def corrected_selection(scores_MN: np.ndarray, strata: np.ndarray | None = None, seed: int = 0) -> Selection:
    """The bootstrap bias corrected score of the best of M candidates: BBC-CV (Tsamardinos et al., Machine Learning 107,
    2018).

    scores_MN: (M, N), per image of the validation part or out of fold, higher is better (right or wrong; -loss).
    In each resample of the images the candidate with the best mean is chosen and scored on the images left out; the
    corrected value is the mean of those scores, the limits their percentiles. Candidates that are one trajectory at one
    epoch must stand here once. Of equal candidates the first wins. Raises StudyError where nothing is left out.
    """
    scores_NM = np.asarray(scores_MN, np.float64).T
    observed = scores_NM.mean(0)
    drawn = [_chosen(counts.astype(np.float64), scores_NM) for counts in drawn_counts(len(scores_NM), strata, seed)]
    picks, values = (np.concatenate(each) for each in zip(*drawn))
    if np.isnan(values).all():
        raise StudyError("too few images to correct the score of a search", found=len(scores_NM))
    winner, corrected = int(observed.argmax()), float(np.nanmean(values))
    low, high = percentiles(values[~np.isnan(values)])
    return Selection(
        winner=winner,
        observed=float(observed[winner]),
        corrected=corrected,
        low=low,
        high=high,
        optimism=float(observed[winner]) - corrected,
        chosen=tuple((np.bincount(picks, minlength=len(observed)) / len(picks)).tolist()),
    )


def _chosen(counts_RN: np.ndarray, scores_NM: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R,) candidates chosen in each resample, and their scores on the images left out; NaN where none was."""
    picks = (counts_RN @ scores_NM).argmax(1)
    left_out = (counts_RN == 0).astype(np.float64)
    sums = np.take_along_axis(left_out @ scores_NM, picks[:, None], axis=1)[:, 0]
    images = left_out.sum(1)
    return picks, np.where(images > 0, sums / np.maximum(images, 1), np.nan)
