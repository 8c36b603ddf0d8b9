"""Findings about cross-validation: how good over folds, and whether hold-out images say the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.findings.finding import Facts, Finding, percent, plural
from snellen.findings.naming import of_networks, points, share
from snellen.statistics.corrected_resampled_t import disagreement, retraining_variance


def cross_validated(facts: Facts) -> Iterator[Finding]:
    """SNL012: how good over folds, with the spread between folds and between seeds apart."""
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
        f"Over {plural(len(folds.splits), 'fold')}{each}, `{model}` is right on {share(estimate)} of the images that a "
        f"fold held out of its training. Folds differ by {points(folds.mean.deviation)}{seeds} (standard deviations). "
        f"{COVERED if folds.mean.low is not None else 'Nothing varied between them, which is no certainty.'}"
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


COVERED = "The interval (Nadeau and Bengio) covers other images and training again on as many other rows."


def _searched(facts: Facts, model: str) -> str:
    """What the score says of a search: that of the whole procedure, or that it is not covered."""
    if facts.record.nested(model):
        return (
            " Every fold searched the values anew on its own rows, so this is the score of the whole procedure, search "
            "included."
        )
    if model not in facts.evaluation.searches:
        return ""
    return (
        " The values were searched once, with images that folds then held out, which flatters every fold a little; "
        "`folds: {nested: true}` searches inside each."
    )


def disagrees(facts: Facts) -> Iterator[Finding]:
    """SNL114: cross-validation and hold-out images differ by more than chance and training again do."""
    for model, folds in facts.evaluation.folds.items():
        role = "test" if model in facts.evaluation.opened else "validation"
        held = facts.evaluation.standing(model, role)
        if held is None or held.value is None:
            continue
        retrained = retraining_variance(np.array(folds.accuracies), folds.num_held_out) / held.networks
        found = disagreement(folds.mean, held.value, held.n, retrained)
        if found.disagrees:
            images = plural(held.n, f"{role} image")
            yield Finding(
                "SNL114",
                "warning",
                f"Cross-validation and {role} disagree on `{model}`: right are {percent(folds.mean.value)} of the "
                f"images that folds held out, and {percent(held.value)} of the {images}, by "
                f"{of_networks(facts, model, role)}{' on average' if held.networks > 1 else ''}. Other images and "
                f"training again would part them by {points(found.limit)} at most (3 standard errors).{_seen(role)}",
                {
                    "model": model,
                    "role": role,
                    "folds": folds.mean.value,
                    "value": held.value,
                    "limit": found.limit,
                    "n": held.n,
                },
                f"model-{model}",
                "Look for copies of the same picture on both sides, for images of another kind in one part, and for "
                "training parts of very different size.",
            )


def _seen(role: str) -> str:
    """Validation images are no clean hold-out."""
    return " The validation images also chose the epoch." if role == "validation" else ""
