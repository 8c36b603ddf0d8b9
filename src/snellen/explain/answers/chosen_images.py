"""Which images are explained: the most confident mistakes of a model, its least and its most confident correct
predictions, or images that the study names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snellen.errors import StudyError
from snellen.explain.mistakes import confident_mistakes
from snellen.models.predictions import Predictions

MISTAKE, NARROW, SURE, GIVEN = "mistake", "least sure", "sure", "given"
MOST_SURE = 10
"""Classes for which the most confident correct prediction is shown."""


@dataclass(frozen=True)
class ChosenImage:
    """One image. why: MISTAKE, NARROW, SURE or GIVEN. answer: the predicted class. rival: the true class if the
    prediction is wrong, else the second most probable class."""

    row: int
    id: str
    role: str
    why: str
    label: int
    answer: int
    rival: int
    probabilities: tuple[float, ...]


def most_informative(predictions: Predictions, count: int) -> list[ChosenImage]:
    """The count / 2 most confident mistakes, the count / 2 least confident correct predictions, and the most confident
    correct prediction of each of the first MOST_SURE classes. Ties are in row order."""
    labels = _labels(predictions)
    place_of_row = {int(row): place for place, row in enumerate(predictions.rows)}
    mistakes = [place_of_row[mistake["row"]] for mistake in confident_mistakes(predictions, count // 2)]
    confidence = predictions.probabilities.max(1)
    right = np.flatnonzero(predictions.predicted == labels)
    narrow = right[np.argsort(confidence[right], kind="stable")][: count - count // 2].tolist()
    of_class = (right[labels[right] == code] for code in range(min(MOST_SURE, predictions.probabilities.shape[1])))
    sure = [int(members[confidence[members].argmax()]) for members in of_class if len(members)]
    groups = {MISTAKE: mistakes, NARROW: narrow, SURE: [place for place in sure if place not in narrow]}
    return [_chosen(predictions, place, why) for why, places in groups.items() for place in places]


def requested_images(predictions: dict[str, Predictions], rows: Sequence[int], ids: Sequence[str]) -> list[ChosenImage]:
    """The images of these data set rows, then of these ids. predictions: by role.

    Raises StudyError for an image that has no role or whose label is hidden.
    """
    labelled = [part for part in predictions.values() if part.labels is not None]
    return [
        *(_found(labelled, [part.rows == row for part in labelled], f"row {row}") for row in rows),
        *(_found(labelled, [part.ids == name for part in labelled], f"id {name!r}") for name in ids),
    ]


def _found(parts: Sequence[Predictions], where: Sequence[np.ndarray], name: str) -> ChosenImage:
    for part, matches in zip(parts, where, strict=True):
        if matches.any():
            return _chosen(part, int(matches.argmax()), GIVEN)
    roles = ", ".join(part.role for part in parts)
    raise StudyError(
        "no such image with a known label", where="analyses: answers", found=name, expected=f"one of {roles}"
    )


def _chosen(predictions: Predictions, place: int, why: str) -> ChosenImage:
    shares = predictions.probabilities[place].astype(float)
    label, (answer, second) = int(_labels(predictions)[place]), np.argsort(-shares, kind="stable")[:2].tolist()
    return ChosenImage(
        row=int(predictions.rows[place]),
        id=str(predictions.ids[place]),
        role=predictions.role,
        why=why,
        label=label,
        answer=answer,
        rival=second if answer == label else label,
        probabilities=tuple(shares.tolist()),
    )


def _labels(predictions: Predictions) -> np.ndarray:
    assert predictions.labels is not None  # the caller passes roles whose labels are known
    return predictions.labels
