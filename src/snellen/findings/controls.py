"""What may be credited to a setting: only two models that differ in that one key, at equal steps, with enough seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.recipes import MIN_SEEDS_COMPARED
from snellen.findings.finding import Facts, Finding
from snellen.findings.words import ROLES, between, on, points
from snellen.study.differences import Differing, differences

NUMBERS = {1: "One seed", 2: "Two seeds"}


@dataclass(frozen=True)
class Matched:
    """Two models that differ in one key, the better one first, and how they compare. epochs: whether all their networks
    were trained for as many."""

    pair: Comparison
    key: Differing
    seeds: int
    equal_steps: bool


def factors(facts: Facts) -> Iterator[Finding]:
    """SNL014: what one setting does, by a matched pair with at least 3 seeds a side."""
    for one in _matched(facts):
        if one.seeds < MIN_SEEDS_COMPARED or not one.equal_steps:
            continue
        a, b = one.pair.a, one.pair.b
        yield Finding(
            "SNL014",
            "result",
            f"`{a}` and `{b}` differ in {one.key.factor} alone ({_values(one.key)}), {on(one.pair)}: "
            f"{_verdict(one)} ({points(one.pair.difference.value)}, {between(one.pair.difference)}).",
            {"models": [a, b], "key": one.key.path, "value": one.pair.difference.value, "seeds": one.seeds},
            "leaderboard",
        )


def _verdict(one: Matched) -> str:
    judged = one.pair.verdict
    if judged.better:
        clearly = "clearly " if judged.clearly_better else ""
        return f"accuracy is {clearly}higher in `{one.pair.a}`, and {one.key.factor} may be credited with it"
    if judged.equivalent:
        return f"what {one.key.factor} changes lies inside the margin of equivalence"
    return f"what {one.key.factor} changes cannot be told from chance"


def no_control(facts: Facts) -> Iterator[Finding]:
    """SNL113: a matched pair that may not be spoken of, for want of seeds or of equal steps."""
    for one in _matched(facts):
        few = one.seeds < MIN_SEEDS_COMPARED
        if not few and one.equal_steps:
            continue
        a, b, size = one.pair.a, one.pair.b, points(one.pair.difference.value)
        reason = f"{NUMBERS.get(one.seeds, f'{one.seeds} seeds')}: " if few else "Unequal steps: "
        needs = f"needs at least {MIN_SEEDS_COMPARED} seeds" if few else "needs equal epochs on both sides"
        yield Finding(
            "SNL113",
            "notice",
            f"{reason}the difference of {size} between `{a}` and `{b}` on {ROLES[one.pair.role]} images cannot be "
            f"credited to {one.key.factor}; {needs}.",
            {"models": [a, b], "key": one.key.path, "value": one.pair.difference.value},
            "leaderboard",
            f"--set seeds={MIN_SEEDS_COMPARED}" if few else "Leave out `patience`, so that both take equal steps.",
        )


def _matched(facts: Facts) -> Iterator[Matched]:
    """Every pair of models that differ in one key which keeps the number of steps."""
    pairs = facts.evaluation.comparisons
    for a, b in combinations(facts.evaluation.ranked, 2):
        found = differences(facts.record.model(a), facts.record.model(b))
        pair = pairs.between(a, b)
        if len(found) == 1 and found[0].keeps_steps and pair is not None:
            [key] = found
            if pair.difference.value < 0:
                pair, key = pair.turned, Differing(key.path, key.b, key.a)
            yield Matched(pair, key, min(_seeds(facts, model) for model in (a, b)), _equal(facts, a, b))


def _seeds(facts: Facts, model: str) -> int:
    """How many seeds of a model were trained to the end."""
    return sum(facts.record.folder_of(job).is_done() for job in facts.record.planned[model].seeds.values())


def _equal(facts: Facts, a: str, b: str) -> bool:
    """Whether all networks of two models were trained for as many epochs."""
    jobs = [job for model in (a, b) for job in facts.record.planned[model].seeds.values()]
    results = [facts.record.folder_of(job).read_result() for job in jobs]
    return len({result.epochs for result in results if result is not None}) == 1


def _values(key: Differing) -> str:
    return f"{_plain(key.a)} against {_plain(key.b)}"


def _plain(value: Any) -> str:
    """A value of a study in a few words."""
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict) and len(value) == 1:
        return str(next(iter(value)))
    return str(value)
