"""The effect of each searched value on the validation accuracy: trials that differ only in this value, on the same
images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from snellen.evaluate.stored_search import StoredSearch
from snellen.metrics.scores import METRICS
from snellen.search.stored import Trial
from snellen.statistics.levels import CONFIDENCE
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, matched_limits, recipe_mean
from snellen.study.values import Choice, Scalar, Value

MOST_LEVELS = 20
"""The most values of one key that are compared; more values are from a continuous range, where no two trials differ in
one key only."""

Missing = Literal["stopped", "alone", "few"]
"""Why an effect cannot be told: the search stopped trials by their results; no trials differ in the key alone at all of
its values; fewer than 3 trainings of each value."""


@dataclass(frozen=True)
class Level:
    """One value and the mean validation accuracy of the networks compared there. low, high: None for one network."""

    value: Scalar
    accuracy: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Effect:
    """What one key did. levels: numbers ascending, else in the order of the study. above: at (i, j) whether level i has
    a higher accuracy than level j, corrected for all `comparisons` of the search. trainings: number of networks at each
    level that differ only in the key from those at the other levels; several epochs of one training count once."""

    path: str
    levels: tuple[Level, ...]
    above: tuple[tuple[bool, ...], ...]
    trainings: int
    comparisons: int
    missing: Missing | None


def effects(stored: StoredSearch, space: Mapping[str, Value]) -> tuple[Effect, ...]:
    """One effect for each key for which the search tried several values."""
    tried = {path: values for path in space if len(values := _tried(stored, path, space[path])) > 1}
    if any(trial.cut for trial in stored.searched.trials):
        return tuple(Effect(path, (), (), 0, 0, "stopped") for path in tried)
    tables = {path: _tables(stored, path, values) for path, values in tried.items()}
    told = [path for path, table in tables.items() if table is not None and len(table[0]) >= MIN_SEEDS_COMPARED]
    comparisons = sum(len(tried[path]) * (len(tried[path]) - 1) // 2 for path in told)
    return tuple(_effect(path, tried[path], table, comparisons) for path, table in tables.items())


def _tried(stored: StoredSearch, path: str, written: Value) -> list[Scalar]:
    """The values of a key among the trials."""
    found = {trial.assignment[path] for trial in stored.searched.trials if path in trial.assignment}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in found):
        return sorted(found, key=lambda value: float(str(value)))
    return [label for label in written.labels if label in found] if isinstance(written, Choice) else [*found]


def _tables(stored: StoredSearch, path: str, values: Sequence[Scalar]) -> list[np.ndarray] | None:
    """(R, N) values for each level; row r is the same in all of them except for the key; None without such rows."""
    if len(values) > MOST_LEVELS:
        return None
    blocks: dict[frozenset[tuple[str, Scalar]], dict[Scalar, Trial]] = {}
    for trial in stored.ended.values():
        if path in trial.assignment:
            others = frozenset((key, value) for key, value in trial.assignment.items() if key != path)
            blocks.setdefault(others, {})[trial.assignment[path]] = trial
    whole = [[block[value] for value in values] for block in blocks.values() if len(block) == len(values)]
    trainings = {tuple(tuple(name for name, _ in stored.network(one)) for one in block): block for block in whole}
    rows = [[_networks(stored, trial) for trial in block] for block in trainings.values()]
    if not rows or len({table.shape for row in rows for table in row}) > 1:
        return None
    return [np.concatenate([row[at] for row in rows]) for at in range(len(values))]


def _networks(stored: StoredSearch, trial: Trial) -> np.ndarray:
    """(S, N) whether each network of a trial is right on each validation image, if all have the same images, as seeds
    do; else (1, N) for all of them together."""
    files = [stored.record.folder_of(job).labelled("validation") for job in trial.jobs]
    if any(not np.array_equal(files[0].rows, one.rows) for one in files):
        return stored.per_image(trial, "accuracy")[None]
    of = METRICS["accuracy"].per_image
    assert of is not None  # accuracy is a mean over images
    return np.stack(
        [np.asarray(of(one.labels, one.probabilities), np.float64) for one in files if one.labels is not None]
    )


def _effect(path: str, values: Sequence[Scalar], tables: list[np.ndarray] | None, comparisons: int) -> Effect:
    if tables is None:
        return Effect(path, (), (), 0, 0, "alone")
    levels = tuple(_level(value, table) for value, table in zip(values, tables))
    if len(tables[0]) < MIN_SEEDS_COMPARED:
        return Effect(path, levels, (), len(tables[0]), 0, "few")
    above = np.zeros((len(values), len(values)), bool)
    confidence = 1 - (1 - CONFIDENCE) / comparisons
    for i, j in combinations(range(len(values)), 2):
        low, high = matched_limits(tables[i], tables[j], confidence)
        above[i, j], above[j, i] = low > 0, high < 0
    return Effect(path, levels, tuple(map(tuple, above.tolist())), len(tables[0]), comparisons, None)


def _level(value: Scalar, table: np.ndarray) -> Level:
    if len(table) == 1:
        return Level(value, float(table.mean()), None, None)
    mean = recipe_mean(table)
    low, high = (None if end is None else min(1.0, max(0.0, end)) for end in (mean.low, mean.high))
    return Level(value, mean.value, low, high)


def by_reason(effects: Sequence[Effect]) -> Iterator[tuple[Missing, list[Effect]]]:
    """The effects that cannot be determined, by what is missing."""
    reasons: tuple[Missing, ...] = ("stopped", "alone", "few")
    for reason in reasons:
        with_reason = [each for each in effects if each.missing == reason]
        if with_reason:
            yield reason, with_reason
