"""Margins for networks that were trained before an analysis needed them: one network is trained once more, alone."""

from __future__ import annotations

from dataclasses import replace

from snellen.evaluate.model_choice import ranking
from snellen.evaluate.record import RunRecord
from snellen.explain.wrong_labels.signals import margin_jobs
from snellen.files import hashes, journal
from snellen.files.clock import now
from snellen.files.scratch import scratch
from snellen.study.analyses import WrongLabels
from snellen.study.plan import Plan
from snellen.train.lane import Lane
from snellen.train.margins import Margins
from snellen.train.run_context import RunContext
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent


def record_missing_margins(record: RunRecord, planned: Plan, context: RunContext) -> None:
    """For each analysis that reads margins, records those of the main network if the model has none. The stored network
    is not changed: the same job is trained in another folder, and only its margins are kept. Its weights may differ in
    the last bits, because it is trained without the other lanes of its pack.
    """
    for options in record.study.analyses:
        if isinstance(options, WrongLabels) and record.done:
            model = (options.models or ranking(record))[0]
            if model in record.done and not margin_jobs(record, model):
                _record(record, model, planned, context)


def _record(record: RunRecord, model: str, planned: Plan, context: RunContext) -> None:
    phases = record.planned[model].phases
    with scratch(record.folder / ".margins") as folder:
        alone = replace(context, run=folder, workers=1, margins=True, backbones=context.weights)
        for job_id in phases:
            lane = next(lane for lane in planned.lanes if job_id in lane.ids)
            job = next(job for job in lane.jobs if job.id == job_id)
            train_pack([Lane((job,), lane.rows, ("validation",))], alone, Silent())
        for job_id in phases:
            path, new = record.folder_of(job_id).margins, alone.folder(job_id).margins
            if new.exists():
                with hashes.rewriting(record.folder, [path]):
                    Margins.load(new, job_id).save(path, job_id)
    event = {"event": "margins recorded", "model": model, "jobs": list(phases), "time": now()}
    journal.append(record.folder / "journal.jsonl", event)
