"""The margin of each training row while a network is trained: the logit of its label minus the largest other one.

Its mean over epochs, the area under the margin, is low for rows whose label the network resists (Pleiss et al.,
"Identifying Mislabeled Data using the Area Under the Margin Ranking", NeurIPS 2020). The logits are those of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.train.step import StepInputs, StepOutcome

STEPS_AT_ONCE = 16
"""As of the metrics: step by step this took a twentieth of the time of 784-128-10."""


class EpochMargins:
    """Collects the margins of the steps of one epoch, in which each training row of a lane occurs once.

    The margin of a mixed image (`mixup`, `cutmix`) is that of its own label.
    """

    def __init__(self, lanes: int, images: int, device: str) -> None:
        self._margins = torch.zeros((lanes, images + 1), device=device)  # the last column is for rows that only pad
        self._waiting: list[tuple[StepInputs, StepOutcome]] = []

    def add(self, inputs: StepInputs, outcome: StepOutcome) -> None:
        """One more step."""
        self._waiting.append((inputs, outcome))
        if len(self._waiting) == STEPS_AT_ONCE:
            self._compute()

    def margins(self) -> Tensor:
        """(L, images) float32, 0 for rows that a lane was not trained on."""
        if self._waiting:
            self._compute()
        return self._margins[:, :-1]

    def _compute(self) -> None:
        rows = torch.cat([self._place_of(inputs) for inputs, _ in self._waiting], 1)
        labels = torch.cat([inputs.labels for inputs, _ in self._waiting], 1)
        logits = torch.cat([outcome.logits for _, outcome in self._waiting], 1)
        self._margins.scatter_(1, rows, margins_of(logits, labels).to(self._margins.dtype))
        self._waiting.clear()

    def _place_of(self, inputs: StepInputs) -> Tensor:
        """(L, N) where the margins of a batch belong."""
        assert inputs.rows is not None  # batches name their rows
        if inputs.sample_weight is None:
            return inputs.rows
        return inputs.rows.where(inputs.sample_weight > 0, self._margins.shape[1] - 1)


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """(L, N): logits (L, N, K) of the labels (L, N), minus the largest other one."""
    own = labels.unsqueeze(-1)
    other = logits.scatter(-1, own, -torch.inf).amax(-1)
    return logits.gather(-1, own).squeeze(-1) - other


@dataclass(frozen=True, eq=False)
class Margins:
    """rows: (n,) int64, ascending training rows. values: (n,) float32, the mean margin over the epochs."""

    rows: np.ndarray
    values: np.ndarray
    epochs: int

    def save(self, path: Path, job: str) -> None:
        """Writes them as safetensors."""
        tensors.save(path, {"rows": self.rows, "margins": self.values}, {"job": job, "epochs": str(self.epochs)})

    @staticmethod
    def load(path: Path, job: str) -> Margins:
        """What `save` wrote. Raises IdentityError for a file of another job or another kind."""
        arrays, metadata = tensors.load(path)
        with located(str(path)):
            if metadata.get("job") != job:
                raise IdentityError("margins of another job", found=metadata.get("job"), expected=job)
            rows = tensors.array(arrays, "rows", np.int64, (None,))
            values = tensors.array(arrays, "margins", np.float32, (len(rows),))
            if len(rows) and (rows[0] < 0 or (np.diff(rows) <= 0).any()):
                raise IdentityError("rows that are not ascending rows of the data set")
            epochs = metadata.get("epochs", "")
            if not epochs.isdecimal() or not 0 < int(epochs) <= 100_000:
                raise IdentityError("not a number of epochs", found=epochs)
        return Margins(rows, values, int(epochs))
