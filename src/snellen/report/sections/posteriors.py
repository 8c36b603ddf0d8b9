"""The appendix of models over folds: the posterior of each difference, beside the test and never in its place."""

from __future__ import annotations

import numpy as np

from snellen.evaluate.cross_validation import HELD_OUT
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.model_scores import CrossValidated
from snellen.report.types import PosteriorJson, PosteriorsJson
from snellen.statistics.bayesian_correlated_t import Posterior, correlated_posterior


def posteriors_section(evaluation: Evaluation) -> PosteriorsJson | None:
    """Every pair of models that was compared over folds, as in the table of comparisons; None without such pairs."""
    pairs, margin = list[PosteriorJson](), evaluation.comparisons.margin
    for one in evaluation.comparisons.all:
        if one.role != HELD_OUT or one.kind != "folds" or margin <= 0:
            continue
        a, b = evaluation.folds.get(one.a), evaluation.folds.get(one.b)
        if a is None or b is None:
            continue
        splits = [split for split in a.splits if split in b.splits]
        found = correlated_posterior(_scores(a, splits), _scores(b, splits), a.num_train, a.num_held_out, margin)
        if found is not None:
            pairs.append(_pair(one.a, one.b, len(splits), found))
    return {"margin": margin, "pairs": pairs} if pairs else None


def _pair(a: str, b: str, splits: int, found: Posterior) -> PosteriorJson:
    return {
        "a": a,
        "b": b,
        "splits": splits,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "scale": found.scale,
        "degrees_of_freedom": found.degrees_of_freedom,
        "better": found.better,
        "equivalent": found.equivalent,
        "worse": found.worse,
    }


def _scores(folds: CrossValidated, splits: list[tuple[int, int]]) -> np.ndarray:
    """(J,) means over seeds, of these splits in their order."""
    by_split = dict(zip(folds.splits, folds.by_split, strict=True))
    return np.array([by_split[split] for split in splits])
