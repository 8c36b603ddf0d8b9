"""The models that are evaluated on the test, trained once more without the reviews: matched pairs that differ only in
labels. If the study ran without reviews in this directory before, these networks exist already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from snellen.data.splits.split_data import SplitData
from snellen.evaluate.final_epochs import final_epochs
from snellen.evaluate.record import RunRecord
from snellen.evaluate.reviews_effect import FILE, ReviewedFile
from snellen.files.atomic import write_json
from snellen.run.callback import RunCallback
from snellen.run.evaluate_on_test import open_test_of_job
from snellen.run.run_folder import run_context
from snellen.run.train import train_plan
from snellen.study.plan import Plan, plan, with_final
from snellen.study.search_results import apply_search_results
from snellen.train.environment import Environment
from snellen.train.executors.worker_pool import Local
from snellen.train.lane import Lane


def train_unreviewed(
    record: RunRecord,
    data: SplitData,
    models: Sequence[str],
    environment: Environment,
    workers: int | None,
    callback: RunCallback,
) -> None:
    """Trains and tests these models on the original labels, with the hyper-parameters and epochs that the study chose,
    and writes reviewed.json. Does nothing if the reviews change nothing, or there is no test."""
    before = data.unreviewed
    if before is None or before.dataset.fingerprint == data.dataset.fingerprint or not len(data.roles.rows["test"]):
        return
    planned = _plan(record, replace(before, folds=()), models)
    context = run_context(
        record.folder, before.sealed, environment, workers, progress=callback.extracted, rows=data.used
    )
    with Local(context) as executor:
        train_plan(planned, executor, callback, ", without reviews")
    jobs: dict[str, dict[str, str]] = {}
    for model in models:
        own = planned.models[model]
        seeds = {record.study.seed: own.final[-1]} if own.final else own.seeds
        jobs[model] = {str(seed): job for seed, job in seeds.items()}
        for job in seeds.values():
            open_test_of_job(record, model, job, data.roles, context, "before the reviews")
    write_json(record.folder / FILE, ReviewedFile(unreviewed=jobs))


def _plan(record: RunRecord, before: SplitData, models: Sequence[str]) -> Plan:
    """The networks that are tested, and the phases before them."""
    study = apply_search_results(record.study, record.found).model_copy(update={"folds": None})
    study = study.model_copy(update={"models": {name: study.models[name] for name in models}})
    planned, epochs = plan(study, before), final_epochs(record, models)
    if epochs:
        planned = with_final(planned, study, before, epochs)
    needed = {job for model in models for job in planned.models[model].tested}
    kept = list[tuple[Lane, ...]]()
    for stage in reversed(planned.stages):
        lanes = tuple(lane for lane in stage if needed & set(lane.ids))
        needed |= {lane.trajectory.start.id for lane in lanes if lane.trajectory.start is not None}
        kept.append(lanes)
    return replace(planned, stages=tuple(lanes for lanes in reversed(kept) if lanes))
