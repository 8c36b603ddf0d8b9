"""Accuracy against one value of a model: the accuracy of each point, where the curve flattens, whether more data
helped.

Everything is computed from stored predictions for validation images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from snellen.errors import RunError
from snellen.evaluate.chosen_by_search import ranked_by_search
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.verdicts import equivalence_margin
from snellen.explain.analysis_inputs import ModelOfRun
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.curves.comparisons import (
    Compared,
    Line,
    MeasuredPoint,
    Pair,
    Place,
    against,
    compare_points,
    judged_line,
)
from snellen.explain.curves.facts import CurveFacts, CurveModelJson, LineJson
from snellen.explain.curves.measured import interval_of, measured_point
from snellen.explain.curves.words import Words
from snellen.explain.method import Method
from snellen.models.build import Network
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, recipe_difference
from snellen.study import curves as variations
from snellen.study.analyses import Curves
from snellen.study.curves import options_json, place_of, varied
from snellen.study.points import WORDS, Curve

SIZES = 4
"""Fewest sizes of the training set for a sentence about more data."""
EQUAL_STEPS = 0.02
"""Largest relative difference of steps that still counts as equal: whole epochs do not allow exactly equal steps."""
HALF = 0.02
"""Largest relative deviation of a size that still counts as half of another."""


def misfit(network: Network, options: Curves) -> str | None:
    """Why a network does not have the value of the curve, or None."""
    return variations.misfit([placed.layer for placed in network.layers[:-1]], options)


def make(recipe: ModelOfRun, options: Curves) -> AnalysisResult:
    """One curve of one model, from the points whose training succeeded. Raises RunError if the curve was not
    planned."""
    record, curve = recipe.record, _planned(recipe, options)
    ranked = ranked_by_search(record, recipe.name)
    measured = [each for point in curve.points if (each := measured_point(record, point, ranked)) is not None]
    margin = equivalence_margin(1 - max((each.accuracy for each in measured), default=0.0))
    compared = compare_points(measured, margin)
    lines = [judged_line(points, compared, margin) for points in _lines(measured)]
    doubling = doubling_of(lines[0]) if lines and options.over == "images" else None
    words = Words(recipe.name, options.over, margin, lines, compared, doubling)
    facts: CurveFacts = {
        "model": recipe.name,
        "over": options.over,
        "what": WORDS[options.over],
        "ways": [line.by for line in lines],
        "margin": margin,
        "images": measured[0].right_SN.shape[1] if measured else 0,
        "seeds": options.seeds,
        "covers": list(dict.fromkeys(each.covers for each in measured)),
        "missing": [[point.by, point.value] for point in curve.points if point not in [one.point for one in measured]],
        "lines": [_line_json(line) for line in lines],
        "models": list(_on_curve(recipe, options)),
        "more_data": doubling if isinstance(doubling, str) else None,
        "sentences": words.all() if measured else [f"No network of this curve of `{recipe.name}` ended well."],
    }
    tables = {
        "points": pl.DataFrame([_row(each, line, compared) for line in lines for each in line.points], ROW),
        "networks": pl.DataFrame(list(_networks(record, measured)), NETWORK),
        "comparisons": pl.DataFrame(list(_comparisons(compared)), COMPARISON),
    }
    return AnalysisResult({**facts}, tables)


def _planned(recipe: ModelOfRun, options: Curves) -> Curve:
    written = options_json(options)
    for curve in recipe.record.curves:
        if curve.model == recipe.name and dict(curve.options) == written:
            return curve
    raise RunError(
        "the networks of this curve were not trained",
        where=f"curves over {options.over} of {recipe.name}",
        hint="Add it under `analyses:` in the study, and run the study again.",
    )


def _lines(measured: Sequence[MeasuredPoint]) -> list[tuple[MeasuredPoint, ...]]:
    """The points of each criterion by which pixels are chosen."""
    criteria = dict.fromkeys(each.point.by for each in measured)
    return [tuple(each for each in measured if each.point.by == by) for by in criteria]


def doubling_of(line: Line) -> tuple[MeasuredPoint, MeasuredPoint] | str:
    """The point of the largest training set and the point of half its size; or why nothing is said about more data."""
    sizes, largest = line.points, line.points[-1]
    if len(sizes) < SIZES:
        return f"{len(sizes)} sizes were trained on; at least {SIZES} are needed"
    if not all(each.is_compared for each in sizes):
        return f"some sizes have fewer than {MIN_SEEDS_COMPARED} seeds"
    steps = [each.point.steps for each in sizes]
    if max(steps) > (1 + EQUAL_STEPS) * min(steps):
        return f"the trainings are not of equal steps: {min(steps):,} to {max(steps):,}"
    halves = [each for each in sizes if abs(2 * each.point.value - largest.point.value) <= HALF * largest.point.value]
    return (largest, halves[0]) if halves else f"no size is half of {largest.point.value:,}"


def _on_curve(recipe: ModelOfRun, options: Curves) -> Iterator[CurveModelJson]:
    """The models of the study that are points of the curve: they differ from its model only in the value, and in how
    long they are trained."""
    base = recipe.record.job(recipe.name).read_job().trajectory
    for name in recipe.record.done:
        job = recipe.record.job(name).read_job()
        trajectory = job.trajectory
        fields = set(type(trajectory).model_fields) - {"layers"}
        if any(getattr(trajectory, each) != getattr(base, each) for each in fields):
            continue
        place = _place_on(base.layers[:-1], trajectory.layers[:-1], options, trajectory.rows == base.rows)
        networks = networks_on(recipe.record, name, "validation")
        if place is None or networks is None:
            continue
        right_SN = networks.per_image("accuracy").astype(bool)
        low, high, _, _ = interval_of(right_SN)
        yield {
            "model": name,
            "by": place[0] if options.by else None,
            "value": place[1] if place[1] else len(_training_rows(recipe.record, name)),
            "accuracy": float(right_SN.mean()),
            "low": low,
            "high": high,
            "seeds": len(right_SN),
            "epochs": job.stop.epochs,
        }


def _training_rows(record: RunRecord, model: str) -> np.ndarray:
    predictions = record.predictions(model, "train")
    assert predictions is not None  # stored with every network that stands for a model
    return predictions.rows


def _place_on(base: Sequence[Any], steps: Sequence[Any], options: Curves, same_rows: bool) -> Place | None:
    """The criterion and value of the point whose layers are `steps`, on the curve of `base`. None if they are no point
    of it. In a curve over images the value is 0, for all of them."""
    if options.over == "images_a_class":
        return None
    if options.over == "images":
        return (None, 0) if steps == base and same_rows else None
    if variations.misfit(steps, options) is not None or len(steps) != len(base):
        return None
    place, argument = place_of(steps, options.over)
    value, by = getattr(steps[place], argument), getattr(steps[place], "by", None)
    return (by, value) if varied(base, options.over, value, by) == tuple(steps) else None


def _line_json(line: Line) -> LineJson:
    return {
        "by": line.by,
        "best": line.best.point.value,
        "flattens_at": line.flattens_at,
        "within": list(line.within),
        "clearly_worse": list(line.clearly_worse),
    }


ROW: dict[str, Any] = {
    **{"by": pl.String, "value": pl.Int64, "networks": pl.Int64, "accuracy": pl.Float64, "low": pl.Float64},
    **{"high": pl.Float64, "deviation": pl.Float64, "behind_best": pl.Float64, "behind_low": pl.Float64},
    **{"behind_high": pl.Float64, "judged": pl.String, "parameters": pl.Int64, "images": pl.Int64},
    **{"epochs": pl.Int64, "steps": pl.Int64, "seconds": pl.Float64},
}
NETWORK: dict[str, Any] = {
    **{"by": pl.String, "value": pl.Int64, "seed": pl.Int64, "job": pl.String, "accuracy": pl.Float64},
    **{"kept_epoch": pl.Int64, "seconds": pl.Float64},
}
COMPARISON: dict[str, Any] = {
    **{"a_by": pl.String, "a": pl.Int64, "b_by": pl.String, "b": pl.Int64, "difference": pl.Float64},
    **{"low": pl.Float64, "high": pl.Float64, "p_value": pl.Float64, "adjusted_p": pl.Float64, "verdict": pl.String},
}


def _row(each: MeasuredPoint, line: Line, compared: Mapping[Pair, Compared]) -> dict[str, Any]:
    behind = recipe_difference(line.best.right_SN, each.right_SN) if _is_behind(each, line) else None
    point = each.point
    return {
        **{"by": point.by, "value": point.value, "networks": len(each.right_SN), "accuracy": each.accuracy},
        **{"low": each.low, "high": each.high, "deviation": each.deviation},
        "behind_best": behind.value if behind else None,
        "behind_low": behind.low if behind else None,
        "behind_high": behind.high if behind else None,
        "judged": _judged(each, line, compared),
        **{"parameters": point.parameters, "images": point.images, "epochs": point.epochs, "steps": point.steps},
        "seconds": each.seconds,
    }


def _is_behind(each: MeasuredPoint, line: Line) -> bool:
    return each is not line.best and each.is_compared and line.best.is_compared


def _judged(each: MeasuredPoint, line: Line, compared: Mapping[Pair, Compared]) -> str:
    """How a point compares with the best of its line, in words."""
    if each is line.best:
        return "best"
    if not _is_behind(each, line):
        return "not compared"
    if each.point.value in line.within:
        return "within the margin"
    if each.point.value in line.clearly_worse:
        return "clearly worse"
    return "worse" if against(line.best.place, each.place, compared).better else "cannot tell"


def _networks(record: RunRecord, measured: Sequence[MeasuredPoint]) -> Iterator[dict[str, Any]]:
    for each in measured:
        for (seed, job), right_N in zip(each.jobs.items(), each.right_SN, strict=True):
            result = record.folder_of(job).read_result()
            assert result is not None  # it is done
            yield {
                **{"by": each.point.by, "value": each.point.value, "seed": seed, "job": job},
                **{"accuracy": float(right_N.mean()), "kept_epoch": result.kept_epoch, "seconds": result.seconds},
            }


def _comparisons(compared: Mapping[Pair, Compared]) -> Iterator[dict[str, Any]]:
    for (a, b), comparison in compared.items():
        difference = comparison.difference
        yield {
            **{"a_by": a[0], "a": a[1], "b_by": b[0], "b": b[1], "difference": difference.value, "low": difference.low},
            **{
                "high": difference.high,
                "p_value": difference.p_value,
                "adjusted_p": comparison.adjusted_p,
                "verdict": comparison.verdict.word,
            },
        }


METHOD = Method("recipe", make, misfit, own_correction="curves")
