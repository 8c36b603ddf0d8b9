"""The second statement: what the chosen model is better than, of the other models and the baselines."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.baselines import KEY_PREFIX, baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.findings.comparisons import HARDLY_ANY, largest_detectable
from snellen.findings.finding import Facts
from snellen.findings.first_screen.statement import MOST_WORDS, Statement, num_words, short
from snellen.findings.naming import with_limits
from snellen.phrases import points

NAMED = 2
"""Models that are named; more are counted."""


def better_than_what(facts: Facts) -> Statement | None:
    """The statement about the comparisons; None where nothing was compared."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return None
    others = [
        one
        for other in evaluation.ranked
        if other != model and (one := evaluation.comparisons.between(model, other)) is not None
    ]
    baseline = _with_baseline(facts, model)
    if not others and baseline is None:
        return None
    once = " and trained once" if len(facts.record.planned[model].seeds) == 1 and not facts.evaluation.folds else ""
    lead = f"`{short(model)}`, chosen of {len(others) + 1}{once},"
    sentence = _of_models(lead, others, baseline) if others else _of_baseline(model, baseline)
    return Statement(
        "comparison",
        sentence,
        ("SNL010", "SNL009", "SNL005", "SNL008", "SNL110"),
        {
            "model": model,
            "verdicts": {one.b: one.verdict.word for one in others},
            "baseline": evaluation.best_baseline[0] if evaluation.best_baseline and baseline else None,
            "baseline_verdict": baseline.verdict.word if baseline else None,
        },
    )


def _with_baseline(facts: Facts, model: str) -> Comparison | None:
    best, pairs = facts.evaluation.best_baseline, facts.evaluation.comparisons
    return pairs.between(model, baseline_key(best[0]), "validation") if best else None


def _of_models(lead: str, others: Sequence[Comparison], baseline: Comparison | None) -> str:
    """`cnn`, chosen of 3, beats `dense` by 2.1 points (0.9 to 3.3); not shown to beat `linear`."""
    better = [one for one in others if one.verdict.better]
    unknown = [one for one in others if not one.verdict.better and one.kind != "selected"]
    known = [baseline] if baseline is not None and baseline.kind != "selected" else []
    beaten = [_gap(better, others)] if better else []
    beaten += [_gap([one], [one]) for one in known if one.verdict.better]
    worse = [
        f"is worse than {_name(one)} by {with_limits(one.swapped.difference)}" for one in known if one.verdict.worse
    ]
    level = [*_names(unknown, others), *(_name(one) for one in known if not one.is_decided)]
    if not beaten and not worse and not level:
        return f"{lead} was not compared with the others: a search chose by these images."
    but = [*worse, *([f"is not shown to beat {_any(level)}"] if level else [])]
    said = [f"beats {' and '.join(beaten)}"] if beaten else []
    said += [" and ".join(but)] if but else []
    sentence = f"{lead} {', but '.join(said)}"
    unseen = _unseen(unknown) if level else ""
    return f"{sentence}{unseen if num_words(sentence + unseen) <= MOST_WORDS else ''}."


def _gap(beaten: Sequence[Comparison], of: Sequence[Comparison]) -> str:
    """What it beats, and by how much at least."""
    nearest = min(beaten, key=lambda one: one.difference.value)
    size = with_limits(nearest.difference) if len(beaten) == 1 else f"{points(nearest.difference.value)} or more"
    return f"{' and '.join(_names(beaten, of))} by {size}"


def _names(some: Sequence[Comparison], of: Sequence[Comparison]) -> list[str]:
    """The models or baselines, or how many they are."""
    if len(some) <= NAMED:
        return [_name(one) for one in some]
    return [f"all {len(of)} others" if len(some) == len(of) else f"{len(some)} others"]


def _name(one: Comparison) -> str:
    """The second side of a comparison: `dense`, or logistic regression."""
    return short(one.b.removeprefix(KEY_PREFIX)) if one.b.startswith(KEY_PREFIX) else f"`{short(one.b)}`"


def _any(names: Sequence[str]) -> str:
    """a, b or c."""
    *head, last = (name.replace("all ", "any of the ") for name in names)
    return f"{', '.join(head)} or {last}" if head else last


def _unseen(unknown: Sequence[Comparison]) -> str:
    """The difference that may have gone unseen."""
    smallest = largest_detectable([one for one in unknown if not one.verdict.equivalent])
    if smallest is None or smallest > HARDLY_ANY:
        return ""
    return f" (differences under {points(smallest)} can go unseen)"


def _of_baseline(model: str, one: Comparison | None) -> str:
    """The only model and the best baseline."""
    assert one is not None  # else there is no statement
    name = f"`{short(model)}`"
    if one.kind == "selected":
        return f"{name} was not compared with a baseline: a search chose it by these images."
    if one.verdict.better:
        return f"{name} beats the best simple baseline, {_name(one)}, by {with_limits(one.difference)}."
    if one.verdict.worse:
        return f"{name} is worse than a simple baseline, {_name(one)}, by {with_limits(one.swapped.difference)}."
    return (
        f"{name} is not shown to beat a simple baseline, {_name(one)}: the difference is {with_limits(one.difference)}."
    )
