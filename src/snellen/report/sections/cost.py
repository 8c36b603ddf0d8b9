"""What models cost beside how accurate they are, and their learning curves over images a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import cast

from snellen.evaluate.baselines import KEY_PREFIX
from snellen.evaluate.costs import CLEARLY, Costs, ModelCost, costs_of, is_baseline
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.pareto_front import Spread
from snellen.evaluate.record import RunRecord
from snellen.explain.curves.comparisons import MeasuredPoint
from snellen.explain.curves.crossing_words import crossing_sentence
from snellen.explain.curves.crossings import Crossing, LearningCurves, learning_curves
from snellen.report.cost_types import (
    CostJson,
    CostRowJson,
    CrossingJson,
    LearningCurvesJson,
    LearningNetworkJson,
    LearningPointJson,
    LearningUseJson,
    MachineJson,
    SpreadJson,
)
from snellen.report.sections.estimates import estimate_json


def cost_section(record: RunRecord, evaluation: Evaluation) -> CostJson | None:
    """The costs of all measured models and baselines; None where nothing was measured."""
    costs = costs_of(record, evaluation)
    if costs is None:
        return None
    return {
        "machine": cast(MachineJson, asdict(costs.machine)),
        "clearly_prediction": CLEARLY["prediction"],
        "clearly_training": CLEARLY["training"],
        "margin": evaluation.comparisons.margin,
        "models": [_row(costs, one) for one in costs.models],
    }


def _row(costs: Costs, one: ModelCost) -> CostRowJson:
    return {
        "model": one.key.removeprefix(KEY_PREFIX),
        "baseline": is_baseline(one.key),
        "accuracy": estimate_json(one.accuracy),
        "role": one.role,
        "alone_ms": _spread(one.alone_ms),
        "batch_ms": _spread(one.batch_ms),
        "training_s": _spread(one.training_s),
        "all_training_s": round(one.all_training_s, 2),
        "networks": one.networks,
        "parameters": one.parameters,
        "trained_parameters": one.trained_parameters,
        "file_bytes": one.file_bytes,
        "features_s": one.features_s,
        "off_prediction": _plain(costs.off["prediction"].get(one.key)),
        "off_training": _plain(costs.off["training"].get(one.key)),
    }


def _plain(key: str | None) -> str | None:
    return None if key is None else key.removeprefix(KEY_PREFIX)


def _spread(spread: Spread) -> SpreadJson:
    return {"low": spread.low, "median": spread.median, "high": spread.high, "n": spread.n}


def learning_section(record: RunRecord, evaluation: Evaluation) -> LearningCurvesJson | None:
    """The learning curves of all models over images a class; None without any."""
    curves, costs = learning_curves(record), costs_of(record, evaluation)
    if curves is None:
        return None
    measured = [each for points in curves.points.values() for each in points.values()]
    return {
        "images": measured[0].right_SN.shape[1],
        "covers": list(dict.fromkeys(each.covers for each in measured)),
        "margin": curves.margin,
        "points": list(_points(curves)),
        "networks": list(_networks(curves)),
        "crossings": [_crossing(one) for one in curves.crossings],
        "use": [_use(curves, costs, size) for size in curves.sizes if curves.compared_at(size)],
    }


def _points(curves: LearningCurves) -> Iterator[LearningPointJson]:
    for model, points in curves.points.items():
        for size, each in points.items():
            yield _point(model, size, each)


def _point(model: str, size: int, each: MeasuredPoint) -> LearningPointJson:
    return {
        "model": model,
        "size": size,
        "accuracy": each.accuracy,
        "low": each.low,
        "high": each.high,
        "networks": len(each.right_SN),
        "seconds": round(each.seconds, 2),
        "compared": each.is_compared,
    }


def _use(curves: LearningCurves, costs: Costs | None, size: int) -> LearningUseJson:
    names = curves.candidates(size)
    return {
        "size": size,
        "points": [_point(name, size, curves.points[name][size]) for name in names],
        "of": len(curves.compared_at(size)),
        "fastest": costs.cheapest(names) if costs else None,
    }


def _networks(curves: LearningCurves) -> Iterator[LearningNetworkJson]:
    for model, points in curves.points.items():
        for size, each in points.items():
            for accuracy in each.right_SN.mean(1).tolist():
                yield {"model": model, "size": size, "accuracy": accuracy}


def _crossing(one: Crossing) -> CrossingJson:
    return {
        "a": one.a,
        "b": one.b,
        "sentence": crossing_sentence(one),
        "from_size": one.from_size,
        "up_to": one.up_to,
        "sizes": [
            {
                "size": size,
                "difference": each.difference.value,
                "low": each.difference.low,
                "high": each.difference.high,
                "adjusted_p": each.adjusted_p,
                "verdict": each.verdict.word,
            }
            for size, each in one.compared.items()
        ],
    }
