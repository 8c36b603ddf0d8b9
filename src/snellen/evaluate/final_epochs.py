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
    """The epoch of each phase of a job, in order, that the next goes on from, and the kept one of the last; 0 for a
    phase that failed."""
    folders = [record.folder_of(phase) for phase in phases_of(record, job)]
    goes_on = [folder.read_job().trajectory.continues == "last" for folder in folders[1:]]
    found = []
    for folder, to_its_end in zip(folders, (*goes_on, False), strict=True):
        result = folder.read_result()
        done = result is not None and result.status == "done"
        found.append((result.epochs if to_its_end else result.kept_epoch) if result is not None and done else 0)
    return found
