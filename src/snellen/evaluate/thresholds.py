"""Thresholds that a study asks for: their certification on the calibration images, and their results on each role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.evaluate.calibration import NetworkPredictions
from snellen.evaluate.scores import COVERS, Estimate, proportion
from snellen.models.predictions import Predictions
from snellen.models.temperature import with_temperature
from snellen.statistics.conformal_sets import conformal_limit, conformal_sets
from snellen.statistics.exchangeability import permutation_p
from snellen.statistics.learn_then_test import DELTA, Certificate, certified_precision, certified_recall

Measure = Literal["precision", "recall", "accuracy", "probability"]
COVERAGES = (0.9, 0.95)
"""The coverages of prediction sets."""


@dataclass(frozen=True)
class Wanted:
    """class_name: against all others, by its probability; None: any answer, by the probability of the answer. measure:
    the certified measure; for `probability` nothing is certified, and `target` is the threshold."""

    class_name: str | None
    measure: Measure
    target: float


@dataclass(frozen=True)
class Achieved:
    """The results of a threshold on one role. precision: the share of the accepted images that are of the class, or,
    for any answer, that are right; recall: the share of the class's images that are accepted, None for any answer;
    coverage: the share of all images that is accepted."""

    precision: Estimate
    recall: Estimate | None
    coverage: Estimate


@dataclass(frozen=True)
class ThresholdResult:
    """threshold: the probability from which on an image is accepted; None if it cannot be certified. certificate: None
    for a threshold that the study gives. achieved: by role; empty without a threshold."""

    wanted: Wanted
    threshold: float | None
    certificate: Certificate | None
    achieved: Mapping[str, Achieved]


@dataclass(frozen=True)
class Sets:
    """Prediction sets. coverage: the guaranteed one; limit: None if there are too few calibration images. role: that of
    the numbers. held: share of the images whose set contains the true class; by_class: the same for each class; sizes:
    number of images by the number of classes in the set, from 1."""

    coverage: float
    limit: float | None
    role: str | None
    held: Estimate | None
    by_class: tuple[Estimate, ...]
    sizes: tuple[int, ...]


def threshold_results(
    wanted: Sequence[Wanted], network: NetworkPredictions, classes: tuple[str, ...], temperature: float | None
) -> list[ThresholdResult]:
    """One result for each threshold of the study. All certified thresholds hold together with probability 0.95: each is
    tested at 0.05 divided by their number. None is certified without calibration images."""
    to_certify = sum(each.measure != "probability" for each in wanted)
    return [_result(each, network, classes, temperature, DELTA / max(1, to_certify)) for each in wanted]


def _result(
    wanted: Wanted, network: NetworkPredictions, classes: tuple[str, ...], temperature: float | None, delta: float
) -> ThresholdResult:
    code = None if wanted.class_name is None else classes.index(wanted.class_name)
    certificate, threshold = None, wanted.target if wanted.measure == "probability" else None
    if threshold is None:
        certificate = _certificate(wanted, network, code, temperature, delta)
        threshold = certificate.threshold
    achieved = {}
    if threshold is not None:
        for role, predictions in network.by_role.items():
            achieved[role] = achieved_on(predictions, threshold, code, temperature)
    return ThresholdResult(wanted, threshold, certificate, achieved)


def achieved_on(predictions: Predictions, threshold: float, code: int | None, temperature: float | None) -> Achieved:
    """The results of a threshold on labelled predictions. code: that of its class; None for any answer."""
    scores, right = _scores(predictions, code, temperature)
    return _achieved(scores, right, threshold, code is not None, predictions.role)


def _certificate(
    wanted: Wanted, network: NetworkPredictions, code: int | None, temperature: float | None, delta: float
) -> Certificate:
    none = (np.empty(0), np.empty(0, bool))
    chosen = none if network.choosing is None else _scores(network.choosing, code, temperature)
    calibration = network.by_role.get("calibration")
    tested = none if calibration is None else _scores(calibration, code, temperature)
    if wanted.measure == "recall":
        return certified_recall(chosen[0][chosen[1]], tested[0][tested[1]], wanted.target, delta)
    return certified_precision(chosen, tested, wanted.target, delta)


def _scores(predictions: Predictions, code: int | None, temperature: float | None) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float64 scores, and whether an accepted image is right: of the class, or for any answer correct."""
    assert predictions.labels is not None  # `network_predictions` keeps labelled ones
    probabilities = with_temperature(predictions.probabilities, temperature).astype(np.float64)
    if code is None:
        return probabilities.max(1), predictions.predicted == predictions.labels
    return probabilities[:, code], predictions.labels == code


def _achieved(scores: np.ndarray, right: np.ndarray, threshold: float, of_class: bool, role: str) -> Achieved:
    accepted, covers = scores >= threshold, COVERS[role]
    hits, count = int((accepted & right).sum()), int(accepted.sum())
    recall = proportion(hits, int(right.sum()), covers) if of_class else None
    return Achieved(proportion(hits, count, covers), recall, proportion(count, len(scores), covers))


def prediction_sets(network: NetworkPredictions, classes: int, temperature: float | None) -> list[Sets]:
    """Sets that contain the true class of 90 and of 95 % of images like the calibration images, and their coverage on
    the test if the model was evaluated there; empty without calibration images."""
    calibration, test = network.by_role.get("calibration"), network.by_role.get("test")
    if calibration is None or calibration.labels is None:
        return []
    found = []
    for coverage in COVERAGES:
        limit = conformal_limit(with_temperature(calibration.probabilities, temperature), calibration.labels, coverage)
        if limit is None or test is None or test.labels is None:
            found.append(Sets(coverage, limit, None, None, (), ()))
            continue
        sets = conformal_sets(with_temperature(test.probabilities, temperature), limit)
        held, covers = sets[np.arange(len(test)), test.labels], COVERS["test"]
        by_class = tuple(
            proportion(int(held[test.labels == code].sum()), int((test.labels == code).sum()), covers)
            for code in range(classes)
        )
        sizes = np.bincount(sets.sum(1), minlength=classes + 1)[1:]
        overall = proportion(int(held.sum()), len(held), covers)
        found.append(Sets(coverage, limit, "test", overall, by_class, tuple(map(int, sizes))))
    return found


def exchangeable_p(network: NetworkPredictions) -> float | None:
    """The p-value for the hypothesis that the scores (probabilities of the answer) of calibration and test images have
    the same distribution; None if one of them is missing."""
    calibration, test = network.by_role.get("calibration"), network.by_role.get("test")
    if calibration is None or test is None:
        return None
    return permutation_p(calibration.probabilities.max(1), test.probabilities.max(1))
