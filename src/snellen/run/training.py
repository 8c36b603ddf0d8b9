"""The middle arrows: floors, searches and the jobs of the plan are trained, and every result is journalled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from snellen.data.dataset import Dataset
from snellen.data.splits.roles import Roles
from snellen.files import journal
from snellen.files.clock import now
from snellen.run.watcher import RunWatcher
from snellen.search.drive import Driver, Scope
from snellen.search.rounds import TrialRequest
from snellen.study.plan import Plan, Rows, content_digest, fold_rows, main_rows, seeds_of
from snellen.study.schema import Model, StudyFile
from snellen.study.search_results import SearchResults, Split, split_file, split_label
from snellen.study.space import Assignment
from snellen.train.baselines import fit_baselines
from snellen.train.executors.in_turn import is_finished
from snellen.train.executors.local import Local
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.snapshot import EpochRecord
from snellen.train.store_results import predict_missing_roles
from snellen.train.strategy.record import recorded_strategy
from snellen.train.watcher import Silent


def train_baselines(roles: Roles, context: RunContext, watcher: RunWatcher) -> None:
    """Every floor without a result: what all models must beat is known before the first is trained."""
    started = time.perf_counter()
    rows = {role: roles.rows[role] for role in ("train", "validation", "calibration") if len(roles.rows[role])}
    contents = {role: content_digest(context.dataset, wanted) for role, wanted in rows.items()}
    results = list(fit_baselines(context.run, context.dataset, rows, contents))
    watcher.floored(results, time.perf_counter() - started)


def train_plan(planned: Plan, executor: Local, watcher: RunWatcher) -> None:
    """Every job without a result; a phase after the one that it begins from."""
    context = executor.context
    watcher.planned(planned, sum(is_finished(lane, context) for lane in planned.lanes))
    reporting = _Reporting(planned.labels, context, watcher)
    for stage in planned.stages:
        executor.train_lanes(stage, reporting)
        for lane in stage:
            predict_missing_roles(lane, context)


def search_models(
    study: StudyFile, dataset: Dataset, roles: Roles, executor: Local, watcher: RunWatcher
) -> SearchResults:
    """What the search of each model found on the study's split, and inside each fold where folds are nested."""
    search, models, splits = _searching(executor, watcher), {}, {}
    for name, model in study.models.items():
        if model.search:
            models[name] = search(name, name, model, scope_of(study, model, dataset, roles))
            splits[name] = {
                split: search(split_label(name, split), split_file(name, split), model, scope)
                for split, scope in nested_scopes(study, model, dataset, roles).items()
            }
    return SearchResults(models, splits)


def scope_of(study: StudyFile, model: Model, dataset: Dataset, roles: Roles) -> Scope:
    """One network a trial, unless the search asks for the mean over the folds or the seeds of the study."""
    assert model.search is not None  # asked by the caller
    over_folds = model.search.mean_over == "folds"
    parts = [rows for _, rows in fold_rows(study, dataset, roles)] if over_folds else [main_rows(dataset, roles)]
    return _scope(study, model, dataset, parts)


def nested_scopes(study: StudyFile, model: Model, dataset: Dataset, roles: Roles) -> dict[Split, Scope]:
    """The training and validation rows of each split, without those that it holds out; none unless folds are nested."""
    if study.folds is None or not study.folds.nested:
        return {}
    return {
        (fold.repeat, fold.number): _scope(study, model, dataset, [rows])
        for fold, rows in fold_rows(study, dataset, roles)
    }


def _scope(study: StudyFile, model: Model, dataset: Dataset, parts: Sequence[Rows]) -> Scope:
    assert model.search is not None  # asked by the caller
    seeds = seeds_of(study) if model.search.mean_over == "seeds" else [study.seed]
    return Scope(dataset, [rows.inner() for rows in parts], seeds, study.choose_by, study.seed)


def _searching(executor: Local, watcher: RunWatcher) -> Callable[[str, str, Model, Scope], Assignment]:
    """Drives a search to its winner, given its name in words, its file, its model and its scope."""
    context = executor.context

    def search(name: str, file: str, model: Model, scope: Scope) -> Assignment:
        def train_lanes(lanes: Sequence[Lane], until: int | None) -> None:
            executor.train_lanes(lanes, _Reporting(driver.labels, context, watcher), until)

        def on_round(number: int, requests: Sequence[TrialRequest]) -> None:
            watcher.searching(name, number, requests)

        driver = Driver(name, file, model, scope, context, train_lanes, on_round)
        return driver.run().assignment

    return search


@dataclass(frozen=True, eq=False)
class _Reporting(Silent):
    """Journals every result, and passes on what happens."""

    labels: Mapping[str, str]
    context: RunContext
    watcher: RunWatcher

    def began(self, lanes: Sequence[Lane]) -> None:
        labels = [self.labels[lane.jobs[0].id] for lane in lanes]
        self.watcher.began(lanes, labels, recorded_strategy(lanes, self.context))

    def stepped(self, step: int, steps: int) -> None:
        self.watcher.stepped(step, steps)

    def trained(self, place: int, record: EpochRecord) -> None:
        self.watcher.trained(place, record)

    def turned(self, lanes: Sequence[Lane]) -> None:
        self.watcher.turned(lanes)

    def ended(self, lanes: Sequence[Lane]) -> None:
        self.watcher.ended(lanes)
        for job in (job for lane in lanes for job in lane.jobs):
            result = self.context.folder(job.id).read_result()
            if result is not None:
                event = {"event": f"job {result.status}", "job": job.id, "time": now()}
                journal.append(self.context.run / "journal.jsonl", event)
                self.watcher.result(self.labels[job.id], result)
