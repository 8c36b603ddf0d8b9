"""What one setting did: over three or more models that differ in its number alone, and over the trials of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.cross_validation import HELD_OUT
from snellen.evaluate.matched_pairs import SideDifferences, side_differences
from snellen.evaluate.search_effects import Effect
from snellen.evaluate.trained_networks import own_split_networks
from snellen.findings.factor_words import LevelAccuracy, Varied, effect_clause
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import ROLES, compared_on
from snellen.phrases import capitalised, plural, quoted
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED
from snellen.study.differences import Differing, differences

MIN_LEVELS = 3
"""Models of a series; two are a pair."""


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


def matched_pairs(facts: Facts) -> Iterator[Matched]:
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


@dataclass(frozen=True)
class Series:
    """Models that differ in one number alone, ascending, each pair of them a control. pair: any of the comparisons."""

    models: tuple[str, ...]
    varied: Varied
    pair: Comparison


def series(facts: Facts) -> list[Series]:
    """Sets of at least three models whose pairs are all controls in the same number."""
    pairs: dict[str, dict[frozenset[str], Matched]] = {}
    for one in matched_pairs(facts):
        if one.is_control and _is_number(one.key.a) and _is_number(one.key.b):
            pairs.setdefault(one.key.path, {})[frozenset((one.pair.a, one.pair.b))] = one
    return [
        _series(facts, path, names, own)
        for path, own in pairs.items()
        for names in _whole_sets(own)
        if len(names) >= MIN_LEVELS
    ]


def _whole_sets(pairs: Mapping[frozenset[str], Matched]) -> list[list[str]]:
    """The models in sets all of whose pairs are there."""
    sets: list[list[str]] = []
    for name in sorted({each for pair in pairs for each in pair}):
        own = next((one for one in sets if all(frozenset((name, other)) in pairs for other in one)), None)
        if own is None:
            sets.append([name])
        else:
            own.append(name)
    return sets


def _series(facts: Facts, path: str, names: Sequence[str], pairs: Mapping[frozenset[str], Matched]) -> Series:
    values: dict[str, Any] = {}
    for one in (pairs[frozenset(two)] for two in combinations(names, 2)):
        values |= {one.pair.a: one.key.a, one.pair.b: one.key.b}
    order = sorted(names, key=lambda name: float(values[name]))
    above = np.zeros((len(order), len(order)), bool)
    for (i, a), (j, b) in combinations(enumerate(order), 2):
        pair = pairs[frozenset((a, b))].pair
        if pair.verdict.better:
            above[(i, j) if pair.a == a else (j, i)] = True
    pair = pairs[frozenset(order[:2])].pair
    levels = tuple(_of_model(facts, name, values[name], pair.role) for name in order)
    return Series(tuple(order), Varied(path, levels, above, ROLES[pair.role]), pair)


def _of_model(facts: Facts, name: str, value: Any, role: str) -> LevelAccuracy:
    evaluation = facts.evaluation
    known = evaluation.over_folds(name) if role == HELD_OUT else evaluation.standing(name, role)
    assert known is not None and known.value is not None  # it was compared there
    return LevelAccuracy(value, known.value, known.low, known.high)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def of_series(one: Series) -> Finding:
    """SNL014 of a series of models."""
    varied = one.varied
    return Finding(
        "SNL014",
        "result",
        f"{quoted(one.models)} differ only in `{varied.path}`: {effect_clause(varied)} ({compared_on(one.pair)}; "
        "corrected with all comparisons of models in this report).",
        {"models": list(one.models), "key": varied.path, "seeds": one.pair.seeds, "curve": varied.curve},
        "leaderboard",
    )


def of_searches(facts: Facts) -> Iterator[Finding]:
    """SNL014 of each key of each search of which at least 3 trainings of each value differ in nothing else."""
    for model, search in facts.evaluation.searches.items():
        for effect in search.effects:
            if effect.missing is None:
                varied = varied_of(effect)
                yield Finding(
                    "SNL014",
                    "result",
                    f"{capitalised(effect_clause(varied))} (the search of `{model}`, `{effect.path}`: means of "
                    f"{plural(effect.trainings, 'training')} at each value that differ in nothing else from those at "
                    f"the others; {_corrected(effect.comparisons)}).",
                    {"model": model, "key": effect.path, "trainings": effect.trainings, "curve": varied.curve},
                    f"model-{model}",
                )


def _corrected(comparisons: int) -> str:
    return f"corrected for the {comparisons} comparisons of this search" if comparisons > 1 else "its only comparison"


def varied_of(effect: Effect) -> Varied:
    """The levels of a searched key; nothing is above anything where too few trainings were compared."""
    levels = tuple(LevelAccuracy(one.value, one.accuracy, one.low, one.high) for one in effect.levels)
    above = np.array(effect.above, bool) if effect.above else np.zeros((len(levels), len(levels)), bool)
    return Varied(effect.path, levels, above)
