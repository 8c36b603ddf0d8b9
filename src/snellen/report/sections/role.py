"""What the report shows of a model on one role: scores, each class, the confusion matrix, mistakes and examples."""

from __future__ import annotations

import numpy as np
import polars as pl

from snellen.evaluate.evaluation import Evaluation, as_estimate
from snellen.explain.mistakes import cell_rows, confident_mistakes, first_examples, random_examples, worst_pairs
from snellen.limits import CELL_IMAGES
from snellen.metrics.scores import confusion
from snellen.models.predictions import Predictions
from snellen.report.model_types import ClassScoresJson, EstimateJson, RoleJson, Scores
from snellen.report.sections.estimates import estimate_json

MISTAKES = 30
EXAMPLES = 20
PAIRS = 2
TRAIN_CELL_IMAGES = 6
"""Training images behind a cell: a glance. The room in the report belongs to images that judge the model."""


def role_section(
    evaluation: Evaluation, model: str, predictions: Predictions, classes: tuple[str, ...], network: str
) -> RoleJson:
    """Of labelled predictions of at least one image, whose scores `evaluation` has. network: in words."""
    role = predictions.role
    assert predictions.labels is not None  # predictions without labels are never collected
    matrix = confusion(predictions.labels, predictions.predicted, len(classes))
    return {
        "n": len(predictions),
        "network": network,
        "scores": _of_network(evaluation.scores, model, role),
        "per_class": [_class_row(evaluation, model, role, name, matrix, index) for index, name in enumerate(classes)],
        "confusion": matrix.tolist(),
        "cells": cell_rows(predictions, len(classes), TRAIN_CELL_IMAGES if role == "train" else CELL_IMAGES),
        "mistakes": confident_mistakes(predictions, MISTAKES),
        "pairs": [] if role == "train" else worst_pairs(predictions, len(classes), PAIRS),
        "examples": first_examples(predictions, EXAMPLES),
        "drawn": [] if role == "train" else random_examples(predictions),
    }


def overall(scores: pl.DataFrame, model: str, role: str) -> Scores:
    """The scores of a model on a role over all classes, by measure. scores: rows of one network or mean."""
    rows = scores.filter((pl.col("model") == model) & (pl.col("role") == role) & pl.col("class").is_null())
    return {row["measure"]: estimate_json(as_estimate(row)) for row in rows.iter_rows(named=True)}


def _class_row(
    evaluation: Evaluation, model: str, role: str, name: str, matrix: np.ndarray, index: int
) -> ClassScoresJson:
    def estimate(measure: str) -> EstimateJson | None:
        found = evaluation.estimate(model, role, measure, name)
        return estimate_json(found) if found else None

    return {
        "class": name,
        "support": int(matrix[index].sum()),
        "predicted": int(matrix[:, index].sum()),
        "precision": estimate("precision"),
        "recall": estimate("recall"),
        "f1": estimate("f1"),
        "auc": estimate("auc"),
    }


def _of_network(scores: pl.DataFrame, model: str, role: str) -> Scores:
    """The scores of the network whose images are shown; on out_of_fold those of the networks of all folds."""
    return overall(scores.filter(pl.col("of").is_in(["network", "pooled"])), model, role)
