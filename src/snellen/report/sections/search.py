"""The search of a model as the report shows it: its trials, its rounds, what it cost, how optimistic its winner is."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, TypedDict

from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.evaluate.stored_search import StoredSearch
from snellen.report.model_types import CostJson, HyperparameterJson, RoundJson, SearchJson, SelectionJson, TrialJson
from snellen.report.sections.search_grid import search_grid
from snellen.search.rounds import Done
from snellen.search.stored import Trial
from snellen.statistics.selection_bias import Selection
from snellen.study.assignments import apply_assignment, last_epochs
from snellen.study.schema import Model
from snellen.study.values import Choice, Range, Value
from snellen.train.improvement import Measure
from snellen.train.kept_epoch import kept_epoch
from snellen.train.snapshot import EpochRecord

Network = tuple[str, int]
"""A trajectory and the epoch of it that was kept."""


class KeptScores(TypedDict):
    """Validation measures of what a trial keeps."""

    loss: float | None
    accuracy: float | None


Scale = Literal["log", "linear", "named"]
ScoredBy = Literal["kept epoch", "best epoch"]
Outcome = Literal["winner", "finished", "stopped", "failed"]

LOG_FACTOR = 10
"""Numbers to choose from whose largest is so many times the smallest stand on a logarithmic axis."""


def search_section(record: RunRecord, evaluation: Evaluation, model: str) -> SearchJson | None:
    """The `search` of a model in report.json; None for a model that had none, or one that is not over."""
    written = record.study.models[model]
    stored = record.search_of(model) if written.search is not None else None
    if stored is None or stored.outcome is None or written.search is None:
        return None
    rounds, outcome, trials = stored.rounds, stored.outcome, stored.outcome.trials
    listed = _trials(record, trials, rounds, outcome.winner)
    keys = hyperparameters(written.search.space.values)
    standing = evaluation.searches.get(model)
    return {
        "method": outcome.method,
        "measure": outcome.objective,
        "mean_over": written.search.mean_over,
        "networks": len(trials[0].jobs),
        "combinations": written.search.space.count,
        "hyperparameters": keys,
        "trials": listed,
        "rounds": _rounds(rounds),
        "winner": outcome.winner,
        "scored_by": _scored_by(listed, outcome.objective),
        "grid": search_grid(StoredSearch(record, model, stored, outcome), keys, listed),
        "cost": _cost(record, written, trials, rounds),
        "selection": _selection(standing.selection) if standing and standing.selection else None,
    }


def hyperparameters(values: Mapping[str, Value]) -> list[HyperparameterJson]:
    """What is searched: path, a short name, the scale of its axis, and its values where they can be listed."""
    names = short_names(list(values))
    return [_hyperparameter(path, names[path], value) for path, value in values.items()]


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """`train.learning_rate` as "learning rate", `layers.5.dense.units` as "dense units"; with the number of the layer,
    counted from 1, where two have the same name, and as written where even that does not tell them apart."""
    for naming in (_words, _words_and_place):
        names = {path: naming(path.split(".")) for path in paths}
        counts = Counter(names.values())
        if all(counts[name] == 1 for name in names.values()):
            return names
    return {path: name if counts[name] == 1 else path for path, name in names.items()}


def _words(parts: Sequence[str]) -> str:
    named = [part for part in parts if not part.isdigit() and part != "choice"]
    if named[1:]:
        return " ".join(named[1:][-2:]).replace("_", " ")
    place = next((int(part) + 1 for part in parts if part.isdigit()), None)
    return f"{named[0].removesuffix('s')} {place}" if place else named[0]


def _words_and_place(parts: Sequence[str]) -> str:
    place = next((int(part) + 1 for part in parts if part.isdigit()), None)
    name = _words(parts)
    return f"{name} ({parts[0].removesuffix('s')} {place})" if place and not name.endswith(f" {place}") else name


def _hyperparameter(path: str, name: str, value: Value) -> HyperparameterJson:
    """scale: of its axis, "log" or "linear" for numbers, "named" for all else."""
    found: HyperparameterJson = {
        "path": path,
        "name": name,
        "scale": "named",
        "low": None,
        "high": None,
        "values": None,
    }
    if isinstance(value, Range):
        return {**found, "scale": value.scale, "low": value.low, "high": value.high}
    assert isinstance(value, Choice)
    numbers = [label for label in value.labels if isinstance(label, int | float) and not isinstance(label, bool)]
    if len(numbers) < max(2, len(value.labels)):
        return {**found, "values": list(value.labels)}
    low, high = min(numbers), max(numbers)
    scale: Scale = "log" if low > 0 and (high >= LOG_FACTOR * low or _geometric(sorted(numbers))) else "linear"
    return {**found, "scale": scale, "low": low, "high": high, "values": sorted(numbers)}


def _geometric(numbers: Sequence[float]) -> bool:
    """Whether three or more numbers grow by about the same factor: 32, 64, 128."""
    factors = [after / before for before, after in pairwise(numbers)]
    return len(factors) > 1 and max(factors) < 1.01 * min(factors)


def _selection(found: Selection) -> SelectionJson:
    return {
        "winner": found.winner,
        "observed": found.observed,
        "corrected": found.corrected,
        "low": found.low,
        "high": found.high,
        "optimism": found.optimism,
        "chosen": list(found.chosen),
        "not_covered": found.not_covered,
    }


def _trials(record: RunRecord, trials: Sequence[Trial], rounds: Sequence[Done], winner: int) -> list[TrialJson]:
    """Every trial; `same_as`: an earlier one that kept the same epochs of the same trajectories, so that both are one
    candidate."""
    first: dict[tuple[Network, ...], int] = {}
    found = list[TrialJson]()
    for trial in trials:
        networks = tuple(_network(record, job) for job in trial.jobs)
        known = all(kept for _, kept in networks)
        same = first.setdefault(networks, trial.number) if known else trial.number
        kept = [epoch for _, epoch in networks] if known else []
        same_as = same if same != trial.number else None
        found.append({**_trial(trial, rounds, winner, kept, same_as), **_kept_scores(record, trial)})
    return found


def _kept_scores(record: RunRecord, trial: Trial) -> KeptScores:
    """None where a network of the trial has failed, or was not validated."""
    found: list[EpochRecord] = []
    for job in trial.jobs if trial.score is not None else ():
        folder = record.folder_of(job)
        history = folder.read_history()[: trial.epoch]
        kept = kept_epoch(
            folder.read_job().stop, ((each["validation_loss"], each["validation_accuracy"]) for each in history)
        )
        found += history[kept - 1 : kept]
    losses = [one["validation_loss"] for one in found if one["validation_loss"] is not None]
    accuracies = [one["validation_accuracy"] for one in found if one["validation_accuracy"] is not None]
    if not found or not len(losses) == len(accuracies) == len(trial.jobs):
        return {"loss": None, "accuracy": None}
    return {"loss": statistics.fmean(losses), "accuracy": statistics.fmean(accuracies)}


def _scored_by(trials: Sequence[TrialJson], measure: Measure) -> ScoredBy:
    """By which epoch trials were scored when the search was made."""
    both = [(each["score"], each[measure]) for each in trials]
    differ = [a for a, b in both if a is not None and b is not None and not math.isclose(a, b)]
    return "best epoch" if differ else "kept epoch"


def _network(record: RunRecord, job: str) -> Network:
    """The trajectory of a job and the epoch that it kept; 0 where it did not end well."""
    folder = record.folder_of(job)
    result = folder.read_result()
    kept = result.kept_epoch if result is not None and result.status == "done" else 0
    return folder.read_job().trajectory.id, kept


def _trial(trial: Trial, rounds: Sequence[Done], winner: int, kept_epochs: list[int], same_as: int | None) -> TrialJson:
    told = next(each for done in reversed(rounds) for each in done.results if each.trial == trial.number)
    return {
        "trial": trial.number,
        "assignment": dict(trial.assignment),
        "epochs": trial.epoch,
        "score": trial.score,
        "outcome": _outcome(trial, winner),
        "stopped_early": told.stopped_early,
        "curve": list(told.curve),
        "jobs": list(trial.jobs),
        "kept_epochs": kept_epochs,
        "same_as": same_as,
    }


def _outcome(trial: Trial, winner: int) -> Outcome:
    if trial.number == winner:
        return "winner"
    if trial.score is None:
        return "failed"
    return "stopped" if trial.cut else "finished"


def _rounds(rounds: Sequence[Done]) -> list[RoundJson]:
    """What each round was asked, and what it came to: `went_on` is how many of its trials a later one trained."""
    found = list[RoundJson]()
    for at, done in enumerate(rounds):
        later = {request.trial for after in rounds[at + 1 :] for request in after.requests}
        asked = [request.trial for request in done.requests]
        known = {request.trial for before in rounds[:at] for request in before.requests}
        found.append(
            {
                "trials": len(asked),
                "new": len(set(asked) - known),
                "to_epoch": max(request.to_epoch for request in done.requests),
                "went_on": sum(trial in later for trial in asked),
                "failed": sum(result.score is None for result in done.results),
                "seconds": done.seconds,
            }
        )
    return found


def _cost(record: RunRecord, written: Model, trials: Sequence[Trial], rounds: Sequence[Done]) -> CostJson:
    """Epochs trained, and those of training every network of every trial alone to its end.

    The difference was saved by stopping trials, by patience, and by training once what trials share: those that differ
    in their stop rule alone and were to be trained to their ends in one round are one trajectory.
    """
    longest, saved, in_full, reached = last_epochs(written), Counter[str](), 0, dict[tuple[Any, ...], int]()
    begun = {each.trial: (at, each.to_epoch) for at, done in reversed([*enumerate(rounds)]) for each in done.requests}
    for trial in trials:
        asked = apply_assignment(written, trial.assignment).last_phase.epochs
        at, first = begun[trial.number]
        for place, job in enumerate(trial.jobs):
            epochs = len(record.folder_of(job).read_history())
            in_full += asked
            saved["stopping" if trial.cut else "patience"] += asked - epochs
            trajectory = record.folder_of(job).read_job().trajectory.id
            key = (at, trajectory, place) if first >= longest else (trial.number, trajectory, place)
            saved["sharing"] += min(epochs, reached.get(key, 0))
            reached[key] = max(epochs, reached.get(key, 0))
    return {
        "epochs": sum(reached.values()),
        "epochs_in_full": in_full,
        "saved_by": {reason: number for reason, number in saved.items() if number > 0},
        "seconds": rounds[-1].seconds if rounds else 0.0,
    }
