"""Findings about the effect of one setting: of two models that differ only in it, with equal steps and enough seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.matched_pairs import SideDifferences, side_differences
from snellen.evaluate.trained_networks import own_split_networks
from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import ROLES, compared_on, left_out, one_network, seeds_to_compare
from snellen.phrases import plural, points, points_limits, setting
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED
from snellen.study.differences import Differing, differences


@dataclass(frozen=True)
class Matched:
    """Two models that differ in one key, the better one first. of: how the networks that were compared differ. seeds:
    seeds trained of the model with fewer, also where only two networks were compared."""

    pair: Comparison
    key: Differing
    of: SideDifferences
    seeds: int

    @property
    def few(self) -> bool:
        """Whether the comparison has too few seeds on a side."""
        return self.pair.seeds < MIN_SEEDS_COMPARED

    @property
    def is_control(self) -> bool:
        """Whether one model is a control for the other."""
        return not self.few and self.of.equal_steps and self.of.equal_rows and self.of.only_key is not None


def factors(facts: Facts) -> Iterator[Finding]:
    """SNL014: the effect of one setting, by a matched pair with at least 3 seeds on each side."""
    for one in _matched(facts):
        if not one.is_control:
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
        return f"accuracy is {clearly}higher with `{one.pair.a}`, and {one.key.factor} may be credited with it"
    if verdict.equivalent:
        return f"the effect of {one.key.factor} is too small to matter (inside the margin of equivalence)"
    return f"the effect of {one.key.factor} cannot be told from chance, which is no evidence that there is none"


def no_control(facts: Facts) -> Iterator[Finding]:
    """SNL113: a matched pair that shows nothing about its setting, for too few seeds, unequal steps, other training
    rows or other searched values in some folds."""
    for one in _matched(facts):
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


def _matched(facts: Facts) -> Iterator[Matched]:
    """Every pair of models that differ in one key, where that key does not change the number of steps."""
    pairs = facts.evaluation.comparisons
    for a, b in combinations(facts.evaluation.ranked, 2):
        found = differences(facts.record.model(a), facts.record.model(b))
        pair = pairs.between(a, b)
        if len(found) == 1 and found[0].keeps_steps and pair is not None:
            of = side_differences(facts.record, pair, facts.evaluation.ranked)
            [key] = found
            if pair.difference.value < 0:
                pair, key = pair.swapped, Differing(key.path, key.b, key.a)
            seeds = min(len(own_split_networks(facts.record, model)) for model in (a, b))
            yield Matched(pair, key, of, seeds)
