"""Training of a run: baselines, searches and the jobs of the plan; every result is written into the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from snellen.data.splits.split_data import RoleRows, SplitData
from snellen.files import journal
from snellen.files.clock import now
from snellen.run.callback import RunCallback
from snellen.search.drive import Driver, Scope
from snellen.search.rounds import TrialRequest
from snellen.study.plan import Plan, seeds_of
from snellen.study.schema import Model, StudyFile
from snellen.study.search_results import SearchResults, Split, split_file, split_label
from snellen.study.space import Assignment
from snellen.train.baselines import fit_baselines, fit_feature_baselines
from snellen.train.executors.sequential import is_finished
from snellen.train.executors.worker_pool import Local
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.snapshot import EpochRecord
from snellen.train.store_results import predict_missing_roles
from snellen.train.strategy.record import recorded_strategy
from snellen.train.watcher import Silent


def train_baselines(data: SplitData, context: RunContext, callback: RunCallback) -> None:
    """Fits every baseline without a result, before the first network is trained."""
    began = time.perf_counter()
    results = list(fit_baselines(context.run, data))
    callback.baselines_trained(results, time.perf_counter() - began)


def train_feature_baselines(planned: Plan, data: SplitData, context: RunContext, callback: RunCallback) -> None:
    """Fits the baselines on the features of frozen backbones, once the plan is final."""
    jobs = {job.id: job for lane in planned.lanes for job in lane.jobs}
    models = {name: [jobs[phase] for phase in each.phases] for name, each in planned.models.items()}
    context.extract(job.trajectory for phases in models.values() for job in phases)
    began = time.perf_counter()
    results = list(fit_feature_baselines(context, data, models))
    if results:
        callback.baselines_trained(results, time.perf_counter() - began)


def train_plan(planned: Plan, executor: Local, callback: RunCallback, note: str = "") -> None:
    """Trains every job without a result; a phase comes after the one whose weights it starts from. note: added to the
    name of each job."""
    context = executor.context
    callback.planned(planned, sum(is_finished(lane, context) for lane in planned.lanes))
    labels = {job: f"{label}{note}" for job, label in planned.labels.items()}
    reporting = _Reporting(labels, context, callback)
    for stage in planned.stages:
        executor.train_lanes(stage, reporting)
        for lane in stage:
            predict_missing_roles(lane, context)


def search_models(study: StudyFile, data: SplitData, executor: Local, callback: RunCallback) -> SearchResults:
    """The result of each model's search on the study's split, and inside each fold if folds are nested."""
    search, models, splits = _searching(executor, callback), {}, {}
    for name, model in study.models.items():
        if model.search:
            models[name] = search(name, name, model, scope_of(study, model, data))
            splits[name] = {
                split: search(split_label(name, split), split_file(name, split), model, scope)
                for split, scope in nested_scopes(study, model, data).items()
            }
    return SearchResults(models, splits)


def scope_of(study: StudyFile, model: Model, data: SplitData) -> Scope:
    """The scope of a model's search: one network per trial, unless the search asks for the mean over the folds or the
    seeds."""
    assert model.search is not None  # the caller has checked
    over_folds = model.search.mean_over == "folds"
    return _scope(study, model, data, [rows for _, rows in data.fold_rows] if over_folds else [data.main])


def nested_scopes(study: StudyFile, model: Model, data: SplitData) -> dict[Split, Scope]:
    """One scope for each split, with its training and validation rows only; empty unless folds are nested."""
    if study.folds is None or not study.folds.nested:
        return {}
    return {(fold.repeat, fold.number): _scope(study, model, data, [rows]) for fold, rows in data.fold_rows}


def _scope(study: StudyFile, model: Model, data: SplitData, parts: Sequence[RoleRows]) -> Scope:
    assert model.search is not None  # the caller has checked
    seeds = seeds_of(study) if model.search.mean_over == "seeds" else [study.seed]
    return Scope(data.sealed, [rows.inner() for rows in parts], seeds, study.choose_by, study.seed)


def _searching(executor: Local, callback: RunCallback) -> Callable[[str, str, Model, Scope], Assignment]:
    """A function that runs a search and returns its best values, given its name in words, its file, model and scope."""
    context = executor.context

    def search(name: str, file: str, model: Model, scope: Scope) -> Assignment:
        def train_lanes(lanes: Sequence[Lane], until: int | None) -> None:
            executor.train_lanes(lanes, _Reporting(driver.labels, context, callback), until)

        def on_round(number: int, requests: Sequence[TrialRequest]) -> None:
            callback.search_round_begins(name, number, requests)

        driver = Driver(name, file, model, scope, context, train_lanes, on_round)
        return driver.run().assignment

    return search


@dataclass(frozen=True, eq=False)
class _Reporting(Silent):
    """Writes every result into the journal, and forwards all events to the callback."""

    labels: Mapping[str, str]
    context: RunContext
    callback: RunCallback

    def began(self, lanes: Sequence[Lane]) -> None:
        labels = [self.labels[lane.jobs[0].id] for lane in lanes]
        self.callback.began(lanes, labels, recorded_strategy(lanes, self.context))

    def stepped(self, step: int, steps: int) -> None:
        self.callback.stepped(step, steps)

    def trained(self, place: int, record: EpochRecord) -> None:
        self.callback.trained(place, record)

    def switched_to(self, lanes: Sequence[Lane]) -> None:
        self.callback.switched_to(lanes)

    def ended(self, lanes: Sequence[Lane]) -> None:
        self.callback.ended(lanes)
        for job in (job for lane in lanes for job in lane.jobs):
            result = self.context.folder(job.id).read_result()
            if result is not None:
                event = {"event": f"job {result.status}", "job": job.id, "time": now()}
                journal.append(self.context.run / "journal.jsonl", event)
                self.callback.result(self.labels[job.id], result)
