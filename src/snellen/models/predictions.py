"""Predictions: what a trained network says of each image of one role. All evaluation reads these and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snellen.errors import IdentityError, located
from snellen.files import tensors

PROBABILITY_SLACK = 1e-4
"""float32 sums may round above 1."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities of one job for the rows of one role.

    rows: (N,) int64, rows of the data set, ascending. ids: (N,) str. labels: (N,) int64, or None while the test is
    sealed. probabilities: (N, K) float32, each row summing to 1.
    """

    role: str
    rows: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None
    probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def predicted(self) -> np.ndarray:
        """(N,) int64, the most probable class; the first of equals."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    def at(self, places: np.ndarray) -> Predictions:
        """Those of some of the images alone, in that order."""
        labels = None if self.labels is None else self.labels[places]
        return replace(
            self,
            rows=self.rows[places],
            ids=self.ids[places],
            labels=labels,
            probabilities=self.probabilities[places],
        )

    def labelled(self, labels: np.ndarray) -> Predictions:
        """The same predictions with their labels, once the vault has opened them."""
        return replace(self, labels=labels)


def save_predictions(path: Path, predictions: Predictions, job: str) -> None:
    """Writes predictions as safetensors; ids as UTF-8 bytes."""
    arrays = {
        "rows": predictions.rows,
        "ids": np.frombuffer("\n".join(predictions.ids.tolist()).encode(), np.uint8),
        "probabilities": predictions.probabilities,
    }
    if predictions.labels is not None:
        arrays["labels"] = predictions.labels
    tensors.save(path, arrays, {"role": predictions.role, "job": job})


@dataclass(frozen=True)
class Bounds:
    """What predictions of a data set may name: so many images and classes."""

    images: int
    classes: int


def load_predictions(path: Path, job: str, role: str, bounds: Bounds | None = None) -> Predictions:
    """Reads what `save_predictions` wrote for a role. Raises IdentityError when it belongs to another job or role, or
    is not of the data set of these bounds."""
    arrays, metadata = tensors.load(path)
    with located(str(path)):
        if metadata.get("job") != job:
            raise IdentityError("predictions of another job", found=metadata.get("job"), expected=job)
        if metadata.get("role") != role:
            raise IdentityError("predictions for another role", found=metadata.get("role"), expected=role)
        rows = tensors.array(arrays, "rows", np.int64, (None,))
        classes = bounds.classes if bounds else None
        probabilities = tensors.array(arrays, "probabilities", np.float32, (len(rows), classes))
        labels = tensors.array(arrays, "labels", np.int64, (len(rows),)) if "labels" in arrays else None
        ids = _ids(arrays, len(rows))
        if len(rows) and (rows[0] < 0 or (np.diff(rows) <= 0).any() or (bounds and rows[-1] >= bounds.images)):
            raise IdentityError("rows that are not ascending rows of the data set")
        if labels is not None and ((labels < 0) | (labels >= probabilities.shape[1])).any():
            raise IdentityError("labels of no class", expected=f"0 to {probabilities.shape[1] - 1}")
        if ((probabilities < 0) | (probabilities > 1 + PROBABILITY_SLACK)).any():
            raise IdentityError("probabilities that are none", expected="0 to 1")
    return Predictions(role, rows, ids, labels, probabilities)


def _ids(arrays: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    content = tensors.array(arrays, "ids", np.uint8, (None,)).tobytes()
    try:
        ids = np.array(content.decode().split("\n")) if count else np.array([], str)
    except UnicodeDecodeError as error:
        raise IdentityError("ids that are not UTF-8", where=f"byte {error.start}") from None
    if len(ids) != count:
        raise IdentityError("ids of another number of images", found=len(ids), expected=count)
    return ids
