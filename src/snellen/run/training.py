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
from snellen.study.found import Found, Split, split_file, split_words
from snellen.study.plan import Plan, Rows, content_digest, fold_rows, main_rows, seeds_of
from snellen.study.schema import Model, StudyFile
from snellen.study.space import Assignment
from snellen.train.baselines import fit_baselines
from snellen.train.executors.in_turn import is_finished
from snellen.train.executors.local import Local
from snellen.train.lane import Lane
from snellen.train.perform import RunContext, complete, strategy_of
from snellen.train.snapshot import EpochRecord
from snellen.train.watcher import Silent


def train_baselines(roles: Roles, place: RunContext, watcher: RunWatcher) -> None:
    """Every floor without a result: what all models must beat is known before the first is trained."""
    started = time.perf_counter()
    rows = {role: roles.rows[role] for role in ("train", "validation", "calibration") if len(roles.rows[role])}
    contents = {role: content_digest(place.dataset, wanted) for role, wanted in rows.items()}
    results = list(fit_baselines(place.run, place.dataset, rows, contents))
    watcher.floored(results, time.perf_counter() - started)


def train_plan(planned: Plan, executor: Local, watcher: RunWatcher) -> None:
    """Every job without a result; a phase after the one that it begins from."""
    place = executor.place
    watcher.planned(planned, sum(is_finished(lane, place) for lane in planned.lanes))
    reporting = _Reporting(planned.labels, place, watcher)
    for stage in planned.stages:
        executor.perform_all(stage, reporting)
        for lane in stage:
            complete(lane, place)


def search_models(study: StudyFile, dataset: Dataset, roles: Roles, executor: Local, watcher: RunWatcher) -> Found:
    """What the search of each model found on the study's split, and inside each fold where folds are nested."""
    search, models, splits = _searching(executor, watcher), {}, {}
    for name, model in study.models.items():
        if model.search:
            models[name] = search(name, name, model, scope_of(study, model, dataset, roles))
            splits[name] = {
                split: search(split_words(name, split), split_file(name, split), model, scope)
                for split, scope in nested_scopes(study, model, dataset, roles).items()
            }
    return Found(models, splits)


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
    place = executor.place

    def search(name: str, file: str, model: Model, scope: Scope) -> Assignment:
        def perform(lanes: Sequence[Lane], until: int | None) -> None:
            executor.perform_all(lanes, _Reporting(driver.labels, place, watcher), until)

        def asking(number: int, asks: Sequence[TrialRequest]) -> None:
            watcher.searching(name, number, asks)

        driver = Driver(name, file, model, scope, place, perform, asking)
        return driver.run().assignment

    return search


@dataclass(frozen=True, eq=False)
class _Reporting(Silent):
    """Journals every result, and passes on what happens."""

    labels: Mapping[str, str]
    place: RunContext
    watcher: RunWatcher

    def began(self, lanes: Sequence[Lane]) -> None:
        labels = [self.labels[lane.jobs[0].id] for lane in lanes]
        self.watcher.began(lanes, labels, strategy_of(lanes, self.place))

    def stepped(self, step: int, steps: int) -> None:
        self.watcher.stepped(step, steps)

    def trained(self, place: int, record: EpochRecord) -> None:
        self.watcher.trained(place, record)

    def turned(self, lanes: Sequence[Lane]) -> None:
        self.watcher.turned(lanes)

    def ended(self, lanes: Sequence[Lane]) -> None:
        self.watcher.ended(lanes)
        for job in (job for lane in lanes for job in lane.jobs):
            result = self.place.folder(job.id).read_result()
            if result is not None:
                event = {"event": f"job {result.status}", "job": job.id, "time": now()}
                journal.append(self.place.run / "journal.jsonl", event)
                self.watcher.result(self.labels[job.id], result)
