"""What every training of a run shares: its directory, its images, and the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.models.pretrained import FOLDER
from snellen.train.batches import FROM_ZERO, Counted, ResidentData
from snellen.train.environment import PackEnvironment
from snellen.train.frozen_features import Extraction, Progress, expect_to_fit, features_key, processes, quiet
from snellen.train.job import Trajectory
from snellen.train.lane import Lane, pack_id
from snellen.train.phase_end import PhaseEnd
from snellen.train.results import JobFolder
from snellen.train.resume_checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class RunContext:
    """run: the run directory. dataset: without test labels. material: its images and labels on the device.
    environment: recorded beside results. workers: processes that may train at the same time. margins: whether those of
    the training rows are recorded, see margins.py. features: of frozen backbones, by key, once computed. backbones: the
    folder of their weights, where it is not that of the run. progress: shows how far the extraction of features is.
    rows: that have a role, ascending, of which alone features are computed; None for all."""

    run: Path
    dataset: Dataset
    material: ResidentData
    environment: PackEnvironment
    workers: int = 1
    margins: bool = False
    features: dict[str, ResidentData] = field(default_factory=dict)
    backbones: Path | None = None
    progress: Progress = quiet
    rows: np.ndarray | None = None

    @property
    def weights(self) -> Path:
        """The folder of the weights of backbones."""
        return self.backbones or self.run / FOLDER

    @property
    def used(self) -> np.ndarray:
        """The rows that have a role."""
        return np.arange(len(self.dataset)) if self.rows is None else self.rows

    def inputs_of(self, trajectory: Trajectory) -> ResidentData:
        """What a trajectory is trained on: the images, or what its frozen backbone gives for them."""
        if not trajectory.frozen:
            return self.material
        key = features_key(trajectory, self.dataset)
        if key not in self.features:
            expect_to_fit([trajectory], self.dataset, len(self.used), 1)
            self.features[key] = self._extraction(trajectory).load()
        return self.features[key]

    def extract(self, trajectories: Iterable[Trajectory]) -> None:
        """Computes what the frozen backbones of these give and the cache lacks, so that no two workers compute it."""
        frozen = {features_key(each, self.dataset): each for each in trajectories if each.frozen}
        for key, trajectory in frozen.items():
            if key not in self.features:
                self._extraction(trajectory).extract()

    def expect_features_to_fit(self, trajectories: Iterable[Trajectory]) -> None:
        """Raises StudyError where features of frozen backbones need more memory than is free."""
        expect_to_fit(trajectories, self.dataset, len(self.used), processes(self.material.device, self.workers))

    def counted(self, lane: Lane) -> Counted:
        """By the optimizer before the first epoch of a lane; of a phase that goes on with that of the one before, once
        this has ended."""
        start = lane.trajectory.start
        if start is None or lane.trajectory.continues == "kept":
            return FROM_ZERO
        path = self.folder(start.id).end
        return PhaseEnd.read_counted(path, start.id) if path.exists() else FROM_ZERO

    def _extraction(self, trajectory: Trajectory) -> Extraction:
        return Extraction(trajectory, self.dataset, self.material, self.used, self.weights, self.progress)

    def folder(self, job_id: str) -> JobFolder:
        """The folder of a job."""
        return JobFolder.of(self.run, job_id)

    def pack_folder(self, lanes: Sequence[Lane]) -> Path:
        """The folder of a pack: its record and its checkpoint."""
        return self.run / "packs" / pack_id(lanes)

    def checkpoint(self, lanes: Sequence[Lane]) -> Checkpoint:
        """The checkpoint of a pack."""
        return Checkpoint(self.pack_folder(lanes), [lane.ids for lane in lanes])

    def paused(self, lane: Lane) -> Checkpoint:
        """The checkpoint of a lane that has paused."""
        return Checkpoint(self.run / "paused" / pack_id([lane]), [lane.ids])
