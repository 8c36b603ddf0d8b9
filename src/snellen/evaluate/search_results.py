"""The results of each search, from stored predictions: how optimistic its winner is, whether a range was too short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snellen.evaluate.cross_validation import shared
from snellen.evaluate.model_choice import choice
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.search_effects import Effect, effects
from snellen.evaluate.stored_search import StoredSearch, stored_searches
from snellen.metrics.scores import METRICS
from snellen.search.stored import Trial
from snellen.statistics.levels import CONFIDENCE
from snellen.statistics.results import Mean
from snellen.statistics.seed_intervals import matched_limits, recipe_mean
from snellen.statistics.selection_bias import Selection, corrected_selection
from snellen.study.values import Choice, Scalar, Value

HALVING = ("halving", "hyperband")
ENOUGH = 3
"""The fewest values of an ordered range whose end is judged."""
MATCHED = 3
"""Pairs of trials that differ in one value alone, below which chance of training cannot be told from the value: with
one pair of networks each the end of a range of three equal values was "better" in 17 % of searches."""


@dataclass(frozen=True)
class Edge:
    """The winner's value at `path` is the first or last of its ordered range, and trials with it are better than the
    same trials with the neighbouring value. pairs: their number. difference: their mean on the same images, higher is
    better; the interval covers other images and training again."""

    path: str
    value: Scalar
    neighbour: Scalar
    end: str
    values: int
    pairs: int
    difference: Mean


@dataclass(frozen=True)
class SearchResult:
    """trials: how many were started; cut: stopped early; candidates: different networks among those trained to their
    end. promotions: how often a trial was continued. epochs: of the longest trial.

    selection: the winner among the candidates, None below two. measure: by which the search chose; for a loss the
    numbers of `selection` and `edges` are its negative. effects: what each key did to the accuracy.
    """

    method: str
    measure: str
    trials: int
    cut: int
    candidates: int
    promotions: int
    epochs: int
    winner: Mapping[str, Scalar]
    selection: Selection | None
    edges: tuple[Edge, ...]
    effects: tuple[Effect, ...] = ()

    @property
    def never_halved(self) -> bool:
        """Whether a method that stops trials early stopped none."""
        return self.method in HALVING and self.promotions == 0 and self.trials > 1


def searches(record: RunRecord) -> dict[str, SearchResult]:
    """The result of every finished search of the run, by model."""
    spaces = {model: written.search.space.values for model, written in record.study.models.items() if written.search}
    return {model: _result_of(stored, spaces[model]) for model, stored in stored_searches(record).items()}


def _result_of(stored: StoredSearch, space: Mapping[str, Value]) -> SearchResult:
    searched, candidates = stored.searched, stored.candidates()
    winner = next(trial for trial in searched.trials if trial.number == searched.winner)
    return SearchResult(
        method=searched.method,
        measure=searched.objective,
        trials=len(searched.trials),
        cut=sum(trial.cut for trial in searched.trials),
        candidates=len(candidates),
        promotions=stored.promotions,
        epochs=max(trial.epoch for trial in searched.trials),
        winner=winner.assignment,
        selection=_selection(np.stack([stored.per_image(trial) for trial in candidates])),
        edges=tuple(edges(stored, winner, space)),
        effects=effects(stored, space),
    )


def selection_of_model(record: RunRecord, ranked: Sequence[str]) -> Selection | None:
    """The score of the best model, corrected for having been chosen: on the rows held out by the folds where these
    choose, else on validation. For `choose_by: loss` its numbers are negative losses."""
    measure = record.study.choose_by
    if len(ranked) < 2:
        return None
    if choice(record).by == "folds":
        scores = [each.per_image(measure)[1] for each in shared(record, ranked).values()]
    else:
        networks = [networks_on(record, model, "validation") for model in ranked]
        scores = [each.per_image(measure).mean(0) for each in networks if each is not None]
    sign = 1 if METRICS[measure].higher_is_better else -1
    return _selection(sign * np.stack(scores)) if len(scores) == len(ranked) else None


def _selection(scores_MN: np.ndarray) -> Selection | None:
    """The corrected score of the winner; None for fewer than two candidates, because nothing was chosen."""
    return corrected_selection(scores_MN) if len(scores_MN) > 1 else None


def edges(stored: StoredSearch, winner: Trial, space: Mapping[str, Value]) -> Iterator[Edge]:
    """The edges of a search that stopped no trial early, because the compared trials must not depend on their
    results."""
    if any(trial.cut for trial in stored.searched.trials):
        return
    ordered = {path: values for path in space if len(values := _ordered(space[path])) >= ENOUGH}
    for path, values in ordered.items():
        label = winner.assignment.get(path)
        if label not in (values[0], values[-1]):
            continue
        last = label == values[-1]
        neighbour = values[-2] if last else values[1]
        matched = _matched(stored, path, label, neighbour)
        here, there = ([stored.per_image(pair[side]) for pair in matched] for side in (0, 1))
        if len(here) < MATCHED or len({len(row) for row in [*here, *there]}) > 1:
            continue
        table, confidence = (np.stack(here), np.stack(there)), 1 - (1 - CONFIDENCE) / len(ordered)
        low, high = matched_limits(*table, confidence)
        difference = replace(recipe_mean(np.subtract(*table, dtype=np.float64), confidence), low=low, high=high)
        if low > 0:
            yield Edge(path, label, neighbour, "largest" if last else "smallest", len(values), len(here), difference)


def _matched(stored: StoredSearch, path: str, label: Scalar, neighbour: Scalar) -> list[tuple[Trial, Trial]]:
    """All pairs of trials that differ only in `path`, which is `label` in one and `neighbour` in the other; of pairs
    that are different epochs of the same trainings, only the last."""
    found: dict[tuple[tuple[str, ...], ...], tuple[Trial, Trial]] = {}
    for trial in stored.ended.values():
        if trial.assignment.get(path) == label:
            other = next((one for one in stored.ended.values() if _only_differs(trial, one, path, neighbour)), None)
            if other is not None:
                trainings = tuple(tuple(name for name, _ in stored.network(one)) for one in (trial, other))
                found[trainings] = trial, other
    return list(found.values())


def _ordered(value: Value) -> tuple[Scalar, ...]:
    """The numbers of a choice or of a range in steps, ascending; empty if they have no order or no end."""
    if isinstance(value, Choice):
        numbers = [label for label in value.labels if isinstance(label, int | float) and not isinstance(label, bool)]
        return tuple(sorted(numbers)) if len(numbers) == len(value.labels) else ()
    return tuple(value.at(index) for index in range(value.count)) if value.count else ()


def _only_differs(winner: Trial, other: Trial, path: str, value: Scalar) -> bool:
    return dict(other.assignment) == {**winner.assignment, path: value}
