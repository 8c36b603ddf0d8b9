"""The scores of each model: of the network that represents it, the mean over its seeds, the mean over its folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.data.splits.roles import ROLES
from snellen.evaluate.confused_classes import recalls
from snellen.evaluate.cross_validation import HELD_OUT, OUT_OF_FOLD, HeldOut
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate, Score, score, table
from snellen.metrics.scores import METRICS, is_percentage
from snellen.statistics.results import COVERS_IMAGES_AND_SEEDS, Mean
from snellen.statistics.seed_intervals import MIN_SEEDS, recipe_average, recipe_mean

NO_INTERVAL = "mean over seeds"
MIN_IMAGES = 2
JUDGING = ("validation", "calibration", "test")
"""The roles on which seeds are averaged; the fit to training images says nothing about a recipe."""


@dataclass(frozen=True)
class CrossValidated:
    """Accuracy over folds. splits: repeat and fold; seeds: how many of each; accuracies: (J, S) in that order.

    mean: with the corrected interval; its deviation is that between splits, after averaging seeds. between_seeds: the
    standard deviation between seeds of the same split, None for one seed. num_train, num_held_out: rows, means over
    splits.
    """

    splits: tuple[tuple[int, int], ...]
    seeds: int
    accuracies: tuple[tuple[float, ...], ...]
    mean: Mean
    between_seeds: float | None
    num_train: float
    num_held_out: float

    @property
    def by_split(self) -> tuple[float, ...]:
        """(J,): the accuracy of each split, seeds averaged."""
        return tuple(sum(each) / len(each) for each in self.accuracies)


def cross_validated(folds: HeldOut) -> CrossValidated:
    """The accuracy of each split and seed, and their mean with its interval."""
    values = folds.values("accuracy")
    seeds = values.shape[1]
    return CrossValidated(
        splits=tuple(folds.splits),
        seeds=seeds,
        accuracies=tuple(tuple(map(float, each)) for each in values),
        mean=folds.mean("accuracy"),
        between_seeds=float(np.sqrt(values.var(1, ddof=1).mean())) if seeds > 1 else None,
        num_train=folds.num_train,
        num_held_out=folds.num_held_out,
    )


def model_rows(record: RunRecord, model: str, opened: bool, folds: HeldOut | None) -> Iterator[dict[str, Any]]:
    """All scores of a model, as rows of scores.parquet. opened: whether it was evaluated on test."""
    for role in ROLES:
        networks = networks_on(record, model, role) if role != "test" or opened else None
        if networks is None:
            continue
        scores = score(networks.all[0], record.classes)
        yield from table(model, networks.jobs[0], role, scores)
        if len(networks.seeds) >= MIN_SEEDS and role in JUDGING:
            yield from table(model, None, role, recipe_scores(networks), "recipe")
            yield from table(model, None, role, recipe_recalls(networks, record.classes), "recipe")
            for seed, job in enumerate(networks.jobs):
                yield from table(model, job, role, _seed_scores(networks, seed, scores), "seed")
    if folds is not None:
        yield from table(model, None, HELD_OUT, fold_scores(folds), "folds")
        yield from table(model, None, OUT_OF_FOLD, score(folds.pooled(), record.classes), "pooled")


def recipe_scores(networks: Networks) -> list[Score]:
    """The mean over S >= 2 seeds of every measure over all classes. It has an interval if there are two images or more,
    and if the measure is an average over classes or a mean of values per image."""
    classes, images = networks.all[0].probabilities.shape[1], len(networks.labels)
    if images < MIN_IMAGES:
        return [
            Score(name, None, _mean_only(networks.values(name), images))
            for name, metric in METRICS.items()
            if classes >= metric.min_classes
        ]
    predicted_SN, found = np.stack([each.predicted for each in networks.all]), []
    for name, metric in METRICS.items():
        if classes < metric.min_classes:
            continue
        if metric.average is None and metric.per_image is None:
            found.append(Score(name, None, _mean_only(networks.values(name), images)))
            continue
        if metric.average:
            mean = recipe_average(networks.labels, predicted_SN, classes, *metric.average)
        else:
            mean = _without_errors(name, networks) or recipe_mean(networks.per_image(name))
        found.append(Score(name, None, _estimate(mean, images, len(networks.seeds), name)))
    return found


def _without_errors(measure: str, networks: Networks) -> Mean | None:
    """The mean loss of networks that make no mistake, without an interval: how large the losses of wrong answers would
    be is unknown."""
    if is_percentage(measure) or not networks.per_image("accuracy").all():
        return None
    values = networks.values(measure)
    return Mean(
        float(values.mean()), None, None, 0.0, None, float(values.std(ddof=1)), COVERS_IMAGES_AND_SEEDS, NO_INTERVAL
    )


def recipe_recalls(networks: Networks, classes: tuple[str, ...]) -> list[Score]:
    """The recall of every class, the mean over S >= 2 seeds, with its interval."""
    found = recalls(networks, len(classes))
    return [Score("recall", name, estimate) for name, estimate in zip(classes, found, strict=True)]


def fold_scores(folds: HeldOut) -> list[Score]:
    """The mean over splits of every measure over all classes, with the corrected interval; n: images of one repeat."""
    first = next(iter(folds.splits.values()))
    images, classes = len(folds.pooled()), first.all[0].probabilities.shape[1]
    networks = len(folds.splits) * len(first.seeds)
    return [
        Score(name, None, _estimate(folds.mean(name), images, networks, name))
        for name, metric in METRICS.items()
        if classes >= metric.min_classes
    ]


def _seed_scores(networks: Networks, seed: int, first: list[Score]) -> Iterator[Score]:
    """Accuracy and loss of one seed's network, without intervals."""
    covers = first[0].estimate.covers
    for name in ("accuracy", "loss"):
        value = METRICS[name].function(networks.labels, networks.all[seed].probabilities)
        yield Score(name, None, Estimate(value, None, None, len(networks.labels), covers, "one seed"))


def _estimate(mean: Mean, images: int, networks: int, measure: str) -> Estimate:
    """A mean as a score. Limits are cut to the range of the measure, which loses no coverage."""
    highest = 1.0 if is_percentage(measure) else np.inf
    low = None if mean.low is None else max(0.0, mean.low)
    high = None if mean.high is None else min(highest, mean.high)
    return Estimate(mean.value, low, high, images, mean.covers, mean.method, networks, mean.deviation)


def _mean_only(values_S: np.ndarray, images: int) -> Estimate:
    """A mean over seeds and the standard deviation between them, without an interval."""
    deviation = float(values_S.std(ddof=1))
    return Estimate(float(values_S.mean()), None, None, images, "", NO_INTERVAL, len(values_S), deviation)
