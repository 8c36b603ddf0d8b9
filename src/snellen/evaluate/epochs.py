"""Every epoch of every network of a run, from the stored jobs of seeds, folds, final networks, curves and trials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import phases_of
from snellen.files.inside import inside
from snellen.search.stored import read_search
from snellen.study.search_results import split_file, split_label

if TYPE_CHECKING:
    import polars as pl

EPOCHS = "epochs.csv"


class Epoch(TypedDict):
    """One epoch. epoch: counted through all phases; kept: whether its phase kept the weights of this epoch."""

    phase: int
    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    kept: bool


class NetworkEpochs(TypedDict):
    """network: which of its model's networks, in words. job: that of its last phase."""

    network: str
    job: str
    epochs: list[Epoch]


def network_epochs(record: RunRecord, model: str) -> list[NetworkEpochs]:
    """The networks whose scores are reported for a model: one for each seed, the final one, one for each fold and seed;
    without networks that trained no epoch."""
    planned = record.planned[model]
    named = [(f"seed {seed}", job) for seed, job in planned.seeds.items()]
    named += [("all rows", job) for job in planned.final[-1:]]
    for fold in planned.folds:
        place = split_label(model, (fold.repeat, fold.fold)).removeprefix(f"{model}, ")
        named.append((f"{place}, seed {fold.seed}", fold.job))
    return _trained(record, named)


def epochs_csv(record: RunRecord) -> pl.DataFrame:
    """One row for each epoch of each network, including networks of curves and of the trials of searches."""
    import polars as pl

    columns: dict[str, list[object]] = {name: [] for name in ("model", "network", "job", *Epoch.__annotations__)}
    for model in record.results:
        others = _trained(record, [*_of_curves(record, model), *_of_trials(record, model)])
        for one in (*network_epochs(record, model), *others):
            for epoch in one["epochs"]:
                for name, value in {"model": model, "network": one["network"], "job": one["job"], **epoch}.items():
                    columns[name].append(value)
    return pl.DataFrame(columns, strict=False)


def _of_curves(record: RunRecord, model: str) -> Iterator[tuple[str, str]]:
    for curve in record.curves:
        if curve.model == model:
            yield from ((name.removeprefix(f"{model}, "), job) for job, name in curve.labels().items())


def _of_trials(record: RunRecord, model: str) -> Iterator[tuple[str, str]]:
    """The networks of the model's search, and of the searches inside its folds."""
    splits = dict.fromkeys((fold.repeat, fold.fold) for fold in record.planned[model].folds)
    files = {f"{model}.json": ""}
    files |= {f"{split_file(model, split)}.json": split_label(model, split) for split in splits}
    for file, place in files.items():
        path = inside(record.folder, "search", *file.split("/"))
        outcome = read_search(path).outcome if path.exists() else None
        for trial in outcome.trials if outcome is not None else ():
            for number, job in enumerate(trial.jobs, 1):
                several = f", network {number}" if len(trial.jobs) > 1 else ""
                inner = f"{place.removeprefix(f'{model}, ')}, " if place else ""
                yield f"{inner}trial {trial.number}{several}", job


def _trained(record: RunRecord, named: list[tuple[str, str]]) -> list[NetworkEpochs]:
    found = (NetworkEpochs(network=name, job=job, epochs=list(_epochs(record, job))) for name, job in named)
    return [one for one in found if one["epochs"]]


def _epochs(record: RunRecord, job: str) -> Iterator[Epoch]:
    """The epochs of all phases; empty for a job without a result."""
    if record.folder_of(job).read_result() is None:
        return
    before = 0
    for phase, own in enumerate(phases_of(record, job), 1):
        folder = record.folder_of(own)
        result, history = folder.read_result(), folder.read_history()
        kept = result.kept_epoch if result is not None and result.status == "done" else 0
        for at, each in enumerate(history, 1):
            yield {
                "phase": phase,
                "epoch": before + at,
                "loss": each["loss"],
                "accuracy": each["accuracy"],
                "validation_loss": each["validation_loss"],
                "validation_accuracy": each["validation_accuracy"],
                "learning_rate": each["learning_rate"],
                "seconds": each["seconds"],
                "kept": at == kept,
            }
        before += len(history)
