"""Thresholds on a score that hold with a stated probability: Learn then Test, by fixed sequence testing.

Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test", 2021 (Annals of Applied Statistics 19, 2025): candidates
are fixed on some images (here: validation), in an order; on other images (calibration) each is tested by an exact
binomial bound, until the first one fails. The guarantee of the last one that passed holds with probability 1 - delta
over draws of the calibration images, however many were tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log

import numpy as np

from snellen.statistics.clopper_pearson_interval import clopper_pearson

DELTA = 0.05
"""Probability that a guarantee does not hold, over draws of the calibration images."""
CANDIDATES = 20
LEAST_LIKELY = 0.02
"""Candidates with a smaller probability to pass are not tried."""


@dataclass(frozen=True)
class Certificate:
    """A threshold, or why there is none. threshold: None if the target share cannot be shown. hits, accepted: counts of
    the calibration images at the threshold, or, without one, at the candidate that was tested first. provable: the
    lower limit of that share, which holds with probability 1 - delta. needed: the accepted images that would show the
    target share if mistakes stay as frequent; None if no number would. delta: as tested."""

    target: float
    delta: float
    threshold: float | None
    tried: float
    hits: int
    accepted: int
    provable: float
    needed: int | None


def lower_bound(hits: np.ndarray | float, count: np.ndarray | float, delta: float) -> np.ndarray:
    """The one-sided exact lower limit of a share at level 1 - delta (Clopper and Pearson 1934); 0 for a count of 0."""
    return np.asarray(clopper_pearson(hits, count, 1 - 2 * delta)[0])


def fewest(target: float, delta: float) -> int:
    """The number of images, all without a mistake, that shows a share of at least `target`: the smallest n with
    target^n <= delta."""
    return ceil(log(delta) / log(target) - 1e-9)


def images_needed(share: float, target: float, delta: float) -> int | None:
    """The number of images that shows `target` if mistakes stay as frequent as in `share`; None if the share is not
    above the target, or more than 10 million are needed."""
    if share <= target:
        return None
    least, most = fewest(target, delta), 10_000_000
    if lower_bound(floor(share * most), most, delta) < target:
        return None
    while least < most:
        middle = (least + most) // 2
        hits = middle - ceil(middle * (1 - share) - 1e-9)
        least, most = (least, middle) if lower_bound(hits, middle, delta) >= target else (middle + 1, most)
    return least


def certified_precision(
    chosen: tuple[np.ndarray, np.ndarray], tested: tuple[np.ndarray, np.ndarray], target: float, delta: float = DELTA
) -> Certificate:
    """The loosest threshold at which the share of right ones among all images that reach it is at least `target`.

    chosen, tested: (scores, hits) of validation and of calibration images, (N,) each; hits: whether the image is right
    when it is accepted. Candidates are fixed by the validation images and tested strictest first; candidates reached by
    too few calibration images are skipped.
    """
    scores, hits = tested
    candidates = _from_strict(*chosen, target, delta, len(scores))
    found, first = None, None
    for threshold in candidates:
        reached = scores >= threshold
        result = _tested(threshold, int(hits[reached].sum()), int(reached.sum()), target, delta)
        if result.accepted < fewest(target, delta):
            first = first if first and first.accepted >= result.accepted else result
            continue
        if result.threshold is None:
            first = result if first is None or first.accepted < fewest(target, delta) else first
            break
        found = first = result
    return found or first or _tested(np.inf, 0, 0, target, delta)


def certified_recall(chosen: np.ndarray, tested: np.ndarray, target: float, delta: float = DELTA) -> Certificate:
    """The strictest threshold that at least `target` of the images of a class reach, from the scores of the validation
    and of the calibration images of this class, (N,) each. Candidates are tested from the loosest to the strictest."""
    found, first = None, None
    for threshold in _from_loose(chosen, target):
        result = _tested(threshold, int((tested >= threshold).sum()), len(tested), target, delta)
        first = first or result
        if result.threshold is None:
            break
        found = result
    return found or first or _tested(np.inf, 0, 0, target, delta)


def _tested(threshold: float, hits: int, accepted: int, target: float, delta: float) -> Certificate:
    provable = float(lower_bound(hits, accepted, delta))
    needed = fewest(target, delta) if not accepted else images_needed(hits / accepted, target, delta)
    passed = provable >= target and accepted >= fewest(target, delta)
    return Certificate(
        target, delta, float(threshold) if passed else None, float(threshold), hits, accepted, provable, needed
    )


def _from_strict(scores: np.ndarray, hits: np.ndarray, target: float, delta: float, num_tested: int) -> list[float]:
    """Candidates in descending order: from the score at which the tested images will most probably show the target, to
    the lowest at which they may. Their result is predicted from the validation images alone: by a logistic regression
    of being right on the score, and the Poisson distribution of the number of mistakes."""
    from scipy.stats import poisson

    if not len(scores):
        return []
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    scale = num_tested / len(scores)
    mistakes = scale * np.cumsum(1 - _share_right(ordered, hits[order]))[ends]
    passing = poisson.cdf(_most_mistakes(scale * (ends + 1.0), target, delta), mistakes)
    if passing.max() < LEAST_LIKELY:  # no candidate can be shown to hold: take the one with the highest provable share
        accepted = scale * (ends + 1.0)
        return [float(ordered[ends[int(np.argmax(lower_bound(accepted - mistakes, accepted, delta)))]])]
    strictest = int(np.argmax(passing))
    likely = np.flatnonzero(passing >= LEAST_LIKELY)
    loosest = max(strictest, int(likely[-1]))
    places = np.unique(np.linspace(strictest, loosest, CANDIDATES).round().astype(int))
    return [float(ordered[ends[place]]) for place in places]


def _share_right(scores: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """(N,) the share of right images at each score, from a logistic regression on its logarithms (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    if hits.all() or not hits.any():
        return np.full(len(hits), (hits.sum() + 1) / (len(hits) + 2))
    inside = np.clip(scores, 1e-7, 1 - 1e-7)
    features = np.stack([np.log(inside), -np.log1p(-inside)], axis=1)
    return np.asarray(LogisticRegression(C=100.0).fit(features, hits).predict_proba(features)[:, 1])


def _most_mistakes(accepted: np.ndarray, target: float, delta: float) -> np.ndarray:
    """The most mistakes among this many images that still show the target; -1 if even 0 mistakes do not. It is the
    largest number that has a probability of at most `delta` if the true share is just below the target."""
    from scipy.stats import binom

    return np.asarray(binom.ppf(delta, np.floor(accepted), 1 - target) - 1)


def _from_loose(scores: np.ndarray, target: float) -> list[float]:
    """Thresholds in ascending order, from the lowest score of the class to the one that `target` of them reach."""
    if not len(scores):
        return []
    ordered = np.sort(scores.astype(np.float64))
    last = max(0, len(ordered) - ceil(target * len(ordered) - 1e-9))
    return [float(each) for each in np.unique(ordered[np.unique(np.linspace(0, last, CANDIDATES).round().astype(int))])]
