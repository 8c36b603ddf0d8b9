"""Findings about accuracy and cost: which model to use for how many images, and models that are slow for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.evaluate.costs import Costs, ModelCost, compared, is_baseline
from snellen.evaluate.evaluation import Evaluation
from snellen.explain.curves.crossing_words import in_stretches, sizes_in_words
from snellen.explain.curves.crossings import LearningCurves
from snellen.findings.comparisons import OF_NETWORKS, corrected_away, scope
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import model_or_baseline, with_limits
from snellen.phrases import listing, milliseconds, percent, percent_interval, plural, seconds

SLOWER, MILLISECONDS = 5, 0.1
"""How many times slower predictions are worth a notice, and how much longer for an image: a tenth of a second for
1,000 images."""
MOST = 4
"""Models that are named among those that cannot be told apart."""


def which_to_use(facts: Facts) -> Iterator[Finding]:
    """SNL170: for each number of images a class that was trained on, else for the images of the study, the model that
    is shown to be better than all others, or those between which the study cannot tell; with what they cost."""
    costs, curves = facts.costs, facts.learning_curves
    by_size = _by_size(curves, costs) if curves else None
    said = by_size or (_at_all_images(facts, costs) if costs else None)
    if said is not None:
        sentence, values = said
        yield Finding("SNL170", "result", sentence, values, "cost")


def _by_size(curves: LearningCurves, costs: Costs | None) -> tuple[str, dict[str, object]] | None:
    sizes = [size for size in curves.sizes if len(curves.compared_at(size)) > 1]
    if not sizes:
        return None
    stretches = in_stretches(sizes, lambda size: tuple(sorted(curves.candidates(size))))
    within, names = stretches[-1]
    text = f"Which model to use: {sizes_in_words(within, True, True)} {_advice(names, curves, within[-1], costs)}."
    if len(stretches) > 1:
        text += " With fewer the answer is not always the same: a table in “Accuracy and cost” has each number."
    values: dict[str, object] = {"candidates": {str(size): curves.candidates(size) for size in sizes}}
    return f"{text} Nothing is said beyond {sizes[-1]:,} images a class.", values


def _advice(names: Sequence[str], curves: LearningCurves, at: int, costs: Costs | None) -> str:
    """Which of the models at a number of images, with the accuracy there."""
    if len(names) == 1:
        point = curves.points[names[0]][at]
        accuracy = percent_interval(point.accuracy, point.low, point.high)
        cost = costs.get(names[0]) if costs else None
        return f"`{names[0]}`, shown to be better than {_others(curves, at)} (at {at:,}: {accuracy}{_took(cost)})"
    named = sorted(names, key=lambda name: -curves.points[name][at].accuracy)
    shares = listing(percent(curves.points[name][at].accuracy) for name in named[:MOST])
    return (
        f"the study cannot tell between {_some([f'`{name}`' for name in named])} (at {at:,}: {shares})"
        f"{_cheapest(costs, named)}"
    )


def _others(curves: LearningCurves, at: int) -> str:
    return "the other" if len(curves.compared_at(at)) == 2 else "every other"


def _at_all_images(facts: Facts, costs: Costs) -> tuple[str, dict[str, object]] | None:
    """For the training images of the study: of the models and baselines whose cost is known."""
    evaluation, keys = facts.evaluation, [one.key for one in costs.models]
    if len(keys) < 2 or all(map(is_baseline, keys)):
        return None
    images = facts.record.data["roles"]["counts"].get("train", 0)
    candidates = costs.candidates
    first, about = costs.get(candidates[0]), _scope(evaluation, candidates[0], keys)
    assert first is not None  # candidates are among the models of `costs`
    if len(candidates) > 1:
        known = [(key, cost) for key in candidates if (cost := costs.get(key)) is not None]
        named = [f"{model_or_baseline(facts, key)} ({percent(cost.accuracy.value)})" for key, cost in known]
        which = f"the study cannot tell between {_some(named)}{_cheapest(costs, candidates, facts)}"
    else:
        beaten = [key for key in keys if costs.better(first.key, key)]
        most, better = len(beaten) == len(keys) - 1, "more accurate" if about else "better"
        shown = f"shown to be {better} than {_counted(beaten)}" if most else f"with none shown to be {better}"
        which = f"{model_or_baseline(facts, first.key)}, {shown} ({first.accuracy.in_percent}{_took(first)})"
    sentence = f"Which model to use: with {plural(images, 'training image')} {which}.{about}"
    return sentence, {"candidates": candidates, "cheapest": costs.cheapest(candidates)}


def _scope(evaluation: Evaluation, first: str, keys: Sequence[str]) -> str:
    """What the sentence is about: these networks where any comparison is of single ones."""
    kinds = {one.kind for key in keys if key != first and (one := compared(evaluation, first, key)) is not None}
    single = [kind for kind in OF_NETWORKS if kind in kinds]
    return f" {scope(single[0])}" if single else ""


def _counted(keys: Sequence[str]) -> str:
    """How many models and baselines, in words."""
    baselines = sum(map(is_baseline, keys))
    counts = [(len(keys) - baselines, "other model"), (baselines, "baseline")]
    return listing([plural(count, noun) for count, noun in counts if count])


def _some(named: Sequence[str]) -> str:
    if len(named) <= MOST:
        return listing(named)
    return f"{', '.join(named[:MOST])} and {len(named) - MOST} more"


def _took(cost: ModelCost | None) -> str:
    """What a model costs, after its accuracy."""
    if cost is None:
        return ""
    return f"; {milliseconds(cost.batch_ms.median)} an image, {seconds(cost.training_s.median)} of training"


def _cheapest(costs: Costs | None, names: Sequence[str], facts: Facts | None = None) -> str:
    """The one that predicts clearly faster than the others, and how fast the fastest of these is."""
    cheapest = costs.cheapest(names) if costs else None
    one = costs.get(cheapest) if costs and cheapest else None
    if costs is None or one is None:
        return ""
    others = [cost.batch_ms.median for name in names if name != one.key and (cost := costs.get(name)) is not None]
    named = model_or_baseline(facts, one.key) if facts else f"`{one.key}`"
    rest = "the other" if len(others) == 1 else "the next"
    return (
        f", of which {named} predicts clearly fastest ({milliseconds(one.batch_ms.median)} an image, {rest} "
        f"{milliseconds(min(others))})"
    )


def slower_than_undecided(facts: Facts) -> Iterator[Finding]:
    """SNL171: a model that is not shown to be worse than the chosen one predicts SLOWER times as fast, and at least
    MILLISECONDS faster an image. Baselines have a finding of their own."""
    costs, chosen = facts.costs, facts.evaluation.chosen
    own = costs.get(chosen) if costs and chosen else None
    if costs is None or chosen is None or own is None:
        return
    for other in costs.models:
        one = None if is_baseline(other.key) or other is own else compared(facts.evaluation, chosen, other.key)
        if one is None or one.verdict.better or not is_much_faster(other, own):
            continue
        yield Finding(
            "SNL171",
            "notice",
            f"`{chosen}` needs {milliseconds(own.batch_ms.median)} for an image, `{other.key}` "
            f"{milliseconds(other.batch_ms.median)}, and `{chosen}` is not shown to be better: the difference is "
            f"{with_limits(one.difference)}{corrected_away(one)}.",
            {
                "model": chosen,
                "other": other.key,
                "ms": own.batch_ms.median,
                "other_ms": other.batch_ms.median,
                "difference": one.difference.value,
            },
            "cost",
            f"Where time or power matter, take `{other.key}`. More seeds or folds tell what that costs in accuracy.",
        )
        return


def is_much_faster(one: ModelCost, other: ModelCost) -> bool:
    """Whether predictions of the first take so much less that it is worth a notice."""
    slower_by = other.batch_ms.median - one.batch_ms.median
    return one.batch_ms.clearly_below(other.batch_ms, SLOWER) and slower_by >= MILLISECONDS
