"""What every training of a run shares: its directory, its images, and the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.models.pretrained import FOLDER
from snellen.train.batches import ResidentData
from snellen.train.environment import PackEnvironment
from snellen.train.frozen_features import compute_features, features_key
from snellen.train.job import Trajectory
from snellen.train.lane import Lane, pack_id
from snellen.train.results import JobFolder
from snellen.train.resume_checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class RunContext:
    """run: the run directory. dataset: without test labels. material: its images and labels on the device.
    environment: recorded beside results. workers: processes that may train at the same time. margins: whether those of
    the training rows are recorded, see margins.py. features: of frozen backbones, by key, once computed. backbones: the
    folder of their weights, where it is not that of the run."""

    run: Path
    dataset: Dataset
    material: ResidentData
    environment: PackEnvironment
    workers: int = 1
    margins: bool = False
    features: dict[str, ResidentData] = field(default_factory=dict)
    backbones: Path | None = None

    @property
    def weights(self) -> Path:
        """The folder of the weights of backbones."""
        return self.backbones or self.run / FOLDER

    def inputs_of(self, trajectory: Trajectory) -> ResidentData:
        """What a trajectory is trained on: the images, or what its frozen backbone gives for them."""
        if not trajectory.frozen:
            return self.material
        key = features_key(trajectory, self.dataset)
        if key not in self.features:
            self.features[key] = compute_features(trajectory, self.dataset, self.material, self.weights)
        return self.features[key]

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
