"""The probabilities of a model in report.json: calibration, thresholds, prediction sets, counts at each threshold."""

from __future__ import annotations

import numpy as np

from snellen.evaluate.calibration import Calibration
from snellen.evaluate.confidence import Confidence
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.thresholds import Achieved, Sets, ThresholdResult
from snellen.limits import LISTED_CLASSES
from snellen.models.predictions import Predictions
from snellen.models.temperature import with_temperature
from snellen.report.model_types import (
    AchievedJson,
    BinJson,
    CalibrationJson,
    ConfidenceJson,
    CountsJson,
    SetsJson,
    ThresholdJson,
)
from snellen.report.sections.estimates import estimate_json
from snellen.statistics.calibration_error import Bin
from snellen.statistics.levels import Interval

STEPS, REACH = 121, 12.0
"""Thresholds of the counts: evenly spaced in the logit, from -REACH to REACH, so that 0.99 and 0.999 are apart."""


def confidence_section(evaluation: Evaluation, model: str, classes: tuple[str, ...]) -> ConfidenceJson | None:
    """None for a model whose probabilities were not looked at."""
    found = evaluation.confidence.get(model)
    if found is None or found.shown is None or found.role is None:
        return None
    temperature = found.temperature
    return {
        "role": found.role,
        "temperature": None
        if temperature is None
        else {"value": temperature.value, "role": temperature.role, "images": temperature.images},
        "calibration": [
            *(_calibration(role, each, False) for role, each in found.raw.items()),
            *(_calibration(role, each, True) for role, each in found.calibrated.items()),
        ],
        "thresholds": [_threshold(each) for each in found.thresholds],
        "sets": [_sets(each) for each in found.sets],
        "exchangeable": found.exchangeable,
        "areas": [
            {"class": name, "roc": _interval(each.roc), "precision": _interval(each.precision)}
            for name, each in zip(classes, found.areas, strict=True)
        ],
        "by_class": [[_bin(each) for each in bins] for bins in found.by_class]
        if len(classes) <= LISTED_CLASSES
        else [],
        "counts": _counts(found, found.shown, len(classes)),
    }


def _calibration(role: str, one: Calibration, after: bool) -> CalibrationJson:
    return {
        "role": role,
        "after": after,
        "images": one.n,
        "gap": estimate_json(one.gap),
        "error": one.error.error,
        "by_chance": one.error.by_chance,
        "by_chance_high": one.error.by_chance_high,
        "brier": estimate_json(one.brier),
        "loss": estimate_json(one.loss),
        "bins": [_bin(each) for each in one.bins],
    }


def _bin(one: Bin) -> BinJson:
    return {
        "images": one.images,
        "confidence": one.confidence,
        "accuracy": one.accuracy,
        "low": one.low,
        "high": one.high,
    }


def _threshold(one: ThresholdResult) -> ThresholdJson:
    certificate = one.certificate
    return {
        "class": one.wanted.class_name,
        "measure": one.wanted.measure,
        "target": one.wanted.target,
        "threshold": one.threshold,
        "hits": certificate.hits if certificate else None,
        "accepted": certificate.accepted if certificate else None,
        "provable": certificate.provable if certificate else None,
        "needed": certificate.needed if certificate else None,
        "achieved": {role: _achieved(each) for role, each in one.achieved.items()},
    }


def _achieved(one: Achieved) -> AchievedJson:
    return {
        "precision": estimate_json(one.precision),
        "recall": estimate_json(one.recall) if one.recall else None,
        "coverage": estimate_json(one.coverage),
    }


def _sets(one: Sets) -> SetsJson:
    return {
        "coverage": one.coverage,
        "limit": one.limit,
        "role": one.role,
        "held": estimate_json(one.held) if one.held else None,
        "by_class": [estimate_json(each) for each in one.by_class],
        "sizes": list(one.sizes),
    }


def _interval(one: Interval | None) -> list[float] | None:
    return None if one is None else list(one)


def _counts(found: Confidence, shown: Predictions, classes: int) -> CountsJson:
    """What a reader needs to try thresholds: how many images reach each, and how many of these are right."""
    assert shown.labels is not None  # see `network_predictions`
    value = found.temperature.value if found.temperature else None
    probabilities = with_temperature(shown.probabilities, value).astype(np.float64)
    thresholds = [0.0, *(1 / (1 + np.exp(-np.linspace(-REACH, REACH, STEPS)))).tolist()]
    listed = range(classes) if classes <= LISTED_CLASSES else range(0)
    return {
        "images": len(shown),
        "thresholds": [float(f"{each:.6g}") for each in thresholds],
        "answers": _reached(probabilities.max(1), shown.predicted == shown.labels, thresholds),
        "support": [int((shown.labels == code).sum()) for code in listed],
        "classes": [_reached(probabilities[:, code], shown.labels == code, thresholds) for code in listed],
    }


def _reached(scores: np.ndarray, right: np.ndarray, thresholds: list[float]) -> list[list[int]]:
    """[images that reach each threshold, those of them that are right]."""
    every, hits = np.sort(scores), np.sort(scores[right])
    return [[int(len(each) - place) for place in np.searchsorted(each, thresholds)] for each in (every, hits)]
