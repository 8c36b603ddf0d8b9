"""Findings about floors: the best one beside the chosen model, and models that are not above it."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.evaluate.floors import floor_key
from snellen.findings.comparisons import against_floor
from snellen.findings.finding import Facts, Finding, percent, plural
from snellen.findings.words import between, points, share


def best_floor(facts: Facts) -> Iterator[Finding]:
    """SNL008: better than what; the two numbers, and the verdict where one was reached."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    best = evaluation.best_floor
    own = evaluation.standing(model, "validation") if model else None
    if model is None or best is None or own is None or own.value is None or best[1].value is None:
        return
    label, floor = facts.record.floor_results[best[0]].label, best[1]
    yield Finding(
        "SNL008",
        "result",
        f"On the same {plural(own.n, 'validation image')} the best floor, `{label}`, is right on {share(floor)} and "
        f"`{model}` on {share(own)}.{against_floor(facts, model, best[0])}",
        {"model": model, "floor": best[0], "value": own.value, "floor_value": floor.value, "n": own.n},
        "leaderboard",
    )


def below_floor(facts: Facts) -> Iterator[Finding]:
    """SNL110: a model that is not above the best floor on the validation images."""
    best = facts.evaluation.best_floor
    if best is None or best[1].value is None:
        return
    label, floor = facts.record.floor_results[best[0]].label, best[1].value
    for model in facts.evaluation.ranked:
        own = facts.evaluation.standing(model, "validation")
        if own is not None and own.value is not None and own.value <= floor:
            yield Finding(
                "SNL110",
                "warning",
                f"`{model}` is not above the floor `{label}`: of the same {plural(own.n, 'validation image')} it is "
                f"right on {percent(own.value)}, the floor on {percent(floor)}.{_paired(facts, model, best[0])}",
                {"model": model, "floor": best[0], "value": own.value, "floor_value": floor, "n": own.n},
                "leaderboard",
                "Train longer, or with another learning_rate or other layers.",
            )


def _paired(facts: Facts, model: str, floor: str) -> str:
    """The difference on the same images, with its interval."""
    one = facts.evaluation.comparisons.between(model, floor_key(floor), "validation")
    if one is None:
        return ""
    seen = f"{points(one.difference.value)} ({between(one.difference)}"
    if one.kind == "recipes":
        return f" Paired, that is {seen}, over images and seeds)."
    return f" Paired, its {'first ' if facts.evaluation.by_seed(model, 'validation') else ''}network is at {seen})."
