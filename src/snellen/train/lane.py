"""A lane: one training, the jobs that share it, and the rows it uses. A pack is several lanes trained together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.files.hashing import identity
from snellen.train.job import ID_LENGTH, Job, Trajectory


@dataclass(frozen=True, eq=False)
class Lane:
    """Jobs that share a trajectory and differ in their stop rules, trained once for all of them.

    rows: role -> (n,) int64, ascending. `train` is fitted; `validation` decides when to stop and which epoch to keep.
    roles: those whose predictions are stored, all when None; the trials of a search need only validation.
    continued: ids of the jobs whose end is stored, optimizer included, because a later phase goes on from it.
    """

    jobs: tuple[Job, ...]
    rows: Mapping[str, np.ndarray]
    roles: tuple[str, ...] | None = None
    continued: tuple[str, ...] = ()

    @property
    def predicted(self) -> Mapping[str, np.ndarray]:
        """The rows of the roles whose predictions are stored."""
        return self.rows if self.roles is None else {role: self.rows[role] for role in self.roles}

    @property
    def trajectory(self) -> Trajectory:
        """That all its jobs share."""
        return self.jobs[0].trajectory

    @property
    def ids(self) -> tuple[str, ...]:
        """Of its jobs."""
        return tuple(job.id for job in self.jobs)

    @property
    def epochs(self) -> int:
        """The most epochs of one of its jobs."""
        return max(job.stop.epochs for job in self.jobs)

    @property
    def steps(self) -> int:
        """Steps per epoch; the last batch may be smaller."""
        return -(-len(self.rows["train"]) // self.trajectory.batch_size)


def pack_id(lanes: Sequence[Lane]) -> str:
    """Hash of which lane is in which place."""
    ids = [list(lane.ids) for lane in lanes]
    return identity(ids[0] if len(ids) == 1 and len(ids[0]) == 1 else ids)[:ID_LENGTH]
