"""Findings of severity result, in the order a reader asks: which model, how good, how sure, where it fails."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.data.vault import Openings
from snellen.findings.finding import Facts, Finding, interval, percent, plural, times
from snellen.metrics.scores import confusion


def chosen(facts: Facts) -> Iterator[Finding]:
    """SNL001: which model, and by what."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return
    estimate = evaluation.estimate(model, "validation", "accuracy")
    if estimate is None or estimate.value is None:
        return
    yield Finding(
        "SNL001",
        "result",
        f"`{model}` {_why(facts, model)}: it is right on {interval(estimate)} of "
        f"{plural(estimate.n, 'validation image')}. These images chose its epoch"
        f"{' and the model' if len(evaluation.ranked) > 1 else ''}, so this number is optimistic.",
        {"model": model, "candidates": len(evaluation.ranked), "value": estimate.value, "n": estimate.n},
        "leaderboard",
    )


def _why(facts: Facts, model: str) -> str:
    """Why this model; a tie is called a tie."""
    ranked, measure = facts.evaluation.ranked, facts.record.study.choose_by
    if len(ranked) == 1:
        return "is the only model"
    values = {each: facts.evaluation.estimate(each, "validation", measure) for each in ranked}
    first = values[model]
    tied = [each for each in ranked[1:] if first and (other := values[each]) and other.value == first.value]
    if tied:
        others = ", ".join(f"`{each}`" for each in tied)
        second = "smaller loss" if measure == "accuracy" else "higher accuracy"
        return f"is chosen, level with {others} on validation {measure}, for its {second}"
    best = "highest" if measure == "accuracy" else "lowest"
    return f"is chosen for the {best} validation {measure} of {len(ranked)} models"


def test_accuracy(facts: Facts) -> Iterator[Finding]:
    """SNL002: how good, on images that chose nothing."""
    for model in facts.evaluation.opened:
        estimate = facts.evaluation.estimate(model, "test", "accuracy")
        if estimate is None or estimate.value is None or model != facts.evaluation.chosen:
            continue
        yield Finding(
            "SNL002",
            "result",
            f"On {plural(estimate.n, 'test image')} that trained, stopped and chose nothing, `{model}` is right on "
            f"{interval(estimate)}. The interval is 95 % (Wilson) and covers other images of the same kind for this "
            "one trained network, not training it again.",
            {"model": model, "value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n},
            f"model-{model}",
        )


def other_tests(facts: Facts) -> Iterator[Finding]:
    """SNL003: the test accuracy of the other models that the study opened the test for."""
    others = [model for model in facts.evaluation.opened if model != facts.evaluation.chosen]
    estimates = {model: facts.evaluation.estimate(model, "test", "accuracy") for model in others}
    known = {model: estimate for model, estimate in estimates.items() if estimate and estimate.value is not None}
    if known:
        listed = "; ".join(f"`{model}` {interval(estimate)}" for model, estimate in known.items())
        yield Finding(
            "SNL003",
            "result",
            f"On the same test images: {listed}.",
            {model: estimate.value for model, estimate in known.items()},
            "leaderboard",
        )


def openings(facts: Facts) -> Iterator[Finding]:
    """SNL004: how often the test labels were looked at."""
    counts, opened = facts.evaluation.openings, facts.evaluation.opened
    if not counts.this_run:
        return
    floors = [f"floor {name}" for name in facts.evaluation.opened_floors]
    models = ", ".join(f"`{each}`" for each in (*opened, *floors))
    yield Finding(
        "SNL004",
        "result",
        _opened(counts, f" (for {models})"),
        {"this_run": counts.this_run, "ever": counts.ever, "models": [*opened, *floors]},
        "roles",
    )


def _opened(counts: Openings, whom: str = "") -> str:
    earlier = counts.ever - counts.this_run
    before = f"{times(earlier)} before" if earlier else "never before"
    return f"The test labels were opened {times(counts.this_run)} in this run{whom} and {before}."


def no_comparison(facts: Facts) -> Iterator[Finding]:
    """SNL005: single trainings do not compare recipes."""
    ranked = facts.evaluation.ranked
    if len(ranked) < 2:
        return
    yield Finding(
        "SNL005",
        "result",
        f"Each of the {len(ranked)} recipes was trained once, so they cannot be compared yet: their gaps contain the "
        "luck of one initialisation and one order of images.",
        {"models": list(ranked), "trainings_each": 1},
        "leaderboard",
        "Train each recipe with several seeds (--seed) before calling one better than another.",
    )


def worst_confusion(facts: Facts) -> Iterator[Finding]:
    """SNL006: the most frequent mistake of the chosen model, on test where opened, else on validation."""
    model = facts.evaluation.chosen
    if model is None:
        return
    role = "test" if model in facts.evaluation.opened else "validation"
    predictions = facts.record.predictions(model, role)
    if predictions is None or predictions.labels is None:
        return
    matrix = confusion(predictions.labels, predictions.predicted, len(facts.record.classes))
    mistakes = matrix - np.diag(np.diagonal(matrix))
    total, most = int(mistakes.sum()), int(mistakes.max())
    if total == 0:
        return
    pairs = [(int(i), int(j)) for i, j in np.argwhere(mistakes == most)]
    names = [f"{facts.record.classes[i]} called {facts.record.classes[j]}" for i, j in pairs]
    listed = (
        names[0] if len(names) == 1 else f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}, equally"
    )
    yield Finding(
        "SNL006",
        "result",
        f"Of the {plural(total, 'mistake')} of `{model}` on {role}, the most frequent is {listed} "
        f"({plural(most, 'image')}{' each' if len(names) > 1 else ''}).",
        {"model": model, "role": role, "mistakes": total, "most": most, "pairs": names},
        f"model-{model}",
    )


def weakest_class(facts: Facts) -> Iterator[Finding]:
    """SNL007: the lowest observed recall, with its interval; said as an observation, not as a difference."""
    model = facts.evaluation.chosen
    if model is None:
        return
    role = "test" if model in facts.evaluation.opened else "validation"
    recalls = {name: facts.evaluation.estimate(model, role, "recall", name) for name in facts.record.classes}
    known = {name: recall for name, recall in recalls.items() if recall and recall.value is not None}
    if not known:
        return
    name = min(known, key=lambda each: known[each].value or 0.0)
    recall = known[name]
    yield Finding(
        "SNL007",
        "result",
        f"The lowest observed recall is that of class {name}: {interval(recall)} of its {plural(recall.n, 'image')} on "
        f"{role} are found. It was picked as the lowest of {len(known)}, which makes it look worse than it is.",
        {"class": name, "role": role, "value": recall.value, "low": recall.low, "high": recall.high, "n": recall.n},
        f"model-{model}",
    )


def claim(facts: Facts) -> str:
    """The paragraph to copy: what may be claimed, with every condition."""
    evaluation, record = facts.evaluation, facts.record
    model = evaluation.chosen
    if model is None:
        return "No model was trained to the end, so nothing may be claimed."
    data = record.data["data"]
    roles = record.data["roles"]["counts"]
    opened = model in evaluation.opened
    estimate = evaluation.estimate(model, "test" if opened else "validation", "accuracy")
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return "The chosen model has no scores, so nothing may be claimed."
    result = record.results[model]
    where = "held-out test images" if opened else "validation images, which also chose the epoch"
    tail = _opened(evaluation.openings) if opened else "The test was not opened."
    measure = record.model(model).last_phase.measure
    return (
        f"One network (`{model}`), trained once on {roles['train']:,} images of {data['name']} for {result.epochs} "
        f"epochs (epoch {result.kept_epoch} kept by validation {measure}), classifies "
        f"{percent(estimate.value)} of {estimate.n:,} {where} correctly (95 % Wilson interval {100 * estimate.low:.1f} "
        f"to {100 * estimate.high:.1f} %, over images; retraining is not covered). {tail}"
    )
