"""Predictions: what a trained network says of each picture of one role. All evaluation reads these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snellen.errors import IdentityError, located
from snellen.files import tensors


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


def load_predictions(path: Path, job: str) -> Predictions:
    """Reads what `save_predictions` wrote. Raises IdentityError when it belongs to another job."""
    arrays, metadata = tensors.load(path)
    with located(str(path)):
        if metadata.get("job") != job:
            raise IdentityError("predictions of another job", found=metadata.get("job"), expected=job)
    ids = np.array(arrays["ids"].tobytes().decode().split("\n")) if len(arrays["rows"]) else np.array([], str)
    return Predictions(metadata["role"], arrays["rows"], ids, arrays.get("labels"), arrays["probabilities"])
