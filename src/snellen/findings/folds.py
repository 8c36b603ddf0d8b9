"""Findings about cross-validation: the score over folds, and whether it agrees with that on hold-out images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import all_networks
from snellen.phrases import percent, plural, points
from snellen.statistics.corrected_resampled_t import disagreement, retraining_variance


def cross_validated(facts: Facts) -> Iterator[Finding]:
    """SNL012: the accuracy over folds, with the spread between folds and between seeds."""
    model = facts.evaluation.chosen
    folds, estimate = facts.evaluation.folds.get(model or ""), facts.evaluation.over_folds(model or "")
    if model is None or folds is None or estimate is None or estimate.value is None:
        return
    spread = points(folds.between_seeds) if folds.between_seeds is not None else None
    seeds = f", seeds of the same fold by {spread}" if spread else ""
    each = f", {folds.seeds} seeds each" if folds.seeds > 1 else ""
    yield Finding(
        "SNL012",
        "result",
        f"Over {plural(len(folds.splits), 'fold')}{each}, `{model}` is right on {estimate.in_percent} of the images "
        f"that each fold held out of training. Folds differ by {points(folds.mean.deviation)}{seeds} (standard "
        "deviations). "
        f"{COVERED if folds.mean.low is not None else 'All folds scored the same, so there is no interval.'}"
        f"{_searched(facts, model)}",
        {
            "model": model,
            "value": estimate.value,
            "folds": len(folds.splits),
            "between_folds": folds.mean.deviation,
            "between_seeds": folds.between_seeds,
            "nested": facts.record.nested(model),
        },
        f"model-{model}",
    )


COVERED = "The interval (Nadeau and Bengio) covers other images and training again on other rows."


def _searched(facts: Facts, model: str) -> str:
    """Whether the score includes the search of the model."""
    if facts.record.nested(model):
        return (
            " Every fold repeated the search on its own training rows, so this is the score of the whole procedure, "
            "search included."
        )
    if model not in facts.evaluation.searches:
        return ""
    return (
        " The search ran once, also on images that folds then held out, which makes this score a little optimistic; "
        "`folds: {nested: true}` repeats it inside each fold."
    )


CAUSES = Step(
    "tune",
    "Look for copies of the same image on both sides, for images of another kind in one part, and for training parts "
    "of very different size.",
)


def disagrees(facts: Facts) -> Iterator[Finding]:
    """SNL114: cross-validation and hold-out images differ by more than other images and training again explain."""
    for model, folds in facts.evaluation.folds.items():
        role = "test" if model in facts.evaluation.opened else "validation"
        held = facts.evaluation.standing(model, role)
        if held is None or held.value is None:
            continue
        retrained = retraining_variance(np.array(folds.accuracies), folds.num_held_out) / held.networks
        outcome = disagreement(folds.mean, held.value, held.n, retrained)
        if outcome.disagrees:
            images = plural(held.n, f"{role} image")
            yield Finding(
                "SNL114",
                "warning",
                f"Cross-validation and {role} disagree on `{model}`: the accuracy is {percent(folds.mean.value)} on "
                f"the images that folds held out, and {percent(held.value)} on {images}, by "
                f"{all_networks(facts, model, role)}{' on average' if held.networks > 1 else ''}. Other images and "
                f"training again explain at most {points(outcome.limit)} (3 standard errors).{_seen(role)}",
                {
                    "model": model,
                    "role": role,
                    "folds": folds.mean.value,
                    "value": held.value,
                    "limit": outcome.limit,
                    "n": held.n,
                },
                f"model-{model}",
                steps=(CAUSES,),
            )


def _seen(role: str) -> str:
    """Validation images were used for a choice."""
    return " The validation images also chose the epoch." if role == "validation" else ""
