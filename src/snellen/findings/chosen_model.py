"""Findings about the chosen model: why it was chosen, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.data.splits.vault import Openings
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import all_networks, one_network, what_validation_chose
from snellen.phrases import percent, plural, quoted, times

MEASURED = {"network": "validation {}", "seeds": "mean validation {}", "folds": "mean {} over the folds"}
"""What a model was chosen for, in words."""


def chosen(facts: Facts) -> Iterator[Finding]:
    """SNL001: which model was chosen, and by which score."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return
    estimate = chosen_by(facts, model, "accuracy")
    if estimate is None or estimate.value is None:
        return
    yield Finding(
        "SNL001",
        "result",
        f"`{model}` {_why(facts, model)}: {_how_good(facts, model, estimate)}",
        {"model": model, "candidates": len(evaluation.ranked), "value": estimate.value, "n": estimate.n},
        "leaderboard",
    )


def chosen_by(facts: Facts, model: str, measure: str) -> Estimate | None:
    """The score by which a model is ranked."""
    if facts.evaluation.by == "folds":
        return facts.evaluation.over_folds(model, measure)
    return facts.evaluation.standing(model, "validation", measure)


def _how_good(facts: Facts, model: str, estimate: Estimate) -> str:
    if facts.evaluation.by == "folds":
        several = len(facts.evaluation.ranked) > 1
        chose = " They also chose the model, so this number is a little optimistic." if several else ""
        held_out = f"{plural(estimate.n, 'image')}, each held out of training by its fold"
        return f"it is right on {estimate.in_percent} of {held_out}.{chose}"
    images = plural(estimate.n, "validation image")
    chose = f"These images also chose {what_validation_chose(facts, model)}, so this number is optimistic."
    if estimate.networks > 1:
        seeds = ", ".join(percent(value) for value in facts.evaluation.by_seed(model, "validation"))
        return (
            f"its {estimate.networks} networks are right on {estimate.in_percent} of {images} on average (by seed: "
            f"{seeds}). {chose}"
        )
    return f"it is right on {estimate.in_percent} of {images}. {chose}"


def _why(facts: Facts, model: str) -> str:
    """Why this model was chosen; equal values are ties."""
    ranked, measure = facts.evaluation.ranked, facts.record.study.choose_by
    if len(ranked) == 1:
        return "is the only model"
    values = {each: chosen_by(facts, each, measure) for each in ranked}
    first, name = values[model], MEASURED[facts.evaluation.by].format(measure)
    tied = [each for each in ranked[1:] if first and (other := values[each]) and other.value == first.value]
    if tied:
        second = "smaller loss" if measure == "accuracy" else "higher accuracy"
        return f"is chosen, tied with {quoted(tied)} on {name}, for its {second}"
    best = "highest" if measure == "accuracy" else "lowest"
    return f"is chosen for the {best} {name} of {len(ranked)} models"


def test_accuracy(facts: Facts) -> Iterator[Finding]:
    """SNL002: how good it is on images that were used for nothing else."""
    model = facts.evaluation.chosen
    estimate = facts.evaluation.standing(model, "test") if model in facts.evaluation.opened else None
    if model is None or estimate is None or estimate.value is None:
        return
    yield Finding(
        "SNL002",
        "result",
        f"On {plural(estimate.n, 'test image')} that the model never saw during training or selection, "
        f"{_on_test(facts, model, estimate)}",
        {"model": model, "value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n},
        f"model-{model}",
    )


def _on_test(facts: Facts, model: str, estimate: Estimate) -> str:
    if estimate.networks > 1:
        seeds = ", ".join(percent(value) for value in facts.evaluation.by_seed(model, "test"))
        right = f"the {estimate.networks} networks of `{model}` are right on {estimate.in_percent} on average"
        covers = "The 95 % interval covers other images of the same kind and training again with other seeds."
        return f"{right} (by seed: {seeds}). {covers}"
    return (
        f"{one_network(facts, model, 'test')} is right on {estimate.in_percent}. The 95 % interval (Wilson) covers "
        "other images of the same kind for this one trained network, not training it again."
    )


def other_tests(facts: Facts) -> Iterator[Finding]:
    """SNL003: the test accuracy of the other models that the study evaluates on test."""
    others = [model for model in facts.evaluation.opened if model != facts.evaluation.chosen]
    estimates = {model: facts.evaluation.standing(model, "test") for model in others}
    known = {model: estimate for model, estimate in estimates.items() if estimate and estimate.value is not None}
    if known:
        shown = "; ".join(
            f"{all_networks(facts, model, 'test')} {estimate.in_percent}"
            f"{' on average' if estimate.networks > 1 else ''}"
            for model, estimate in known.items()
        )
        yield Finding(
            "SNL003",
            "result",
            f"On the same test images: {shown}.",
            {model: estimate.value for model, estimate in known.items()},
            "leaderboard",
        )


def test_evaluations(facts: Facts) -> Iterator[Finding]:
    """SNL004: how often models were evaluated on the test images."""
    counts, opened = facts.evaluation.openings, facts.evaluation.opened
    if not counts.this_run:
        return
    baselines = [f"baseline {name}" for name in facts.evaluation.opened_baselines]
    models = ", ".join(f"`{each}`" for each in (*opened, *baselines))
    yield Finding(
        "SNL004",
        "result",
        test_uses(counts, f" ({models})"),
        {"this_run": counts.this_run, "ever": counts.ever, "models": [*opened, *baselines]},
        "roles",
    )


def test_uses(counts: Openings, whom: str = "") -> str:
    """How often models were evaluated on the test images, as a sentence."""
    in_this_run, before = times(counts.this_run), times(counts.ever - counts.this_run)
    return f"The test images were used to evaluate models {in_this_run} in this run{whom} and {before} before."
