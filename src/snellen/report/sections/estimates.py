"""Estimates as report.json holds them."""

from __future__ import annotations

from snellen.evaluate.scores import Estimate
from snellen.report.fold_types import FoldMeanJson
from snellen.report.model_types import EstimateJson
from snellen.statistics.results import Mean


def mean_json(mean: Estimate) -> EstimateJson:
    """A mean over networks."""
    return {**_interval(mean), "networks": mean.networks, "deviation": mean.deviation}


def estimate_json(estimate: Estimate) -> EstimateJson:
    """Any estimate; what only a mean over networks has is left out of others."""
    return mean_json(estimate) if estimate.networks > 1 else _interval(estimate)


def fold_mean_json(mean: Mean) -> FoldMeanJson:
    """A mean over folds."""
    return {
        "value": mean.value,
        "low": mean.low,
        "high": mean.high,
        "standard_error": mean.standard_error,
        "degrees_of_freedom": mean.degrees_of_freedom,
        "deviation": mean.deviation,
        "covers": mean.covers,
        "method": mean.method,
    }


def _interval(estimate: Estimate) -> EstimateJson:
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "covers": estimate.covers,
        "method": estimate.method,
    }
