"""Findings about the effect of one setting: of two models that differ only in it, with equal steps and enough seeds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from snellen.findings.effects import Matched, matched_pairs, of_searches, of_series, series
from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import ROLES, compared_on, left_out, one_network, seeds_to_compare
from snellen.phrases import plural, points, points_limits, setting
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED


def factors(facts: Facts) -> Iterator[Finding]:
    """SNL014: the effect of one setting: over three or more models that differ in its number alone, over the trials of
    a search, else by a matched pair; with at least 3 trainings of each value."""
    found = series(facts)
    inside = {frozenset(pair) for one in found for pair in combinations(one.models, 2)}
    yield from (of_series(one) for one in found)
    yield from of_searches(facts)
    for one in matched_pairs(facts):
        if not one.is_control or frozenset((one.pair.a, one.pair.b)) in inside:
            continue
        a, b, observed = one.pair.a, one.pair.b, one.pair.difference
        yield Finding(
            "SNL014",
            "result",
            f"`{a}` and `{b}` differ only in {one.key.factor} ({setting(one.key.a)} against {setting(one.key.b)}), "
            f"{compared_on(one.pair)}: {_verdict(one)} ({points(observed.value)}, "
            f"{points_limits(observed.low, observed.high)}{left_out(one.pair)}).",
            {"models": [a, b], "key": one.key.path, "value": one.pair.difference.value, "seeds": one.pair.seeds},
            "leaderboard",
        )


def _verdict(one: Matched) -> str:
    verdict = one.pair.verdict
    if verdict.better:
        clearly = "clearly " if verdict.clearly_better else ""
        cost = ", as a cost" if one.key.path in ("layers", "features") and not one.key.a else ""
        return f"accuracy is {clearly}higher with `{one.pair.a}`, and {one.key.factor} may be credited with it{cost}"
    if verdict.equivalent:
        return f"the effect of {one.key.factor} is too small to matter (inside the margin of equivalence)"
    return f"the effect of {one.key.factor} cannot be told from chance, which is no evidence that there is none"


def no_control(facts: Facts) -> Iterator[Finding]:
    """SNL113: a matched pair that shows nothing about its setting, for too few seeds, unequal steps, other training
    rows or other searched values in some folds."""
    for one in matched_pairs(facts):
        if one.is_control:
            continue
        a, b, size = one.pair.a, one.pair.b, points(one.pair.difference.value)
        reason, step = _missing(one, seeds_to_compare(facts))
        role, networks = one.pair.role, one.pair.kind == "networks"
        of = [one_network(facts, each, role) if networks else f"`{each}`" for each in (a, b)]
        yield Finding(
            "SNL113",
            "notice",
            f"The difference of {size} between {of[0]} and {of[1]} on {ROLES[role]} images cannot be credited to "
            f"{one.key.factor}: {reason}.",
            {"models": [a, b], "key": one.key.path, "value": one.pair.difference.value},
            "leaderboard",
            steps=(step,) if step else (),
        )


def _missing(one: Matched, seeds_wanted: int | None) -> tuple[str, Step | None]:
    """Why there is no control, and what to do. seeds_wanted: with which recipes can be compared."""
    if one.pair.kind in ("out of bag", "selected"):
        more = Step("seeds", f"--set seeds={seeds_wanted}") if seeds_wanted else None
        return f"a search chose by these images; needs {MIN_SEEDS_COMPARED} seeds that it did not rank", more
    if one.few:
        wanted = Step("seeds", f"--set seeds={seeds_wanted or MIN_SEEDS_COMPARED}")
        return f"{plural(one.seeds, 'seed')} each; needs at least {MIN_SEEDS_COMPARED}", wanted
    if not one.of.equal_steps:
        step = Step("equal steps", "Leave out `patience`, so that both take equal steps.")
        return "unequal training steps; needs equal epochs in every phase of every network compared", step
    if not one.of.equal_rows:
        return "other training rows; needs both models trained on the same rows", None
    return "other values in some folds; needs models that differ only in this in every fold", None
