"""Accuracy, calibration and certified thresholds of each model on corrupted images.

The images are those of the test if the model was evaluated there, else those of validation, in 8 bits a channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import PIL
import polars as pl

from snellen.evaluate.record import RunRecord
from snellen.evaluate.thresholds import achieved_on
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.method import Method
from snellen.explain.robustness.addressed import content_keys
from snellen.explain.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from snellen.explain.robustness.facts import (
    DropJson,
    ImageJson,
    LimitsJson,
    OtherDataJson,
    PairJson,
    RobustModelJson,
    RobustnessFacts,
    UnfamiliarJson,
    UnfamiliarKindJson,
)
from snellen.explain.robustness.other_data import other_images
from snellen.explain.robustness.subjects import Subject, depends_on, subjects_of
from snellen.explain.robustness.unfamiliar import KINDS, MOST_UNFAMILIAR, try_unfamiliar, unfamiliar_images
from snellen.explain.robustness.words import sentences, threshold_words
from snellen.explain.thumbnails import to_uint8
from snellen.models.build import Network
from snellen.models.predictions import Predictions
from snellen.models.temperature import with_temperature
from snellen.statistics.image_bootstrap import bootstrap_limits
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.mean_intervals import mean_limits
from snellen.statistics.wilson_interval import wilson_limits
from snellen.study.analyses import Robustness

MOST_IMAGES = 10_000
"""The most images that are tried; of more, a sample is chosen by their content."""
IMAGES = 3
"""Images shown of each cell, of different classes."""
MARGIN = 0.02
"""A model is brittle to a corruption if it significantly loses this much more accuracy than under the others."""
CELLS: tuple[tuple[str | None, int], ...] = (
    (None, 0),
    *((name, severity) for name in CORRUPTIONS for severity in SEVERITIES),
)
VALUES_A_SECOND = 4e7
OPERATIONS_A_SECOND = 5e10
"""Images per second, of all corruptions together, and multiply-adds per second of a network, measured on two cores."""


def seconds(network: Network, images: int) -> float:
    """An estimate."""
    tried = min(images, MOST_IMAGES) * len(CELLS)
    return 0.5 + tried * (np.prod(network.input_shape) / VALUES_A_SECOND + network.operations / OPERATIONS_A_SECOND)


@dataclass(eq=False)
class _Tried:
    """A subject with its predictions. rows: those that were tried. right: (n,) bool for each cell, in the order of
    CELLS."""

    subject: Subject
    rows: np.ndarray
    labels: np.ndarray
    right: list[np.ndarray] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    thresholds: list[dict[str, Any]] = field(default_factory=list)
    unfamiliar: list[UnfamiliarJson] = field(default_factory=list)

    @property
    def drops(self) -> np.ndarray:
        """(n, corruptions) float64: for each image, correct (1 or 0) without a corruption minus the mean over its
        severities."""
        right = np.stack(self.right).astype(np.float64)
        under = right[1:].reshape(len(CORRUPTIONS), len(SEVERITIES), -1).mean(1)
        return np.asarray((right[0] - under).T)


@dataclass(eq=False)
class _Shown:
    """images: (H, W, C) uint8 each; the other fields refer to their places."""

    images: list[np.ndarray] = field(default_factory=list)
    cells: list[ImageJson] = field(default_factory=list)
    unfamiliar: list[UnfamiliarKindJson] = field(default_factory=list)
    other_data: OtherDataJson | None = None

    def add(self, images: np.ndarray) -> list[int]:
        """Adds images, and returns their places."""
        self.images += list(images)
        return list(range(len(self.images) - len(images), len(self.images)))


def make(run: RunWithImages, options: Robustness) -> AnalysisResult:
    """Tries all models of a role on the same corrupted images."""
    groups: dict[bytes, list[Subject]] = {}
    for subject in subjects_of(run, options.models):
        key = subject.predictions.role.encode() + subject.predictions.rows.tobytes()
        groups.setdefault(key, []).append(subject)
    tried, shown = list[_Tried](), _Shown()
    for group in groups.values():
        own = _Shown()
        tried += _try(run, group, options, own)
        shown = shown if shown.cells else own
    facts = _facts(run, tried, shown)
    tables = {"cells": pl.DataFrame([row for one in tried for row in one.cells], infer_schema_length=None)}
    achieved = [row for one in tried for row in one.thresholds]
    if achieved:
        tables["thresholds"] = pl.DataFrame(achieved, infer_schema_length=None)
    images = np.stack(shown.images) if shown.images else np.zeros((0, *run.dataset.shape), np.uint8)
    return AnalysisResult({**facts}, tables, {"pictures": images})


def chosen_rows(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) indices into `rows`, ascending: all, or MOST_IMAGES of them, chosen by the content of the images."""
    if len(rows) <= MOST_IMAGES:
        return np.arange(len(rows))
    return np.sort(np.argsort(content_keys(images[rows]), kind="stable")[:MOST_IMAGES])


def _try(run: RunWithImages, group: Sequence[Subject], options: Robustness, shown: _Shown) -> list[_Tried]:
    """Adds the images that the page shows to `shown`."""
    predictions, device = group[0].predictions, str(run.images.device)
    assert predictions.labels is not None  # `subjects_of` keeps labelled predictions only
    chosen = chosen_rows(run.dataset.images, predictions.rows)
    rows, labels, ids = predictions.rows[chosen], predictions.labels[chosen], predictions.ids[chosen]
    images = to_uint8(np.asarray(run.dataset.images[rows]), run.dataset.pixel_range)
    keys = content_keys(images)
    found = [_Tried(subject, rows, labels) for subject in group]
    look = _to_show(labels)
    for name, severity in CELLS:
        changed = images if name is None else corrupted(images, keys, name, severity)
        shown.cells.append({"corruption": name, "severity": severity, "pictures": shown.add(changed[look])})
        for one in found:
            answers = Predictions(predictions.role, rows, ids, labels, one.subject.probabilities(changed, device))
            _keep(one, name, severity, answers, run.record.classes)
    if options.unfamiliar:
        some = np.sort(np.argsort(keys, kind="stable")[:MOST_UNFAMILIAR])
        kinds, meanings = unfamiliar_images(images[some], keys[some]), dict(KINDS)
        if options.other_data is not None:
            other = other_images(run, options.other_data)
            shown.other_data = other.facts
            kinds[other.kind], meanings[other.kind] = other.images, other.meaning
        for kind, drawn in kinds.items():
            shown.unfamiliar.append({"kind": kind, "meaning": meanings[kind], "pictures": shown.add(drawn[:IMAGES])})
        for one in found:
            one.unfamiliar = try_unfamiliar(run.record, one.subject, images[some], kinds, device)
    return found


def _to_show(labels: np.ndarray) -> np.ndarray:
    """The first images of different classes."""
    first = np.sort(np.unique(labels, return_index=True)[1])
    return first[:IMAGES]


def _keep(tried: _Tried, name: str | None, severity: int, answers: Predictions, classes: tuple[str, ...]) -> None:
    """Adds the predictions of a model for one cell."""
    subject, right = tried.subject, answers.predicted == answers.labels
    confidence = with_temperature(answers.probabilities, subject.temperature).max(1).astype(np.float64)
    gap_low, gap_high = (None, None) if right.all() else mean_limits(confidence - right) or (None, None)
    low, high = wilson_limits(int(right.sum()), len(right))
    cell = {"model": subject.model, "corruption": name, "severity": severity}
    tried.right.append(right)
    tried.cells.append({
        **cell,
        "images": len(right),
        "right": int(right.sum()),
        "accuracy": float(right.mean()),
        "low": low,
        "high": high,
        "gap": float((confidence - right).mean()),
        "gap_low": gap_low,
        "gap_high": gap_high,
    })  # fmt: skip
    for place, each in enumerate(subject.thresholds):
        assert each.threshold is not None  # `subjects_of` keeps thresholds with a value only
        code = None if each.wanted.class_name is None else classes.index(each.wanted.class_name)
        found = achieved_on(answers, each.threshold, code, subject.temperature)
        values = {"precision": found.precision, "recall": found.recall, "coverage": found.coverage}
        tried.thresholds.append({
            **cell,
            "place": place,
            **{f"{measure}{end}": getattr(value, end.strip("_") or "value") if value else None
               for measure, value in values.items() for end in ("", "_low", "_high")},
        })  # fmt: skip


def _facts(run: RunWithImages, tried: Sequence[_Tried], shown: _Shown) -> RobustnessFacts:
    import scipy

    facts: RobustnessFacts = {
        "sentences": [],
        "ladder": [
            {"name": name, "sizes": [one.size_words(severity) for severity in SEVERITIES]}
            for name, one in CORRUPTIONS.items()
        ],
        "severities": len(SEVERITIES),
        "most": MOST_IMAGES,
        "models": [_model(run, one, len(tried)) for one in tried],
        "pairs": list(_pairs(run, tried)),
        "pictures": shown.cells,
        "unfamiliar": shown.unfamiliar,
        "other_data": shown.other_data,
        "stratified": {role: stratified(run.record, role) for role in dict.fromkeys(_role(one) for one in tried)},
        "versions": {"Pillow": PIL.__version__, "NumPy": np.__version__, "SciPy": scipy.__version__},
        "margin": MARGIN,
    }
    facts["sentences"] = list(sentences(facts))
    return facts


def _model(run: RunWithImages, one: _Tried, models: int) -> RobustModelJson:
    drops = one.drops
    used = {each.name for phase in run.record.model(one.subject.model).train for each in phase.augment}
    beyond = (drops - (drops.sum(1, keepdims=True) - drops) / (drops.shape[1] - 1)).T
    level = 1 - SIGNIFICANT / (drops.shape[1] * models)
    limits = bootstrap_limits(np.column_stack([drops.mean(1), drops]), _strata(run, one))
    means = [_limits(values, found) for values, found in zip((drops.mean(1), *drops.T), limits, strict=True)]
    clean = one.cells[0]
    return {
        "model": one.subject.model,
        "job": one.subject.job,
        "role": one.subject.predictions.role,
        "of": len(one.subject.predictions),
        "clean": {"value": clean["accuracy"], "low": clean["low"], "high": clean["high"], "n": clean["images"]},
        "mean": float(np.mean([cell["accuracy"] for cell in one.cells[1:]])),
        "drop": means[0],
        "corruptions": [
            _drop(name, means[1 + place], _limits(beyond[place], mean_limits(beyond[place], level)), used)
            for place, name in enumerate(CORRUPTIONS)
        ],
        "temperature": one.subject.temperature,
        "thresholds": [threshold_words(each.wanted, each.threshold or 0.0) for each in one.subject.thresholds],
        "unfamiliar": one.unfamiliar,
    }


def _drop(name: str, drop: LimitsJson, beyond: LimitsJson, used: set[str]) -> DropJson:
    return {
        "name": name,
        "drop": drop,
        "beyond": beyond,
        "brittle": beyond["low"] is not None and beyond["low"] > MARGIN,
        "trained_with": [each for each in CORRUPTIONS[name].augmentations if each in used],
    }


def stratified(record: RunRecord, role: str) -> bool:
    """Whether the images of a role were drawn by a stratified split, not given as an official part."""
    roles = record.data["roles"]
    return roles.get("stratified", False) and not roles.get(f"official_{role}", False)


def _role(tried: _Tried) -> str:
    return tried.subject.predictions.role


def _strata(run: RunWithImages, one: _Tried) -> np.ndarray | None:
    return one.labels if stratified(run.record, _role(one)) else None


def _pairs(run: RunWithImages, tried: Sequence[_Tried]) -> Iterator[PairJson]:
    """The comparisons of all pairs of models that were tried on the same images."""
    for a, b in combinations(tried, 2):
        role = a.subject.predictions.role
        if role == b.subject.predictions.role and np.array_equal(a.rows, b.rows):
            values = a.drops.mean(1) - b.drops.mean(1)
            [found] = bootstrap_limits(values[:, None], _strata(run, a))
            yield {"a": a.subject.model, "b": b.subject.model, "role": role, "difference": _limits(values, found)}


def _limits(values: np.ndarray, found: tuple[float, float] | None) -> LimitsJson:
    low, high = found or (None, None)
    return {"value": float(values.mean()), "low": low, "high": high, "n": len(values)}


METHOD = Method(
    "study", make, seconds=seconds, own_correction="robustness, for what models are brittle to", depends_on=depends_on,
    of_each_network=True, version=2,
)  # fmt: skip
