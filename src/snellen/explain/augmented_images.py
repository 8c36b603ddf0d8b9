"""Augmented training images, stored in the run so that the report does not need the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.errors import located
from snellen.explain.thumbnails import checked_arrays
from snellen.files import tensors
from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.samples import augmented_samples


@dataclass(frozen=True, eq=False)
class Augmented:
    """M augmented images of one job. rows: (M,) int64, their data set rows. images: (M, H, W, C) uint8, 0..255."""

    rows: np.ndarray
    images: np.ndarray


def keep_augmented(run: Path, lanes: Iterable[Lane], material: ResidentData) -> None:
    """Stores some augmented images of each lane that augments, for all its jobs.

    Random numbers depend only on seed, epoch and row, so these are the same images that the lane was trained on.
    """
    of_jobs = {job: augmented for lane in lanes if (augmented := _draw(lane, material)) for job in lane.ids}
    if of_jobs or augmented_path(run).exists():
        save_augmented(run, of_jobs)


def _draw(lane: Lane, material: ResidentData) -> Augmented | None:
    samples = augmented_samples(lane, material)
    return Augmented(samples.rows, samples.augmented) if samples else None


def augmented_path(run: Path) -> Path:
    """The file of a run that stores them."""
    return run / "figures" / "augmented.safetensors"


def save_augmented(run: Path, of_jobs: Mapping[str, Augmented]) -> None:
    """Writes the augmented images by job, replacing the file."""
    arrays = {
        f"{job}.{name}": value
        for job, images in of_jobs.items()
        for name, value in (("rows", images.rows), ("images", images.images))
    }
    tensors.save(augmented_path(run), arrays)


def load_augmented(run: Path) -> dict[str, Augmented]:
    """The augmented images by job; empty without a file. Raises IdentityError if the file is damaged."""
    path = augmented_path(run)
    if not path.exists():
        return {}
    arrays, _ = tensors.load(path)
    jobs = sorted({name.rpartition(".")[0] for name in arrays})
    with located(str(path)):
        return {job: Augmented(*checked_arrays(arrays, f"{job}.rows", f"{job}.images")) for job in jobs}
