"""The middle arrows: floors, searches and the jobs of the plan are trained, and every result is journalled."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snellen.data.dataset import Dataset
from snellen.data.roles import Roles
from snellen.evaluate.record import RunRecord
from snellen.files import journal
from snellen.files.clock import now
from snellen.run.watcher import RunWatcher
from snellen.search.drive import Driver, Scope, Searched
from snellen.study.plan import Plan, content_digest, fold_rows, main_rows, seeds_of
from snellen.study.schema import Model, StudyFile
from snellen.train.engine import Silent
from snellen.train.executors.in_turn import is_finished
from snellen.train.executors.local import Local
from snellen.train.floors import fit_floors
from snellen.train.lane import Lane
from snellen.train.perform import Workplace
from snellen.train.snapshot import EpochRecord


def train_floors(roles: Roles, place: Workplace, watcher: RunWatcher) -> None:
    """Every floor without a result: what all models must beat is known before the first is trained."""
    started = time.perf_counter()
    rows = {role: roles.rows[role] for role in ("train", "validation", "calibration") if len(roles.rows[role])}
    contents = {role: content_digest(place.dataset, wanted) for role, wanted in rows.items()}
    results = list(fit_floors(place.run, place.dataset, rows, contents))
    watcher.floored(results, time.perf_counter() - started)


def train_plan(planned: Plan, executor: Local, watcher: RunWatcher) -> None:
    """Every job without a result; a phase after the one that it begins from."""
    place = executor.place
    watcher.planned(planned, sum(is_finished(lane, place) for lane in planned.lanes))
    reporting = _Reporting(planned.labels, place, watcher)
    for stage in planned.stages:
        executor.perform_all(stage, reporting)


def final_epochs(record: RunRecord, models: Sequence[str]) -> dict[str, list[int]]:
    """For each model that was cross-validated, how long to train on all rows: of each phase, the median of the epochs
    that its networks kept in the folds, rounded. None where all of them failed."""
    found = {model: _kept_epochs(record, model) for model in models if record.planned[model].folds}
    return {model: epochs for model, epochs in found.items() if epochs}


def _kept_epochs(record: RunRecord, model: str) -> list[int]:
    kept: list[list[int]] = []
    for fold in record.planned[model].folds:
        chain, job = [], fold.job
        while job:
            result = record.folder_of(job).read_result()
            chain.append(result.kept_epoch if result and result.status == "done" else 0)
            start = record.folder_of(job).read_job().trajectory.start
            job = start.id if start else ""
        if all(chain):
            kept.append(chain[::-1])
    return [max(1, round(statistics.median(epochs))) for epochs in zip(*kept)]


def search_models(
    study: StudyFile, dataset: Dataset, roles: Roles, executor: Local, watcher: RunWatcher
) -> dict[str, Searched]:
    """The outcome of each model's search, by model."""
    found = {}
    for name, model in study.models.items():
        if model.search:
            scope = scope_of(study, model, dataset, roles)
            found[name] = _driver(name, model, scope, executor, watcher).run()
    return found


def scope_of(study: StudyFile, model: Model, dataset: Dataset, roles: Roles) -> Scope:
    """One network a trial, unless the search asks for the mean over the folds or the seeds of the study."""
    assert model.search is not None  # asked by the caller
    over = model.search.mean_over
    parts = [rows for _, rows in fold_rows(study, dataset, roles)] if over == "folds" else [main_rows(dataset, roles)]
    seeds = seeds_of(study) if over == "seeds" else [study.seed]
    return Scope(dataset, parts, seeds, study.choose_by, study.seed)


def _driver(name: str, model: Model, scope: Scope, executor: Local, watcher: RunWatcher) -> Driver:
    place = executor.place

    def perform(lanes: Sequence[Lane], until: int | None) -> None:
        executor.perform_all(lanes, _Reporting(driver.labels, place, watcher), until)

    driver = Driver(name, model, scope, place, perform, lambda number, asks: watcher.searching(name, number, asks))
    return driver


@dataclass(frozen=True, eq=False)
class _Reporting(Silent):
    """Journals every result, and passes on what happens."""

    labels: Mapping[str, str]
    place: Workplace
    watcher: RunWatcher

    def began(self, lanes: Sequence[Lane]) -> None:
        self.watcher.began(lanes, [self.labels[lane.jobs[0].id] for lane in lanes])

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
