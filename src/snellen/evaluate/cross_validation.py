"""Stored cross-validation: the predictions of each model for the rows that each fold held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snellen.evaluate.networks import Networks, stacked
from snellen.evaluate.record import RunRecord
from snellen.models.predictions import Predictions
from snellen.statistics.corrected_resampled_t import fold_mean
from snellen.statistics.results import Mean
from snellen.study.plan import FoldJob
from snellen.study.search_results import Split

OUT_OF_FOLD = "out_of_fold"
HELD_OUT = "held_out"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """splits: the networks of all seeds on the rows that each of J >= 2 splits held out. num_train, num_held_out: rows
    that a network was trained and scored on, means over the splits."""

    splits: Mapping[Split, Networks]
    num_train: float
    num_held_out: float

    def values(self, measure: str) -> np.ndarray:
        """(J, S): the measure of each split and seed."""
        return np.stack([networks.values(measure) for networks in self.splits.values()])

    def mean(self, measure: str) -> Mean:
        """The mean over splits, seeds of a split averaged first, with its corrected interval."""
        return fold_mean(self.values(measure), self.num_train, self.num_held_out)

    def per_image(self, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """(N,) ascending rows, and the measure at each row, its mean over seeds and repeats."""
        rows = np.concatenate([networks.rows for networks in self.splits.values()])
        values = np.concatenate([networks.per_image(measure).mean(0) for networks in self.splits.values()])
        unique, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True)
        return unique, np.bincount(inverse, values) / counts

    def pooled(self) -> Predictions:
        """The predictions of the first seed's networks in the first repeat, each for the rows it was not trained on, as
        one role."""
        repeat = min(repeat for repeat, _ in self.splits)
        parts = [networks.all[0] for (number, _), networks in self.splits.items() if number == repeat]
        rows = np.concatenate([part.rows for part in parts])
        order = np.argsort(rows, kind="stable")
        labels = np.concatenate([part.labels for part in parts if part.labels is not None])
        return Predictions(
            OUT_OF_FOLD,
            rows[order],
            np.concatenate([part.ids for part in parts])[order],
            labels[order],
            np.concatenate([part.probabilities for part in parts])[order],
        )


def held_out(record: RunRecord, model: str) -> HeldOut | None:
    """The splits of a model in which every training succeeded; None if there are fewer than two."""
    jobs: dict[Split, list[FoldJob]] = {}
    for fold in record.planned[model].folds:
        jobs.setdefault((fold.repeat, fold.fold), []).append(fold)
    networks_of_splits = {split: _networks(record, folds) for split, folds in jobs.items()}
    complete = {split: networks for split, networks in networks_of_splits.items() if networks is not None}
    if len(complete) < 2:
        return None
    chosen = [jobs[split][0] for split in complete]
    return HeldOut(complete, _mean([fold.num_train for fold in chosen]), _mean([fold.num_held_out for fold in chosen]))


def shared(record: RunRecord, models: Sequence[str]) -> dict[str, HeldOut]:
    """The cross-validation of all models over the splits that all of them have; empty for fewer than two splits."""
    found = {model: held_out(record, model) for model in models}
    known = {model: each for model, each in found.items() if each is not None}
    if not known or len(known) < len(models):
        return {}
    splits = [
        split for split in next(iter(known.values())).splits if all(split in one.splits for one in known.values())
    ]
    if len(splits) < 2:
        return {}
    return {model: replace(one, splits={split: one.splits[split] for split in splits}) for model, one in known.items()}


def _networks(record: RunRecord, folds: Sequence[FoldJob]) -> Networks | None:
    """All networks of a split; None unless every training succeeded."""
    networks = stacked(record, {fold.seed: fold.job for fold in folds}, HELD_OUT)
    return networks if networks is not None and len(networks.seeds) == len(folds) else None


def _mean(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts)
