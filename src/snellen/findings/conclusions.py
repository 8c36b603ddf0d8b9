"""Findings of severity result: which model, and how good."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.data.splits.vault import Openings
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Facts, Finding, percent, plural, times
from snellen.findings.naming import listed, of_network, of_networks, share, what_validation_chose

MEASURED = {"network": "validation {}", "seeds": "mean validation {}", "folds": "mean {} over the folds"}
"""What chose a model, in words."""


def chosen(facts: Facts) -> Iterator[Finding]:
    """SNL001: which model, and by what."""
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
    """The score of a model by what chooses."""
    if facts.evaluation.by == "folds":
        return facts.evaluation.over_folds(model, measure)
    return facts.evaluation.standing(model, "validation", measure)


def _how_good(facts: Facts, model: str, estimate: Estimate) -> str:
    if facts.evaluation.by == "folds":
        several = len(facts.evaluation.ranked) > 1
        chose = " They chose the model, so this number is a little optimistic." if several else ""
        return f"it is right on {share(estimate)} of {plural(estimate.n, 'image')} that folds held out.{chose}"
    images = plural(estimate.n, "validation image")
    chose = f"These images chose {what_validation_chose(facts, model)}, so this number is optimistic."
    if estimate.networks > 1:
        seeds = ", ".join(percent(value) for value in facts.evaluation.by_seed(model, "validation"))
        return (
            f"its {estimate.networks} networks are right on {share(estimate)} of {images} on average (by seed: "
            f"{seeds}). {chose}"
        )
    return f"it is right on {share(estimate)} of {images}. {chose}"


def _why(facts: Facts, model: str) -> str:
    """Why this model; equal values are called level."""
    ranked, measure = facts.evaluation.ranked, facts.record.study.choose_by
    if len(ranked) == 1:
        return "is the only model"
    values = {each: chosen_by(facts, each, measure) for each in ranked}
    first, name = values[model], MEASURED[facts.evaluation.by].format(measure)
    tied = [each for each in ranked[1:] if first and (other := values[each]) and other.value == first.value]
    if tied:
        second = "smaller loss" if measure == "accuracy" else "higher accuracy"
        return f"is chosen, level with {listed(tied)} on {name}, for its {second}"
    best = "highest" if measure == "accuracy" else "lowest"
    return f"is chosen for the {best} {name} of {len(ranked)} models"


def test_accuracy(facts: Facts) -> Iterator[Finding]:
    """SNL002: how good, on images that chose nothing."""
    model = facts.evaluation.chosen
    estimate = facts.evaluation.standing(model, "test") if model in facts.evaluation.opened else None
    if model is None or estimate is None or estimate.value is None:
        return
    yield Finding(
        "SNL002",
        "result",
        f"On {plural(estimate.n, 'test image')} that trained, stopped and chose nothing, "
        f"{_on_test(facts, model, estimate)}",
        {"model": model, "value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n},
        f"model-{model}",
    )


def _on_test(facts: Facts, model: str, estimate: Estimate) -> str:
    if estimate.networks > 1:
        seeds = ", ".join(percent(value) for value in facts.evaluation.by_seed(model, "test"))
        right = f"the {estimate.networks} networks of `{model}` are right on {share(estimate)} on average"
        covers = "The 95 % interval covers other images of the same kind and training again with other seeds."
        return f"{right} (by seed: {seeds}). {covers}"
    return (
        f"{of_network(facts, model, 'test')} is right on {share(estimate)}. The interval is 95 % (Wilson) and covers "
        "other images of the same kind for this one trained network, not training it again."
    )


def other_tests(facts: Facts) -> Iterator[Finding]:
    """SNL003: the test accuracy of the other models that the study opened the test for."""
    others = [model for model in facts.evaluation.opened if model != facts.evaluation.chosen]
    estimates = {model: facts.evaluation.standing(model, "test") for model in others}
    known = {model: estimate for model, estimate in estimates.items() if estimate and estimate.value is not None}
    if known:
        shown = "; ".join(
            f"{of_networks(facts, model, 'test')} {share(estimate)}{' on average' if estimate.networks > 1 else ''}"
            for model, estimate in known.items()
        )
        yield Finding(
            "SNL003",
            "result",
            f"On the same test images: {shown}.",
            {model: estimate.value for model, estimate in known.items()},
            "leaderboard",
        )


def openings(facts: Facts) -> Iterator[Finding]:
    """SNL004: how often the test labels were looked at."""
    counts, opened = facts.evaluation.openings, facts.evaluation.opened
    if not counts.this_run:
        return
    floors = [f"floor {name}" for name in facts.evaluation.opened_baselines]
    models = ", ".join(f"`{each}`" for each in (*opened, *floors))
    yield Finding(
        "SNL004",
        "result",
        opened_words(counts, f" (for {models})"),
        {"this_run": counts.this_run, "ever": counts.ever, "models": [*opened, *floors]},
        "roles",
    )


def opened_words(counts: Openings, whom: str = "") -> str:
    """How often the test labels were opened, as a sentence."""
    earlier = counts.ever - counts.this_run
    before = f"{times(earlier)} before" if earlier else "never before"
    return f"The test labels were opened {times(counts.this_run)} in this run{whom} and {before}."
