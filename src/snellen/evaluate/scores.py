"""Every metric of a network on one role, with its interval and what the interval covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from snellen.metrics.numbers import NUMBER_METRICS, class_numbers
from snellen.metrics.scores import METRICS, Counts, confusion
from snellen.models.predictions import Predictions
from snellen.phrases import percent_interval
from snellen.statistics.class_average_intervals import average_limits, f1_limits
from snellen.statistics.class_roc_area import class_roc_area
from snellen.statistics.mean_intervals import mean_limits
from snellen.statistics.wilson_interval import wilson_limits

COVERS = {
    "train": "redrawing these images; the network was fitted to them",
    "validation": "other images; the epoch was chosen on these",
    "calibration": "other images",
    "test": "other images",
    "evaluated": "other images",
    "out_of_fold": "other images; each fold has a network of its own",
}
HALL = "Hall's t"
KORN_GRAUBARD = "Korn and Graubard"
WILSON_F1 = "Wilson, of the Jaccard index"
DELONG = "DeLong"
"""Methods of intervals, see snellen.statistics."""
Of = Literal["network", "floor", "seed", "recipe", "pooled", "folds"]
"""What a score is of: the network that represents the model; a baseline; the network of one seed; the mean over seeds;
the networks of the folds, each on the images that it never saw; the mean over folds."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval. value: None when undefined. n: the images that the number is a share or mean of.
    covers: what the interval covers, in words. networks: the number averaged over; deviation: the standard deviation
    between them, or between folds."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    covers: str
    method: str
    networks: int = 1
    deviation: float | None = None

    @property
    def in_percent(self) -> str:
        """A share with its interval: "97.2 % (95.0 to 98.5)"."""
        return percent_interval(self.value, self.low, self.high)

    def as_json(self) -> dict[str, Any]:
        """As a JSON value, with `networks` and `deviation` only where it is a mean over networks."""
        values = asdict(self)
        return values if self.networks > 1 else {name: values[name] for name in list(values)[:6]}


@dataclass(frozen=True)
class Score:
    """class_name: None for scores over all classes."""

    measure: str
    class_name: str | None
    estimate: Estimate


def score(predictions: Predictions, classes: tuple[str, ...]) -> list[Score]:
    """All scores of one network on one role; empty for a role without rows."""
    labels = predictions.labels
    if labels is None or len(labels) == 0:
        return []
    matrix = confusion(labels, predictions.predicted, len(classes))
    covers = COVERS[predictions.role]
    overall = [
        Score(name, None, _overall(name, predictions, labels, matrix, covers))
        for name, metric in METRICS.items()
        if len(classes) >= metric.min_classes
    ]
    numbers = _of_numbers(predictions, labels, classes, covers)
    return [*overall, *numbers, *_per_class(Counts.of(matrix), classes, covers), *_areas(predictions, classes, covers)]


def _of_numbers(predictions: Predictions, labels: np.ndarray, classes: tuple[str, ...], covers: str) -> list[Score]:
    """Errors of the predicted number, where all classes are numbers."""
    numbers, n = class_numbers(classes), len(labels)
    if numbers is None:
        return []
    scores = []
    for name, metric in NUMBER_METRICS.items():
        costs = metric.costs(numbers)[labels, predictions.predicted]
        low, high = _mean_limits(costs, predictions.predicted == labels)
        ends = [None if end is None else float(metric.of_mean(np.asarray(max(0.0, end)))) for end in (low, high)]
        scores.append(
            Score(name, None, Estimate(float(metric.of_mean(costs.mean())), ends[0], ends[1], n, covers, HALL))
        )
    return scores


def _per_class(counts: Counts, classes: tuple[str, ...], covers: str) -> list[Score]:
    scores = []
    for index, name in enumerate(classes):
        hits, support, predicted = (int(values[index]) for values in (counts.hits, counts.support, counts.predicted))
        scores += [
            Score("precision", name, proportion(hits, predicted, covers)),
            Score("recall", name, proportion(hits, support, covers)),
            Score("f1", name, _f1(hits, support + predicted - hits, covers)),
        ]
    return scores


def _areas(predictions: Predictions, classes: tuple[str, ...], covers: str) -> list[Score]:
    """The area under the ROC curve of each class against the rest, by its probability."""
    labels, found = np.asarray(predictions.labels), list[Score]()
    for code, name in enumerate(classes):
        area = class_roc_area(predictions.probabilities[:, code], labels == code)
        value, low, high = area if area else (None, None, None)
        found.append(Score("auc", name, Estimate(value, low, high, len(labels), covers, DELONG)))
    return found


def _f1(hits: int, count: int, covers: str) -> Estimate:
    """count: images of the class, predicted as it, or both."""
    if count == 0:
        return Estimate(None, None, None, 0, covers, WILSON_F1)
    return Estimate(2 * hits / (count + hits), *f1_limits(hits, count), count, covers, WILSON_F1)


def proportion(hits: int, count: int, covers: str) -> Estimate:
    """hits of count, with its Wilson interval; undefined when there is nothing to count."""
    if count == 0:
        return Estimate(None, None, None, 0, covers, "Wilson")
    return Estimate(float(hits / count), *wilson_limits(hits, count), int(count), covers, "Wilson")


def table(model: str, job: str | None, role: str, scores: Iterable[Score], of: Of = "network") -> list[dict[str, Any]]:
    """Scores as rows of scores.parquet. job: None for those of several networks."""
    return [
        {"model": model, "job": job, "of": of, "role": role, "measure": each.measure, "class": each.class_name}
        | asdict(each.estimate)
        for each in scores
    ]


SCHEMA = pl.Schema(
    {
        **dict.fromkeys(("model", "job", "of", "role", "measure", "class"), pl.String()),
        **dict.fromkeys(("value", "low", "high"), pl.Float64()),
        "n": pl.Int64(),
        **dict.fromkeys(("covers", "method"), pl.String()),
        "networks": pl.Int64(),
        "deviation": pl.Float64(),
    }
)


def _overall(name: str, predictions: Predictions, labels: np.ndarray, matrix: np.ndarray, covers: str) -> Estimate:
    metric, n = METRICS[name], len(labels)
    value = metric.function(labels, predictions.probabilities)
    if metric.is_fraction_of_images or metric.average == ("recall", "weighted"):
        return proportion(round(value * n), n, covers)
    if metric.average:
        return Estimate(value, *average_limits(matrix, *metric.average), n, covers, KORN_GRAUBARD)
    if metric.per_image is None:
        return Estimate(value, None, None, n, covers, "none")
    low, high = _mean_limits(metric.per_image(labels, predictions.probabilities), predictions.predicted == labels)
    return Estimate(value, low, high, n, covers, HALL)


def _mean_limits(values: np.ndarray, right: np.ndarray) -> tuple[float | None, float | None]:
    """None if no answer is wrong, because the values of wrong answers are then unknown."""
    return (None, None) if right.all() else mean_limits(values) or (None, None)
