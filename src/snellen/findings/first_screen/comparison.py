"""The second statement: what the chosen model is better than, of the other models and the baselines."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.findings.comparisons import HARDLY_ANY, OF_NETWORKS, largest_detectable
from snellen.findings.finding import Facts
from snellen.findings.first_screen.statement import Statement, short
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
    sentence = _of_models(model, others, baseline) if others else _of_baseline(model, baseline)
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


def _of_models(model: str, others: Sequence[Comparison], baseline: Comparison | None) -> str:
    """`cnn`, chosen of 3, is better than `dense` by 2.1 points (0.9 to 3.3); ..."""
    better = [one for one in others if one.verdict.better]
    unknown = [one for one in others if not one.verdict.better and one.kind != "selected"]
    apart = [one for one in others if one.kind == "selected"]
    lead = f"`{short(model)}`, chosen of {len(others) + 1},"
    if len(apart) == len(others):
        rest = _baseline_clause(baseline)
        return f"{lead} was not compared with the others: a search chose by these images{rest}."
    if not better:
        nor = f", nor than {_baseline(baseline)}" if baseline is not None and _is_undecided(baseline) else ""
        unseen = _unseen(unknown)
        rest = "" if nor else _baseline_clause(baseline)
        return f"{lead} is not shown to be better than {_any(unknown, others)}{unseen}{nor}{rest}."
    nearest = min(better, key=lambda one: one.difference.value)
    once = " as trained here" if nearest.kind in OF_NETWORKS else ""
    size = with_limits(nearest.difference) if len(better) == 1 else f"{points(nearest.difference.value)} or more"
    level = f", not than {_any(unknown, others)}" if unknown else ""
    return f"{lead} is better than {_all(better, others)}{once}, by {size}{level}{_baseline_clause(baseline)}."


def _all(some: Sequence[Comparison], of: Sequence[Comparison]) -> str:
    """The models that it is better than."""
    if len(some) <= NAMED:
        return " and ".join(f"`{short(one.b)}`" for one in some)
    return f"all {len(of)} others" if len(some) == len(of) else f"{len(some)} others"


def _any(some: Sequence[Comparison], of: Sequence[Comparison]) -> str:
    """The models that it is not shown to be better than."""
    if len(some) <= NAMED:
        return " or ".join(f"`{short(one.b)}`" for one in some)
    return f"any of the {len(of)} others" if len(some) == len(of) else f"{len(some)} others"


def _unseen(unknown: Sequence[Comparison]) -> str:
    """The difference that may have gone unseen."""
    smallest = largest_detectable([one for one in unknown if not one.verdict.equivalent])
    if smallest is None or smallest > HARDLY_ANY:
        return ""
    return f" (differences under {points(smallest)} can go unseen)"


def _is_undecided(one: Comparison) -> bool:
    return not one.is_decided and one.kind != "selected"


def _baseline(one: Comparison | None) -> str:
    """The baseline without its article: logistic regression."""
    return "" if one is None else short(one.b.partition(" ")[2] or one.b)


def _baseline_clause(one: Comparison | None) -> str:
    """The verdict on the best baseline, after a semicolon."""
    if one is None or one.kind == "selected":
        return ""
    if one.verdict.better:
        return f" and beats {_baseline(one)} by {with_limits(one.difference)}"
    if one.verdict.worse:
        return f"; it is worse than the baseline {_baseline(one)} by {with_limits(one.swapped.difference)}"
    return f"; it is not shown to beat the baseline {_baseline(one)}"


def _of_baseline(model: str, one: Comparison | None) -> str:
    """The only model and the best baseline."""
    assert one is not None  # else there is no statement
    name = f"`{short(model)}`"
    if one.kind == "selected":
        return f"{name} was not compared with a baseline: a search chose it by these images."
    if one.verdict.better:
        return f"{name} beats the best simple baseline, {_baseline(one)}, by {with_limits(one.difference)}."
    if one.verdict.worse:
        return f"{name} is worse than a simple baseline, {_baseline(one)}, by {with_limits(one.swapped.difference)}."
    return (
        f"{name} is not shown to beat a simple baseline, {_baseline(one)}: the difference is "
        f"{with_limits(one.difference)}."
    )
