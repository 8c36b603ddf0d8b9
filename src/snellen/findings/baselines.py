"""Findings about floors: the best one beside the chosen model, and models that are worse or not shown to be better."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.scores import Estimate
from snellen.findings.comparisons import OUT_OF_BAG, against_baseline, corrected_away
from snellen.findings.finding import Facts, Finding, Step, plural
from snellen.findings.naming import between, left_out, of_network, of_networks, points, share


def best_baseline(facts: Facts) -> Iterator[Finding]:
    """SNL008: better than what; the two numbers, and the verdict where one was reached."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    best = evaluation.best_baseline
    own = _compared(facts, model, best[0]) if model and best else None
    if model is None or best is None or own is None or own.value is None or best[1].value is None:
        return
    label, floor = facts.record.baseline_results[best[0]].label, best[1]
    whom = (of_networks if own.networks > 1 else of_network)(facts, model, "validation")
    average = " on average" if own.networks > 1 else ""
    yield Finding(
        "SNL008",
        "result",
        f"On the same {plural(own.n, 'validation image')} the best floor, `{label}`, is right on {share(floor)} and "
        f"{whom} on {share(own)}{average}.{against_baseline(facts, model, best[0])}",
        {"model": model, "floor": best[0], "value": own.value, "floor_value": floor.value, "n": own.n},
        "leaderboard",
    )


def _compared(facts: Facts, model: str, floor: str) -> Estimate | None:
    """The accuracy of what the verdict is about: the mean over seeds, or the one network where that was compared."""
    one = facts.evaluation.comparisons.between(model, baseline_key(floor), "validation")
    if one is not None and one.kind in ("networks", "out of bag"):
        return facts.evaluation.estimate(model, "validation", "accuracy")
    return facts.evaluation.standing(model, "validation")


def not_better_than_baseline(facts: Facts) -> Iterator[Finding]:
    """SNL110: a model that its comparison with the best floor, on the same validation images, finds worse: a warning;
    or does not find better, which a tie is too: a notice that says no more."""
    best = facts.evaluation.best_baseline
    if best is None:
        return
    label = facts.record.baseline_results[best[0]].label
    for model in facts.evaluation.ranked:
        one = facts.evaluation.comparisons.between(model, baseline_key(best[0]), "validation")
        if one is None or one.verdict.better or one.kind == "selected":
            continue
        recipe = one.kind == "recipes"
        whom = of_networks(facts, model, "validation") if recipe else of_network(facts, model)
        better, worse = ("better than", "worse than") if recipe else ("above", "below")
        seen = f"{points(one.difference.value)} ({between(one.difference)})"
        images = plural(one.images, "validation image")
        values = {"model": model, "floor": best[0], "n": one.images}
        if one.verdict.worse:
            yield Finding(
                "SNL110",
                "warning",
                f"{_capital(whom)}: {worse} the floor `{label}` on the same {images}, by {_less(one)}.",
                {**values, "below": -one.difference.value},
                "leaderboard",
                steps=(OTHERWISE,),
            )
        else:
            yield Finding(
                "SNL110",
                "notice",
                f"{_capital(whom)}: not shown to be {better} the floor `{label}`. On the same {images} the "
                f"difference is {seen}, {_covering(one)}{corrected_away(one)}.",
                {**values, "difference": one.difference.value},
                "leaderboard",
                steps=(OTHERWISE,),
            )


OTHERWISE = Step("tune", "Try another learning_rate or other layers.")


def _less(one: Comparison) -> str:
    """How much less, above nought, and what the interval covers."""
    return f"{points(-one.difference.value)} ({between(one.turned.difference)}), {_covering(one)}"


def _covering(one: Comparison) -> str:
    if one.kind == "recipes":
        return f"over images and seeds{left_out(one)}"
    return f"over images, {OUT_OF_BAG if one.kind == 'out of bag' else 'for this network alone'}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
