"""Findings about baselines: the best one beside the chosen model, and models that are worse or not shown to be
better."""

from __future__ import annotations

import math
from collections.abc import Iterator

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.costs import Costs
from snellen.evaluate.scores import Estimate
from snellen.findings.comparisons import OUT_OF_BAG, against_baseline, corrected_away
from snellen.findings.cost import is_much_faster
from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import all_networks, left_out, one_network, with_limits
from snellen.phrases import capitalised, milliseconds, plural, seconds
from snellen.train.baselines import is_on_features, model_of

SLOWER, SECONDS = 10, 5.0
"""Timings of one training each vary, by a factor of 2 on a busy machine: only far larger ratios are said."""
OTHERWISE = Step("tune", "Try another learning_rate or other layers.")


def best_baseline(facts: Facts) -> Iterator[Finding]:
    """SNL008: the accuracy of the chosen model and of the best baseline, and the verdict where there is one."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    best = evaluation.best_baseline
    own = _compared(facts, model, best[0]) if model and best else None
    if model is None or best is None or own is None or own.value is None or best[1].value is None:
        return
    label, baseline = facts.record.baseline_results[best[0]].label, best[1]
    whom = (all_networks if own.networks > 1 else one_network)(facts, model, "validation")
    average = " on average" if own.networks > 1 else ""
    yield Finding(
        "SNL008",
        "result",
        f"On the same {plural(own.n, 'validation image')} the best baseline, `{label}`, is right on "
        f"{baseline.in_percent} and {whom} on {own.in_percent}{average}.{against_baseline(facts, model, best[0])}",
        {"model": model, "floor": best[0], "value": own.value, "floor_value": baseline.value, "n": own.n},
        "leaderboard",
    )


def _compared(facts: Facts, model: str, baseline: str) -> Estimate | None:
    """The accuracy that the verdict is about: the mean over seeds, or of the one network where that was compared."""
    one = facts.evaluation.comparisons.between(model, baseline_key(baseline), "validation")
    if one is not None and one.kind in ("networks", "out of bag"):
        return facts.evaluation.estimate(model, "validation", "accuracy")
    return facts.evaluation.standing(model, "validation")


def not_better_than_baseline(facts: Facts) -> Iterator[Finding]:
    """SNL110: a model that is worse than the best baseline on the same validation images (a warning), or not shown to
    be better (a notice)."""
    best = facts.evaluation.best_baseline
    if best is None:
        return
    label = facts.record.baseline_results[best[0]].label
    for model in facts.evaluation.ranked:
        one = facts.evaluation.comparisons.between(model, baseline_key(best[0]), "validation")
        if one is None or one.verdict.better or one.kind == "selected":
            continue
        recipe = one.kind == "recipes"
        whom = (all_networks if recipe else one_network)(facts, model, "validation")
        better, worse = ("better", "worse") if recipe else ("more accurate", "less accurate")
        images = plural(one.images, "validation image")
        values = {"model": model, "floor": best[0], "n": one.images}
        if one.verdict.worse:
            yield Finding(
                "SNL110",
                "warning",
                f"{capitalised(whom)}: {worse} than the best baseline, `{label}`, on the same {images}, by "
                f"{with_limits(one.swapped.difference)}, {_covering(one)}.",
                {**values, "below": -one.difference.value},
                "leaderboard",
                steps=(OTHERWISE,),
            )
        else:
            yield Finding(
                "SNL110",
                "notice",
                f"{capitalised(whom)}: not shown to be {better} than the best baseline, `{label}`. On the same "
                f"{images} the difference is {with_limits(one.difference)}, {_covering(one)}{corrected_away(one)}.",
                {**values, "difference": one.difference.value},
                "leaderboard",
                steps=(OTHERWISE,),
            )


def _covering(one: Comparison) -> str:
    """What the interval covers."""
    if one.kind == "recipes":
        return f"over images and seeds{left_out(one)}"
    return f"over images, {OUT_OF_BAG if one.kind == 'out of bag' else 'for this trained network alone'}"


def slower_than_baseline(facts: Facts) -> Iterator[Finding]:
    """SNL129: the chosen model is not shown to be better than the best baseline on the same validation images, and took
    more than SLOWER times as long to train, and SECONDS longer; or predicts far slower."""
    model, best = facts.evaluation.chosen, facts.evaluation.best_baseline
    one = facts.evaluation.comparisons.between(model, baseline_key(best[0]), "validation") if model and best else None
    if model is None or best is None or one is None or one.verdict.better or one.kind == "selected":
        return
    baseline, features = facts.record.baseline_results[best[0]], _features_seconds(facts.costs, model, best[0])
    own, other = (one + more for one, more in zip((facts.record.results[model].seconds, baseline.seconds), features))
    longer = own > SLOWER * other and own - other >= SECONDS
    predicting = _predicting(facts.costs, model, baseline_key(best[0]))
    if not longer and predicting is None:
        return
    included = ", its features included" if features[1] else ""
    clauses = [f"took {seconds(own)} to train, the baseline `{baseline.label}` {seconds(other)}{included}"]
    if predicting is not None:
        ms, baseline_ms = map(milliseconds, predicting)
        faster = f"{ms} for an image, the baseline {'' if longer else f'`{baseline.label}` '}{baseline_ms}"
        clauses = [*(clauses if longer else []), f"needs {faster}"]
    whom = one_network(facts, model, "validation")
    yield Finding(
        "SNL129",
        "notice",
        f"{capitalised(whom)} {'; it '.join(clauses)}. It is not shown to be better: on the same "
        f"{plural(one.images, 'validation image')} the difference is {with_limits(one.difference)}, {_covering(one)}"
        f"{corrected_away(one)}.",
        {
            **{"model": model, "floor": best[0]},
            **({"seconds": own, "floor_seconds": other} if longer else {}),
            **(dict(zip(("ms", "floor_ms"), predicting, strict=True)) if predicting else {}),
        },
        "cost" if predicting else "leaderboard",
        "Where time or power matter, the baseline does the same for less.",
    )


def _features_seconds(costs: Costs | None, model: str, baseline: str) -> tuple[float, float]:
    """What the features of a frozen backbone take, for the model and for the baseline; 0 without one. Endless for a
    baseline on features where that is not known: it is not called fast then."""
    own = costs.get(model) if costs else None
    shared = costs.get(model_of(baseline)) if costs else None
    unknown = math.inf if is_on_features(baseline) else 0.0
    return own.features_s if own else 0.0, shared.features_s if shared else unknown


def _predicting(costs: Costs | None, model: str, baseline: str) -> tuple[float, float] | None:
    """Milliseconds an image of a model and of a baseline that is far faster; else None."""
    own, other = (costs.get(model), costs.get(baseline)) if costs else (None, None)
    if own is None or other is None or not is_much_faster(other, own):
        return None
    return own.batch_ms.median, other.batch_ms.median
