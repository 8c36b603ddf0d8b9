"""The trained networks of a model: epochs trained, epoch kept, and which network a score belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from snellen.evaluate.cross_validation import OUT_OF_FOLD
from snellen.evaluate.record import RunRecord


@dataclass(frozen=True)
class TrainedNetwork:
    """epochs, kept: epochs trained and the epoch kept, of each training phase in order. by: the validation measure that
    chose each kept epoch; None if the last epoch was kept without a choice."""

    job: str
    epochs: tuple[int, ...]
    kept: tuple[int, ...]
    by: tuple[str | None, ...]


def phases_of(record: RunRecord, job: str) -> list[str]:
    """The jobs of all training phases of a network in order, ending with its own, as named in the stored jobs."""
    chain = [job]
    while (start := record.folder_of(chain[-1]).read_job().trajectory.start) is not None:
        chain.append(start.id)
    return chain[::-1]


def trained(record: RunRecord, job: str) -> TrainedNetwork | None:
    """A network whose phases all have results; None otherwise."""
    folders = [record.folder_of(phase) for phase in phases_of(record, job)]
    results = [result for folder in folders if (result := folder.read_result()) is not None]
    if len(results) < len(folders):
        return None
    rules = [folder.read_job().stop for folder in folders]
    return TrainedNetwork(
        job,
        tuple(result.epochs for result in results),
        tuple(result.kept_epoch for result in results),
        tuple(rule.measure if rule.keep == "best" else None for rule in rules),
    )


def fitted_images(record: RunRecord, job: str) -> int | None:
    """The number of images a network was trained on, from its stored predictions; None if these are missing."""
    predictions = record.folder_of(job).read_predictions("train")
    return None if predictions is None else len(predictions)


def own_split_networks(record: RunRecord, model: str) -> Mapping[int, str]:
    """The finished jobs of the model on the study's own split, by seed; without failed ones and without folds."""
    seeds = record.planned[model].seeds
    return {seed: job for seed, job in seeds.items() if record.folder_of(job).is_done()}


def which_network(record: RunRecord, model: str, role: str = "validation") -> str:
    """Which network of a model made the stored predictions on a role, in words; empty if there is only one."""
    planned = record.planned[model]
    seed = next(iter(planned.seeds))
    if role == OUT_OF_FOLD:
        return f"the networks of the folds, seed {seed}"
    if role == "test" and planned.final:
        return "the network trained on all rows but the test"
    if len(planned.seeds) > 1:
        own = " of the study's own split" if planned.folds else ""
        return f"the network of seed {seed}{own}"
    return "the network of the study's own split" if planned.folds else ""
