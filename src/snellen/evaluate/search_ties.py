"""The networks that may be the best of a search (its tie), on the images that scored them."""

from __future__ import annotations

import numpy as np

from snellen.evaluate.stored_search import StoredSearch
from snellen.statistics.hsu_comparison_with_best import compare_with_best, confidence_of
from snellen.statistics.mcnemar import discordance_of
from snellen.statistics.results import COVERS_IMAGES, Limits

MOST = 144
"""With more networks than this, the pairwise comparison is left out."""


def may_be_best(stored: StoredSearch) -> frozenset[int] | None:
    """The trials that may be the best: on other images, with 95 % confidence, the best of these networks is among them
    (Hsu's comparison with the best; measure of the search, paired over the images). Trials with equal networks have the
    same result. None if trials were stopped early, because these were candidates too, or if there are too many.
    """
    candidates = stored.candidates()
    if any(trial.cut for trial in stored.searched.trials) or not 2 <= len(candidates) <= MOST:
        return None
    scores = [stored.per_image(trial) for trial in candidates]
    if len({len(each) for each in scores}) > 1:
        return None
    lows, highs = _limits(scores, stored.searched.objective == "accuracy")
    best = compare_with_best(lows, highs)
    networks = {stored.network(trial) for trial, one in zip(candidates, best, strict=True) if one.not_worse}
    return frozenset(number for number, trial in stored.ended.items() if stored.network(trial) in networks)


def _limits(scores: list[np.ndarray], right_or_wrong: bool) -> tuple[np.ndarray, np.ndarray]:
    """(M, M) lower and upper limits of the differences of all pairs."""
    models = len(scores)
    lows, highs, level = np.zeros((models, models)), np.zeros((models, models)), confidence_of(models)
    for i in range(models):
        for j in range(i):
            difference = scores[i] - scores[j]
            images = len(difference)
            error = float(difference.std(ddof=1)) / images**0.5 if images > 1 else 0.0
            counts = discordance_of(scores[i], scores[j]) if right_or_wrong else None
            freedom = images - 1 if error > 0 else None
            limits = Limits(float(difference.mean()), error, freedom, COVERS_IMAGES, "paired", counts)
            low, high = limits.at(level) or (-np.inf, np.inf)
            (lows[i, j], highs[i, j]), (lows[j, i], highs[j, i]) = (low, high), (-high, -low)
    return lows, highs
