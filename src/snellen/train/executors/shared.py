"""What workers share: the pictures of a run as files that are mapped into memory, and packs as JSON.

<folder>/images.npy, labels.npy, ids.npy, <digest>.npy for each array of row numbers
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen.data.dataset import Dataset
from snellen.files.tensors import save_npy
from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.perform import RunContext


def share_place(place: RunContext, folder: Path) -> dict[str, Any]:
    """Writes what a worker needs to know of the place into `folder`; returns the rest, as JSON."""
    dataset = place.dataset
    for name, array in (("images", dataset.images), ("labels", dataset.labels), ("ids", dataset.ids)):
        save_npy(folder / f"{name}.npy", array)
    return {
        "run": str(place.run.resolve()),
        "folder": str(folder.resolve()),
        "strategy": dict(place.strategy),
        "name": dataset.name,
        "classes": list(dataset.classes),
        "pixel_range": list(dataset.pixel_range),
        "fingerprint": dataset.fingerprint,
    }


def shared_place(told: dict[str, Any]) -> RunContext:
    """The place that `share_place` told of. The pictures stay on the disk until they are read, once for all workers."""
    folder = Path(told["folder"])
    dataset = Dataset(
        name=told["name"],
        images=np.load(folder / "images.npy", mmap_mode="c", allow_pickle=False),
        labels=np.load(folder / "labels.npy", allow_pickle=False),
        classes=tuple(told["classes"]),
        ids=np.load(folder / "ids.npy", mmap_mode="c", allow_pickle=False),
        official_test=None,
        pixel_range=tuple(told["pixel_range"]),
        fingerprint=told["fingerprint"],
    )
    material = ResidentData(torch.from_numpy(dataset.images), torch.from_numpy(dataset.labels))
    return RunContext(Path(told["run"]), dataset, material, told["strategy"])


def share_pack(lanes: Sequence[Lane], place: RunContext, folder: Path) -> list[dict[str, Any]]:
    """Writes the jobs of a pack into the run, where they stay, and its rows into `folder`; returns the rest."""
    for job in (job for lane in lanes for job in lane.jobs):
        place.folder(job.id).write_job(job)
    return [
        {
            "jobs": list(lane.ids),
            "rows": {role: _share_rows(rows, folder) for role, rows in lane.rows.items()},
            "roles": lane.roles,
        }
        for lane in lanes
    ]


def shared_pack(told: list[dict[str, Any]], place: RunContext, folder: Path) -> list[Lane]:
    """The pack that `share_pack` told of."""
    return [
        Lane(
            tuple(place.folder(job).read_job() for job in lane["jobs"]),
            {role: np.load(folder / name, allow_pickle=False) for role, name in lane["rows"].items()},
            lane["roles"],
        )
        for lane in told
    ]


def _share_rows(rows: np.ndarray, folder: Path) -> str:
    """The name of the file; folds and seeds share theirs."""
    name = f"{hashlib.sha256(rows.tobytes()).hexdigest()}.npy"
    if not (folder / name).exists():
        save_npy(folder / name, rows)
    return name
