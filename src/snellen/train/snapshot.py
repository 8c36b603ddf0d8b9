"""The state of training after a whole epoch: everything needed to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from snellen.train.keeper import Keeper


class EpochRecord(TypedDict):
    """One line of the history. loss, accuracy: running means over the epoch while the weights changed, in training
    mode; validation: after the epoch, in evaluation mode. learning_rate: of the last step. seconds: wall clock."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """theta: (L, P) flat parameters; state, slots: name -> (L, ...); best_*: those of the kept epoch."""

    theta: Tensor
    state: dict[str, Tensor]
    slots: dict[str, Tensor]
    best_theta: Tensor
    best_state: dict[str, Tensor]
    keeper: Keeper
    history: tuple[EpochRecord, ...]

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return self.keeper.epoch


def current_arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """What the next epoch starts from, as named arrays."""
    return {"theta": _array(snapshot.theta), **_prefixed("state", snapshot.state), **_prefixed("slot", snapshot.slots)}


def best_arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """The kept weights, as named arrays."""
    return {"theta": _array(snapshot.best_theta), **_prefixed("state", snapshot.best_state)}


def from_arrays(
    current: dict[str, np.ndarray],
    best: dict[str, np.ndarray],
    keeper: Keeper,
    history: tuple[EpochRecord, ...],
    device: str,
) -> Snapshot:
    """The snapshot that `current_arrays` and `best_arrays` were made of."""
    return Snapshot(
        theta=_tensor(current["theta"], device),
        state=_under("state", current, device),
        slots=_under("slot", current, device),
        best_theta=_tensor(best["theta"], device),
        best_state=_under("state", best, device),
        keeper=keeper,
        history=history,
    )


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _tensor(value: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(value).to(device)


def _prefixed(prefix: str, values: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {f"{prefix}:{name}": _array(value) for name, value in values.items()}


def _under(prefix: str, arrays: dict[str, np.ndarray], device: str) -> dict[str, Tensor]:
    head = f"{prefix}:"
    return {name.removeprefix(head): _tensor(value, device) for name, value in arrays.items() if name.startswith(head)}
