"""The folds and the seeds of a model as the report shows them: each network a number, and what they are together."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from typing import Any

import polars as pl

from snellen.evaluate.confused_classes import confusions
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.final_epochs import kept_epochs
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.report.searches import short_names
from snellen.study.found import Split

Content = dict[str, Any]

PAIRS = 5
"""Confusions of all seeds that are shown, and those that are as frequent as the first."""


def folds_section(record: RunRecord, evaluation: Evaluation, model: str) -> Content | None:
    """The `folds` of a model in report.json: accuracy of every network on what its fold held out; None without folds.

    mean: over splits, with the corrected interval; its deviation is between splits. final: the network on all rows.
    values: by a short name, what the search inside each split chose. searched: how, where there was a search at all.
    """
    found = evaluation.folds.get(model)
    if found is None:
        return None
    seeds = sorted({fold.seed for fold in record.planned[model].folds})
    splits = [
        {"repeat": repeat, "fold": fold, "accuracies": list(accuracies), "mean": mean}
        | {"values": _values(record, model, (repeat, fold))}
        for (repeat, fold), accuracies, mean in zip(found.splits, found.accuracies, found.by_split, strict=True)
    ]
    return {
        "splits": splits,
        "seeds": seeds,
        "searched": _searched(record, model),
        "planned": len({(fold.repeat, fold.fold) for fold in record.planned[model].folds}),
        "mean": asdict(found.mean),
        "between_splits": found.mean.deviation,
        "between_seeds": found.between_seeds,
        "num_train": found.num_train,
        "num_held_out": found.num_held_out,
        "final": _final(record, model),
    }


def _searched(record: RunRecord, model: str) -> str | None:
    """Where the values of the folds' networks were searched: inside each fold, or once on the study's split."""
    if record.nested(model):
        return "inside"
    return "once" if record.study.models[model].search else None


def _values(record: RunRecord, model: str, split: Split) -> Content:
    """What the search inside a split chose; nothing where there was none."""
    search, found = record.study.models[model].search, record.found.splits.get(model, {}).get(split, {})
    names = short_names(list(search.space.values)) if search else {}
    return {names[path]: value for path, value in found.items()}


def seeds_section(record: RunRecord, evaluation: Evaluation, model: str) -> Content | None:
    """The `seeds` of a model in report.json: accuracy of each seed's network and their mean, by role, and what all of
    them together miss and mistake; None for one seed."""
    seed_of = {job: seed for seed, job in record.planned[model].seeds.items()}
    rows = evaluation.scores.filter(
        (pl.col("model") == model) & (pl.col("of") == "seed") & (pl.col("measure") == "accuracy")
    )
    roles: Content = {}
    for row in rows.iter_rows(named=True):
        mean = evaluation.recipe(model, row["role"])
        if mean is not None and row["job"] in seed_of:
            role = roles.setdefault(row["role"], {"mean": asdict(mean), "seeds": []})
            role["seeds"].append({"seed": seed_of[row["job"]], "job": row["job"], "accuracy": row["value"]})
    return {role: one | _together(record, evaluation, model, role) for role, one in roles.items()} or None


def _together(record: RunRecord, evaluation: Evaluation, model: str, role: str) -> Content:
    """Means over the networks of all seeds. mistakes: of one network; pairs: the most frequent confusions; recalls: of
    each class."""
    networks = networks_on(record, model, role)
    if networks is None:
        return {"mistakes": None, "pairs": [], "recalls": []}
    found = confusions(networks, len(record.classes), PAIRS)
    recalls = {name: evaluation.recipe(model, role, "recall", name) for name in record.classes}
    return {
        "mistakes": found.mistakes,
        "pairs": [
            {"classes": [pair.true, pair.given], "images": pair.images, "share": asdict(pair.share)}
            for pair in found.pairs
        ],
        "recalls": [{"class": name, "recall": asdict(one)} for name, one in recalls.items() if one is not None],
    }


def _final(record: RunRecord, model: str) -> Content | None:
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
    }
