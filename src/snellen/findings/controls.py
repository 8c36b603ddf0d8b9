"""What may be credited to a setting: only two models that differ in that one key, at equal steps, with enough seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.matched_pairs import SideDifferences, side_differences
from snellen.evaluate.trained_networks import main_networks
from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import ROLES, between, left_out, of_network, on, points, seeds_to_compare
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED
from snellen.study.differences import Differing, differences

NUMBERS = {1: "One seed", 2: "Two seeds"}


@dataclass(frozen=True)
class Matched:
    """Two models that differ in one key, the better one first, and how they compare. of: what the networks of that very
    comparison are. seeds: trained of the one with fewer, which a comparison of two networks does not use."""

    pair: Comparison
    key: Differing
    of: SideDifferences
    seeds: int

    @property
    def few(self) -> bool:
        """Whether the comparison has too few seeds a side."""
        return self.pair.seeds < MIN_SEEDS_COMPARED

    @property
    def is_control(self) -> bool:
        """Whether the one may be spoken of as the control of the other."""
        return not self.few and self.of.equal_steps and self.of.equal_rows and self.of.only_key is not None


def factors(facts: Facts) -> Iterator[Finding]:
    """SNL014: what one setting does, by a matched pair with at least 3 seeds a side."""
    for one in _matched(facts):
        if not one.is_control:
            continue
        a, b = one.pair.a, one.pair.b
        yield Finding(
            "SNL014",
            "result",
            f"`{a}` and `{b}` differ in {one.key.factor} alone ({_values(one.key)}), {on(one.pair)}: "
            f"{_verdict(one)} ({points(one.pair.difference.value)}, {between(one.pair.difference)}"
            f"{left_out(one.pair)}).",
            {"models": [a, b], "key": one.key.path, "value": one.pair.difference.value, "seeds": one.pair.seeds},
            "leaderboard",
        )


def _verdict(one: Matched) -> str:
    judged = one.pair.verdict
    if judged.better:
        clearly = "clearly " if judged.clearly_better else ""
        return f"accuracy is {clearly}higher in `{one.pair.a}`, and {one.key.factor} may be credited with it"
    if judged.equivalent:
        return f"what {one.key.factor} changes lies inside the margin of equivalence"
    return f"what {one.key.factor} changes cannot be told from chance, which is no evidence that it changes nothing"


def no_control(facts: Facts) -> Iterator[Finding]:
    """SNL113: a matched pair that may not be spoken of, for want of seeds, of equal steps or of equal rows, or for
    values that folds searched apart."""
    for one in _matched(facts):
        if one.is_control:
            continue
        a, b, size = one.pair.a, one.pair.b, points(one.pair.difference.value)
        reason, needs, step = _missing(one, seeds_to_compare(facts))
        role, networks = one.pair.role, one.pair.kind == "networks"
        of = [of_network(facts, each, role) if networks else f"`{each}`" for each in (a, b)]
        yield Finding(
            "SNL113",
            "notice",
            f"{reason}: the difference of {size} between {of[0]} and {of[1]} on {ROLES[role]} images cannot be "
            f"credited to {one.key.factor}; {needs}.",
            {"models": [a, b], "key": one.key.path, "value": one.pair.difference.value},
            "leaderboard",
            steps=(step,) if step else (),
        )


def _missing(one: Matched, seeds_wanted: int | None) -> tuple[str, str, Step | None]:
    """Why there is no control, what it needs, and what to do. seeds_wanted: with which recipes can be compared."""
    if one.pair.kind in ("out of bag", "selected"):
        more = Step("seeds", f"--set seeds={seeds_wanted}") if seeds_wanted else None
        return "Chosen by a search", f"needs {MIN_SEEDS_COMPARED} seeds that the search did not rank", more
    if one.few:
        seeds = one.seeds
        wanted = Step("seeds", f"--set seeds={seeds_wanted or MIN_SEEDS_COMPARED}")
        return NUMBERS.get(seeds, f"{seeds} seeds"), f"needs at least {MIN_SEEDS_COMPARED} seeds", wanted
    if not one.of.equal_steps:
        step = Step("equal steps", "Leave out `patience`, so that both take equal steps.")
        return "Unequal steps", "needs equal epochs on both sides, in every phase of every network compared", step
    if not one.of.equal_rows:
        return "Other training rows", "needs both sides trained on the same rows", None
    return "Other values in some folds", "needs both sides to differ in this alone in every fold", None


def _matched(facts: Facts) -> Iterator[Matched]:
    """Every pair of models that differ in one key which keeps the number of steps."""
    pairs = facts.evaluation.comparisons
    for a, b in combinations(facts.evaluation.ranked, 2):
        found = differences(facts.record.model(a), facts.record.model(b))
        pair = pairs.between(a, b)
        if len(found) == 1 and found[0].keeps_steps and pair is not None:
            of = side_differences(facts.record, pair, facts.evaluation.ranked)
            [key] = found
            if pair.difference.value < 0:
                pair, key = pair.turned, Differing(key.path, key.b, key.a)
            seeds = min(len(main_networks(facts.record, model)) for model in (a, b))
            yield Matched(pair, key, of, seeds)


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
