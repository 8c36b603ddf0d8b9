"""The folds and the seeds of a model as the report shows them: each network a number, and what they are together."""

from __future__ import annotations

import statistics
from typing import Any, Literal

import polars as pl

from snellen.evaluate.confused_classes import confusions
from snellen.evaluate.cross_validation import HeldOut
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.final_epochs import kept_epochs
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate
from snellen.evaluate.trained_networks import trained
from snellen.report.fold_types import FinalJson, FoldNetworkJson, FoldsJson, SplitJson
from snellen.report.model_types import SeedJson, SeedsJson
from snellen.report.sections.estimates import fold_mean_json, mean_json
from snellen.report.sections.search import short_names
from snellen.study.search_results import Split

PAIRS = 5
"""Confusions of all seeds that are shown, and those that are as frequent as the first."""


def folds_section(record: RunRecord, evaluation: Evaluation, model: str, held_out: HeldOut | None) -> FoldsJson | None:
    """The `folds` of a model in report.json: accuracy, loss and kept epoch of every network on what its fold held out;
    None without folds.

    mean, mean_loss: over splits, with the corrected interval; the deviation is between splits. final: the network on
    all rows. values: by a short name, what the search inside each split chose. searched: how, where there was a search.
    """
    found = evaluation.folds.get(model)
    if found is None or held_out is None:
        return None
    losses_JS = held_out.values("loss")
    seeds = sorted({fold.seed for fold in record.planned[model].folds})
    splits: list[SplitJson] = [
        {
            "repeat": repeat,
            "fold": fold,
            "accuracies": list(accuracies),
            "mean": mean,
            "losses": losses.tolist(),
            "loss": float(losses.mean()),
            "networks": [_network(record, job) for job in networks.jobs],
            "values": _values(record, model, (repeat, fold)),
        }
        for (repeat, fold), accuracies, mean, losses, networks in zip(
            found.splits, found.accuracies, found.by_split, losses_JS, held_out.splits.values(), strict=True
        )
    ]
    return {
        "splits": splits,
        "seeds": seeds,
        "searched": _searched(record, model),
        "planned": len({(fold.repeat, fold.fold) for fold in record.planned[model].folds}),
        "mean": fold_mean_json(found.mean),
        "mean_loss": fold_mean_json(held_out.mean("loss")),
        "between_splits": found.mean.deviation,
        "between_seeds": found.between_seeds,
        "num_train": found.num_train,
        "num_held_out": found.num_held_out,
        "final": _final(record, model),
    }


def _network(record: RunRecord, job: str) -> FoldNetworkJson:
    """Its epochs in all phases, and the kept one of the last."""
    found = trained(record, job)
    assert found is not None  # only splits whose training succeeded are scored
    return {"kept_epoch": sum(found.epochs[:-1]) + found.kept[-1], "epochs": sum(found.epochs)}


def _searched(record: RunRecord, model: str) -> Literal["inside", "once"] | None:
    """Where the values of the folds' networks were searched: inside each fold, or once on the study's split."""
    if record.nested(model):
        return "inside"
    return "once" if record.study.models[model].search else None


def _values(record: RunRecord, model: str, split: Split) -> dict[str, Any]:
    """What the search inside a split chose; nothing where there was none."""
    search, found = record.study.models[model].search, record.found.splits.get(model, {}).get(split, {})
    names = short_names(list(search.space.values)) if search else {}
    return {names[path]: value for path, value in found.items()}


def seeds_section(record: RunRecord, evaluation: Evaluation, model: str) -> dict[str, SeedsJson] | None:
    """The `seeds` of a model in report.json: accuracy of each seed's network and their mean, by role, and what all of
    them together miss and mistake; None for one seed."""
    seed_of = {job: seed for seed, job in record.planned[model].seeds.items()}
    rows = evaluation.scores.filter(
        (pl.col("model") == model) & (pl.col("of") == "seed") & (pl.col("measure") == "accuracy")
    )
    seeds: dict[str, list[SeedJson]] = {}
    for row in rows.iter_rows(named=True):
        if row["job"] in seed_of:
            one: SeedJson = {"seed": seed_of[row["job"]], "job": row["job"], "accuracy": row["value"]}
            seeds.setdefault(row["role"], []).append(one)
    means = {role: evaluation.recipe(model, role) for role in seeds}
    found = {
        role: _together(record, evaluation, model, role, mean, seeds[role])
        for role, mean in means.items()
        if mean is not None
    }
    return found or None


def _together(
    record: RunRecord, evaluation: Evaluation, model: str, role: str, mean: Estimate, seeds: list[SeedJson]
) -> SeedsJson:
    """The networks of all seeds and means over them. mistakes: of one network; pairs: the most frequent confusions;
    recalls: of each class."""
    networks = networks_on(record, model, role)
    found = None if networks is None else confusions(networks, len(record.classes), PAIRS)
    recalls = {name: evaluation.recipe(model, role, "recall", name) for name in record.classes} if found else {}
    return {
        "mean": mean_json(mean),
        "seeds": seeds,
        "mistakes": found.mistakes if found else None,
        "pairs": [
            {"classes": [pair.true, pair.given], "images": pair.images, "share": mean_json(pair.share)}
            for pair in (found.pairs if found else [])
        ],
        "recalls": [{"class": name, "recall": mean_json(one)} for name, one in recalls.items() if one is not None],
    }


def _final(record: RunRecord, model: str) -> FinalJson | None:
    """How long the network on all rows was trained, phase by phase, and what each fold's networks kept."""
    planned = record.planned[model]
    if not planned.final:
        return None
    results = [record.folder_of(job).read_result() for job in planned.final]
    kept = [sorted(epochs) for epochs in zip(*kept_epochs(record, model))]
    shipped = results[-1]
    return {
        "job": planned.final[-1],
        "status": shipped.status if shipped else "missing",
        "epochs": [result.epochs if result else 0 for result in results],
        "kept": kept,
        "medians": [statistics.median(epochs) for epochs in kept],
        "to_its_end": [*(phase.continue_ == "last" for phase in record.model(model).train[1:]), False],
    }
