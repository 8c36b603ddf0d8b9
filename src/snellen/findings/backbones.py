"""Findings about pretrained networks: models left out for want of weights, and images unlike those of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from snellen.findings.finding import Facts, Finding
from snellen.models.backbones.layer import Backbone, Preprocessing
from snellen.phrases import plural, quoted

SMALLER = 0.5
"""Images of less than half the side that the weights were trained at show details of another size."""
TOLERANCE = 0.01
"""Of mean and deviation, which are given with two or three digits."""


def skipped(facts: Facts) -> Iterator[Finding]:
    """SNL160: models that were left out because their pretrained weights were not found."""
    stored = facts.record.backbones
    if stored and stored["skipped"]:
        names = list(stored["skipped"])
        reasons = " ".join(f"{name}: {reason}" for name, reason in stored["skipped"].items())
        yield Finding(
            "SNL160",
            "notice",
            f"{plural(len(names), 'model')} of the study {'was' if len(names) == 1 else 'were'} left out, because "
            f"pretrained weights were not found: {quoted(names)}.",
            {"models": names, "reasons": stored["skipped"]},
            "backbones",
            f"To include them: {reasons}",
        )


def unlike_its_weights(facts: Facts) -> Iterator[Finding]:
    """SNL161: a pretrained network that sees images of another size, or otherwise scaled, than its weights were
    trained on."""
    stored = facts.record.backbones
    for model in facts.record.done if stored else ():
        first = facts.record.job(model).read_job().trajectory.layers[0]
        about = stored["weights"].get(first.sha256 or "") if stored and isinstance(first, Backbone) else None
        if not isinstance(first, Backbone) or about is None:
            continue
        side = first.resize or min(facts.record.data["data"]["shape"][:2])
        given = first.preprocessing
        if not isinstance(given, Preprocessing):
            continue
        wanted = [*about["mean"], *about["deviation"]]
        scaled = np.allclose([*given.mean, *given.deviation], wanted, atol=TOLERANCE)
        found = {"model": model, "side": side, "trained_side": about["side"], "scaled": bool(scaled)}
        if not scaled:
            yield Finding(
                "SNL161",
                "warning",
                f"`{model}` scales images otherwise than its pretrained weights need: mean {_values(given.mean)} "
                f"instead of {_values(about['mean'])}, deviation {_values(given.deviation)} instead of "
                f"{_values(about['deviation'])}.",
                found,
                "backbones",
                "Leave `preprocessing` out of the backbone: then that of the weights is used.",
            )
        elif side < SMALLER * about["side"]:
            yield Finding(
                "SNL161",
                "notice",
                f"`{model}` sees images of {side} pixels, and its weights were trained at {about['side']}.",
                found,
                "backbones",
                f"Try larger ones: `resize: {min(4 * side, about['side'])}` in the backbone, or an earlier block.",
            )


def _values(values: Sequence[float]) -> str:
    return ", ".join(f"{each:g}" for each in values)
