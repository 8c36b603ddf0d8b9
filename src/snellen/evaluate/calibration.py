"""How far the probabilities of a network are from its accuracy, and its temperature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.evaluate.cross_validation import OUT_OF_FOLD, held_out
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import COVERS, HALL, Estimate
from snellen.metrics.scores import losses
from snellen.models.predictions import Predictions
from snellen.models.temperature import with_temperature
from snellen.statistics.calibration_error import Bin, CalibrationError, calibration_error, fit_temperature, reliability
from snellen.statistics.mean_intervals import mean_limits

JUDGING = ("validation", "calibration", "test")


@dataclass(frozen=True)
class Temperature:
    """The temperature of a network. role, images: those whose loss it makes smallest."""

    value: float
    role: Literal["validation", "out_of_fold"]
    images: int


@dataclass(frozen=True)
class Calibration:
    """The calibration of a network on n images of a role. gap: mean confidence (the probability of the answer) minus
    accuracy, positive if the network is over-confident. brier: the mean squared distance of the probabilities from the
    true class, 0 to 2."""

    n: int
    gap: Estimate
    error: CalibrationError
    brier: Estimate
    loss: Estimate
    bins: tuple[Bin, ...]


@dataclass(frozen=True, eq=False)
class NetworkPredictions:
    """Stored predictions of the network that becomes the bundle of a model. choosing: predictions for images that it
    was not trained on, by which thresholds may be chosen and a temperature fitted: its validation images; for a network
    on all rows, the images that each fold held out, predicted by the networks of the folds. by_role: predictions for
    the images that it is evaluated on; None where it was not evaluated."""

    job: str
    choosing: Predictions | None
    by_role: Mapping[str, Predictions]


def network_predictions(record: RunRecord, model: str, opened: bool) -> NetworkPredictions:
    """opened: whether the model was evaluated on test."""
    planned = record.planned[model]
    folder = record.folder_of(planned.shipped)
    roles = [role for role in JUDGING if role != "test" or opened]
    stored = {role: folder.read_predictions(role) for role in roles}
    labelled = {
        role: each for role, each in stored.items() if each is not None and each.labels is not None and len(each)
    }
    if not planned.final:
        return NetworkPredictions(planned.shipped, labelled.get("validation"), labelled)
    folds = held_out(record, model)
    return NetworkPredictions(planned.shipped, folds.pooled() if folds else None, labelled)


def temperature_of(network: NetworkPredictions) -> Temperature | None:
    """The temperature fitted to the images of `choosing`; None if there are none."""
    chosen = network.choosing
    if chosen is None or chosen.labels is None:
        return None
    value = fit_temperature(chosen.probabilities, chosen.labels)
    return Temperature(value, "out_of_fold" if chosen.role == OUT_OF_FOLD else "validation", len(chosen))


def calibration_of(predictions: Predictions, temperature: float | None = None) -> Calibration:
    """The calibration of labelled predictions for at least one image, after the temperature if there is one."""
    assert predictions.labels is not None  # `network_predictions` keeps labelled ones
    labels, probabilities = predictions.labels, with_temperature(predictions.probabilities, temperature)
    confidence, right = probabilities.max(1).astype(np.float64), predictions.predicted == labels
    squares = (probabilities.astype(np.float64) ** 2).sum(1) - 2 * probabilities[np.arange(len(labels)), labels] + 1
    covers = COVERS[predictions.role]
    return Calibration(
        len(labels),
        _mean(confidence - right, right, covers, signed=True),
        calibration_error(confidence, right),
        _mean(squares, right, covers),
        _mean(losses(labels, probabilities), right, covers),
        tuple(reliability(confidence, right)),
    )


def _mean(values: np.ndarray, right: np.ndarray, covers: str, signed: bool = False) -> Estimate:
    """The gap; without an interval if no answer is wrong, because the confidence of wrong answers is then unknown."""
    low, high = (None, None) if right.all() else mean_limits(values) or (None, None)
    low = low if low is None or signed else max(0.0, low)
    return Estimate(float(values.mean()), low, high, len(values), covers, HALL)
