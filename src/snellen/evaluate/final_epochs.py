"""How long a network on all rows is trained, which has nothing left to stop by: the rule, and what it is taken from."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import phases_of


def final_epochs(record: RunRecord, models: Sequence[str]) -> dict[str, list[int]]:
    """For each of these models that was cross-validated, the epochs of each phase: the median of those kept by the
    networks of `judges`, rounded. None where all of them failed."""
    found = {model: kept_epochs(record, model) for model in models if record.planned[model].folds}
    return {
        model: [max(1, round(statistics.median(epochs))) for epochs in zip(*kept)]
        for model, kept in found.items()
        if kept
    }


def kept_epochs(record: RunRecord, model: str) -> list[list[int]]:
    """The kept epochs of each phase, the first first, of every network of `judges` that ended well."""
    chains = [_chain(record, job) for job in judges(record, model)]
    return [chain for chain in chains if all(chain)]


def judges(record: RunRecord, model: str) -> list[str]:
    """The networks that say how long to train: those of the folds; where each fold has searched values of its own, only
    the networks of the study's split have those of the final one."""
    planned = record.planned[model]
    return list(planned.seeds.values()) if record.nested(model) else [fold.job for fold in planned.folds]


def _chain(record: RunRecord, job: str) -> list[int]:
    """The kept epoch of each phase that led to a job, the first first; 0 for one that did not end well."""
    results = [record.folder_of(phase).read_result() for phase in phases_of(record, job)]
    return [result.kept_epoch if result and result.status == "done" else 0 for result in results]
