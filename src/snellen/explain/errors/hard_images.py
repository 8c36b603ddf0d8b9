"""Images that all models, or all models except one, predict wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snellen.explain.errors.facts import HardImageJson
from snellen.models.predictions import Predictions


@dataclass(frozen=True, eq=False)
class AnswersOfAll:
    """The predictions of M models for N images of one role. rows, ids, labels: (N,). answers, the predicted classes,
    and confidence, their probabilities: (M, N)."""

    models: tuple[str, ...]
    rows: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(M, N) bool: whether each prediction is correct."""
        return np.asarray(self.answers == self.labels)


def answers_of_all(predictions: Mapping[str, Predictions]) -> AnswersOfAll:
    """The images of one role that all models predicted. predictions: by model, at least one, with labels."""
    parts = list(predictions.values())
    shared = parts[0].rows
    for part in parts[1:]:
        shared = shared[np.isin(shared, part.rows)]
    places = [np.searchsorted(part.rows, shared) for part in parts]
    first = places[0]
    return AnswersOfAll(
        tuple(predictions),
        shared,
        parts[0].ids[first],
        np.asarray(parts[0].labels)[first],
        np.stack([part.predicted[place] for part, place in zip(parts, places, strict=True)]),
        np.stack([part.probabilities.max(1)[place] for part, place in zip(parts, places, strict=True)]),
    )


def wrong_for_all(answers: AnswersOfAll) -> np.ndarray:
    """Indices of the images that no model gets right, the highest mean probability first."""
    places = np.flatnonzero(~answers.right.any(0))
    return places[np.argsort(-answers.confidence.mean(0)[places], kind="stable")]


def right_for_one(answers: AnswersOfAll) -> dict[str, np.ndarray]:
    """By model: indices of the images that only this model gets right, the highest probability first."""
    alone = answers.right.sum(0) == 1
    places = {model: np.flatnonzero(alone & answers.right[at]) for at, model in enumerate(answers.models)}
    sure = dict(zip(answers.models, answers.confidence, strict=True))
    return {model: own[np.argsort(-sure[model][own], kind="stable")] for model, own in places.items()}


def as_json(answers: AnswersOfAll, place: int) -> HardImageJson:
    """One image with the prediction of each model, as JSON values."""
    return {
        "row": int(answers.rows[place]),
        "id": str(answers.ids[place]),
        "label": int(answers.labels[place]),
        "answers": answers.answers[:, place].tolist(),
        "confidence": answers.confidence[:, place].astype(float).tolist(),
    }
