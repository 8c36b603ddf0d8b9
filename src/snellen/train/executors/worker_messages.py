"""What workers are sent: the images of a run as memory-mapped files, and packs as JSON.

<folder>/images.npy, labels.npy, ids.npy, <digest>.npy for each array of row numbers
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from typing_extensions import TypedDict

from snellen.data.dataset import Dataset
from snellen.files.tensors import save_npy
from snellen.train.batches import ResidentData
from snellen.train.environment import PackEnvironment
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext


class SharedContext(TypedDict):
    """A RunContext as JSON; its arrays are in `folder`."""

    run: str
    folder: str
    environment: PackEnvironment
    name: str
    classes: list[str]
    pixel_range: list[float]
    fingerprint: str
    margins: bool


class SharedLane(TypedDict):
    """A lane as JSON. jobs, continued: ids; rows: role -> file in the folder."""

    jobs: list[str]
    rows: dict[str, str]
    roles: list[str] | None
    continued: list[str]


class PackRequest(TypedDict):
    """A pack to train."""

    lanes: list[SharedLane]
    until: int | None


def share_context(context: RunContext, folder: Path) -> SharedContext:
    """Writes the arrays that workers need into `folder`; returns the rest."""
    dataset = context.dataset
    for name, array in (
        ("images", dataset.images),
        ("labels", dataset.labels),
        ("ids", dataset.ids),
        ("rows", context.used),
    ):
        save_npy(folder / f"{name}.npy", array)
    return {
        "run": str(context.run.resolve()),
        "folder": str(folder.resolve()),
        "environment": context.environment,
        "name": dataset.name,
        "classes": list(dataset.classes),
        "pixel_range": list(dataset.pixel_range),
        "fingerprint": dataset.fingerprint,
        "margins": context.margins,
    }


def received_context(shared: SharedContext) -> RunContext:
    """The context that was shared. Its images stay on disk until they are read, once for all workers."""
    folder = Path(shared["folder"])
    black, white = shared["pixel_range"]
    dataset = Dataset(
        name=shared["name"],
        images=np.load(folder / "images.npy", mmap_mode="c", allow_pickle=False),
        labels=np.load(folder / "labels.npy", allow_pickle=False),
        classes=tuple(shared["classes"]),
        ids=np.load(folder / "ids.npy", mmap_mode="c", allow_pickle=False),
        official_test=None,
        pixel_range=(black, white),
        fingerprint=shared["fingerprint"],
    )
    material = ResidentData(torch.from_numpy(dataset.images), torch.from_numpy(dataset.labels))
    rows = np.load(folder / "rows.npy", allow_pickle=False)
    return RunContext(
        Path(shared["run"]), dataset, material, shared["environment"], margins=shared["margins"], rows=rows
    )


def share_pack(lanes: Sequence[Lane], context: RunContext, folder: Path, until: int | None) -> PackRequest:
    """Writes the jobs of a pack into the run, where they stay, and its rows into `folder`; returns the rest."""
    for job in (job for lane in lanes for job in lane.jobs):
        context.folder(job.id).write_job(job)
    shared = [
        SharedLane(
            jobs=list(lane.ids),
            rows={role: _share_rows(rows, folder) for role, rows in lane.rows.items()},
            roles=None if lane.roles is None else list(lane.roles),
            continued=list(lane.continued),
        )
        for lane in lanes
    ]
    return {"lanes": shared, "until": until}


def received_pack(shared: Sequence[SharedLane], context: RunContext, folder: Path) -> list[Lane]:
    """The lanes of a pack that was shared."""
    return [
        Lane(
            tuple(context.folder(job).read_job() for job in lane["jobs"]),
            {role: np.load(folder / name, allow_pickle=False) for role, name in lane["rows"].items()},
            None if lane["roles"] is None else tuple(lane["roles"]),
            tuple(lane["continued"]),
        )
        for lane in shared
    ]


def _share_rows(rows: np.ndarray, folder: Path) -> str:
    """The name of the file; folds and seeds share theirs."""
    name = f"{hashlib.sha256(rows.tobytes()).hexdigest()}.npy"
    if not (folder / name).exists():
        save_npy(folder / name, rows)
    return name
