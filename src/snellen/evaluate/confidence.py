"""The quality of the probabilities of a model: calibration, thresholds, prediction sets, areas under curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.calibration import (
    Calibration,
    NetworkPredictions,
    Temperature,
    calibration_of,
    network_predictions,
    temperature_of,
)
from snellen.evaluate.record import RunRecord
from snellen.evaluate.thresholds import (
    Sets,
    ThresholdResult,
    Wanted,
    exchangeable_p,
    prediction_sets,
    threshold_results,
)
from snellen.models.predictions import Predictions
from snellen.models.temperature import with_temperature
from snellen.statistics.average_precision import average_precision
from snellen.statistics.calibration_error import Bin, class_reliability
from snellen.statistics.class_roc_area import class_roc_area
from snellen.statistics.levels import Interval

SHOWN_FROM = ("evaluated", "test", "calibration", "validation")
"""Curves are drawn on the first of these roles that has predictions."""
ENOUGH = 30
"""The fewest images of a class, and of the other classes, for the reliability of its probability."""


@dataclass(frozen=True)
class Areas:
    """The areas of one class against the others. roc: area under the ROC curve, see `class_roc_area`; precision:
    average precision, with its interval by the logit. None if the class, or the others, have fewer than 2 images."""

    roc: Interval | None
    precision: Interval | None


@dataclass(frozen=True, eq=False)
class Confidence:
    """For the network that becomes the bundle. raw, calibrated: by role, before and after the temperature; calibrated
    is empty without one. role: that of the curves and areas, whose predictions are `shown`. by_class: the reliability
    of the probability of each class, after the temperature; empty for a class of fewer than ENOUGH images.
    exchangeable: the p-value for the hypothesis that calibration and test images are alike; None if one of them is
    missing."""

    job: str
    temperature: Temperature | None
    raw: Mapping[str, Calibration]
    calibrated: Mapping[str, Calibration]
    thresholds: tuple[ThresholdResult, ...]
    sets: tuple[Sets, ...]
    exchangeable: float | None
    role: str | None
    shown: Predictions | None
    areas: tuple[Areas, ...]
    by_class: tuple[tuple[Bin, ...], ...]


def confidence(record: RunRecord, models: Iterable[str], opened: Sequence[str]) -> dict[str, Confidence]:
    """The results by model, for models whose network has labelled predictions."""
    found = {model: network_predictions(record, model, model in opened) for model in models}
    return {model: _confidence(record, network) for model, network in found.items() if network.by_role}


def wanted_thresholds(record: RunRecord) -> list[Wanted]:
    """The thresholds that the study asks for."""
    return [Wanted(each.class_name, each.measure, each.target) for each in record.study.thresholds]


def _confidence(record: RunRecord, network: NetworkPredictions) -> Confidence:
    temperature = temperature_of(network) if record.study.calibrate == "temperature" else None
    value = temperature.value if temperature else None
    thresholds = threshold_results(wanted_thresholds(record), network, record.classes, value)
    return confidence_of(network, record.classes, temperature, thresholds)


def confidence_of(
    network: NetworkPredictions,
    classes: tuple[str, ...],
    temperature: Temperature | None,
    thresholds: Sequence[ThresholdResult],
) -> Confidence:
    """The results for a network with labelled predictions, given its temperature and thresholds."""
    value = temperature.value if temperature else None
    role = next((role for role in SHOWN_FROM if role in network.by_role), None)
    shown = network.by_role[role] if role else None
    return Confidence(
        job=network.job,
        temperature=temperature,
        raw={role: calibration_of(each) for role, each in network.by_role.items()},
        calibrated={role: calibration_of(each, value) for role, each in network.by_role.items()} if temperature else {},
        thresholds=tuple(thresholds),
        sets=tuple(prediction_sets(network, len(classes), value)),
        exchangeable=exchangeable_p(network),
        role=role,
        shown=shown,
        areas=tuple(_areas(shown, code) for code in range(len(classes))) if shown else (),
        by_class=_by_class(shown, value, len(classes)) if shown else (),
    )


def _by_class(predictions: Predictions, temperature: float | None, classes: int) -> tuple[tuple[Bin, ...], ...]:
    assert predictions.labels is not None  # `network_predictions` keeps labelled ones
    probabilities, labels = with_temperature(predictions.probabilities, temperature), predictions.labels
    images = np.bincount(labels, minlength=classes)
    enough = np.minimum(images, len(labels) - images) >= ENOUGH
    return tuple(
        tuple(class_reliability(probabilities[:, code], labels == code)) if enough[code] else ()
        for code in range(classes)
    )


def _areas(predictions: Predictions, code: int) -> Areas:
    assert predictions.labels is not None  # `network_predictions` keeps labelled ones
    own, scores = predictions.labels == code, predictions.probabilities[:, code]
    return Areas(class_roc_area(scores, own), average_precision(scores, own) if 1 < own.sum() < len(own) - 1 else None)
