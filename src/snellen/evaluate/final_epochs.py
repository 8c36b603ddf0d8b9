"""The number of epochs that the final network is trained on all rows: it has no validation images to stop by."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import phases_of


def final_epochs(record: RunRecord, models: Sequence[str]) -> dict[str, list[int]]:
    """The epochs of each phase, for each of these models that was cross-validated: the rounded median of the epochs
    that its `epoch_choosing_jobs` kept. Models all of whose jobs failed are left out."""
    kept_by_model = {model: kept_epochs(record, model) for model in models if record.planned[model].folds}
    return {
        model: [max(1, round(statistics.median(epochs))) for epochs in zip(*kept)]
        for model, kept in kept_by_model.items()
        if kept
    }


def kept_epochs(record: RunRecord, model: str) -> list[list[int]]:
    """The kept epoch of each phase in order, for every network of `epoch_choosing_jobs` whose training succeeded."""
    chains = [_chain(record, job) for job in epoch_choosing_jobs(record, model)]
    return [chain for chain in chains if all(chain)]


def epoch_choosing_jobs(record: RunRecord, model: str) -> list[str]:
    """The jobs whose kept epochs count: those of the folds; where each fold searched values of its own, those of the
    study's split, which have the same values as the final network."""
    planned = record.planned[model]
    return list(planned.seeds.values()) if record.nested(model) else [fold.job for fold in planned.folds]


def _chain(record: RunRecord, job: str) -> list[int]:
    """The kept epoch of each phase of a job in order; 0 for a phase that failed."""
    results = [record.folder_of(phase).read_result() for phase in phases_of(record, job)]
    return [result.kept_epoch if result and result.status == "done" else 0 for result in results]
