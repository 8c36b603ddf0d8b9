"""The end of a phase that a later one goes on from: the last weights, the optimizer's slots, and what it has counted.

It is stored beside the kept weights as jobs/<id>/end.safetensors, only where a later phase says `continue: last`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.models.layer import Tensors
from snellen.train.batches import Counted
from snellen.train.job import Trajectory
from snellen.train.kept_epoch import Weights
from snellen.train.layout import Layout
from snellen.train.snapshot import Values


@dataclass(frozen=True, eq=False)
class PhaseEnd:
    """weights: after the last epoch, of one lane. slots: of the optimizer, name -> (1, P). counted: all its epochs and
    steps so far, those of earlier phases that it went on from included."""

    weights: Weights
    slots: Values
    counted: Counted

    def save(self, path: Path, job: str) -> None:
        """Writes the file of this job."""
        arrays = {
            "theta": self.weights.theta,
            **_prefixed("state", self.weights.state),
            **_prefixed("slot", self.slots),
        }
        counted = np.array([self.counted.epochs, self.counted.steps], np.int64)
        plain = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
        tensors.save(path, {**plain, "counted": counted}, {"job": job})

    @staticmethod
    def load(path: Path, trajectory: Trajectory, job: str, device: str) -> PhaseEnd:
        """Of a job with this trajectory. Raises IdentityError when the file is another's."""
        with located(str(path)):
            arrays = _read(path, job)
            parameters, state = trajectory.trained.init((0,))
            slots = {f"slot:{name}" for name in trajectory.optimizer.slots()}
            expected = {"theta", "counted", *slots, *(f"state:{name}" for name in state)}
            if arrays.keys() != expected:
                odd = ", ".join(sorted(arrays.keys() ^ expected)[:5])
                raise IdentityError("the arrays are not those of this training", found=f"{odd} on one side only")
            shape = (1, Layout.of(parameters).size)
            for name in ("theta", *sorted(slots)):
                tensors.array(arrays, name, np.float32, shape)
            for name, value in state.items():
                tensors.array(arrays, f"state:{name}", np.float32, tuple(value.shape))
            found = {name: torch.from_numpy(value).to(device) for name, value in arrays.items() if name != "counted"}
            return PhaseEnd(
                Weights(found["theta"], {name: found[f"state:{name}"] for name in state}),
                {name.removeprefix("slot:"): found[name] for name in sorted(slots)},
                _counted(arrays),
            )

    @staticmethod
    def read_counted(path: Path, job: str) -> Counted:
        """How far the optimizer had counted. Raises IdentityError when the file is another's."""
        with located(str(path)):
            return _counted(_read(path, job))


def _read(path: Path, job: str) -> dict[str, np.ndarray]:
    arrays, about = tensors.load(path)
    if about.get("job") != job:
        raise IdentityError("another job's file", found=about.get("job", "no job"), expected=job)
    return arrays


def _counted(arrays: dict[str, np.ndarray]) -> Counted:
    epochs, steps = (int(value) for value in tensors.array(arrays, "counted", np.int64, (2,)))
    return Counted(epochs, steps)


def _prefixed(prefix: str, values: Tensors) -> Values:
    return {f"{prefix}:{name}": value for name, value in values.items()}
