"""Snapshots on disk: content-named files first, then the one small file that names their hashes.

    packs/<id>/current-<hash>.safetensors, kept-<hash>.safetensors, checkpoint.json

A crash between any two operations leaves the old checkpoint.json, whose files are still there, or the new one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.files.atomic import write_json
from snellen.files.hashing import digest_arrays, digest_file, identity
from snellen.files.stored import read_json
from snellen.limits import CHECKPOINT_SECONDS
from snellen.train.snapshot import (
    EpochRecord,
    Snapshot,
    SnapshotRecord,
    current_arrays,
    kept_arrays,
    record_of,
    restored,
)

FORMAT = 2


class StoredFile(TypedDict):
    """A file of arrays beside the checkpoint."""

    name: str
    sha256: str


class StoredFiles(TypedDict):
    """current: what the next epoch starts from. kept: the weights that jobs keep."""

    current: StoredFile
    kept: StoredFile


@with_config(ConfigDict(extra="forbid", strict=True))
class CheckpointRecord(SnapshotRecord):
    """checkpoint.json. lanes: the ids of the jobs of each lane. sha256: of all other keys."""

    format: int
    lanes: list[list[str]]
    files: StoredFiles
    sha256: str


_RECORD = TypeAdapter(CheckpointRecord)


@dataclass
class Checkpoint:
    """The checkpoint of one pack. lanes: ids of the jobs of each lane; interval_seconds: between saves, at least."""

    folder: Path
    lanes: Sequence[Sequence[str]]
    interval_seconds: float = CHECKPOINT_SECONDS
    _last: float = field(default_factory=time.monotonic)
    _saved_epoch: int = 0

    def save_when_due(self, snapshot: Snapshot) -> None:
        """Saves when the interval has passed since the last save."""
        if time.monotonic() - self._last >= self.interval_seconds:
            self.save(snapshot)

    def save(self, snapshot: Snapshot) -> None:
        """Saves, unless this epoch is saved already or none was trained."""
        if snapshot.epoch == self._saved_epoch:
            return
        files: StoredFiles = {
            "kept": self._write("kept", kept_arrays(snapshot)),
            "current": self._write("current", current_arrays(snapshot)),
        }
        values = {"format": FORMAT, "lanes": self._ids, **record_of(snapshot), "files": files}
        write_json(self._path, {**values, "sha256": identity(values)})
        self._remove_all_but({files["kept"]["name"], files["current"]["name"]})
        self._saved_epoch, self._last = snapshot.epoch, time.monotonic()

    def load(self, device: str) -> Snapshot | None:
        """The stored snapshot, or None when there is none.

        Raises IdentityError when it belongs to other jobs, has another format, or was changed.
        """
        if not self._path.exists():
            return None
        with located(str(self._path)):
            record = self._record()
            try:
                current, kept = (self._read(record["files"][role]) for role in ("current", "kept"))
                snapshot = restored(record, current, kept, device)
            except KeyError as error:
                raise IdentityError(f"an array is missing ({error})", hint=self._hint) from None
        self._saved_epoch = snapshot.epoch
        return snapshot

    @property
    def epoch(self) -> int:
        """The stored epoch, 0 when there is none; the weights are not read."""
        with located(str(self._path)):
            return self._record()["epoch"] if self._path.exists() else 0

    def read_history(self) -> list[EpochRecord]:
        """That of the first lane; empty when nothing is stored."""
        with located(str(self._path)):
            return list(self._record()["progress"][0]["history"]) if self._path.exists() else []

    def remove(self) -> None:
        """Removes the stored snapshot; other files in the folder stay."""
        self._path.unlink(missing_ok=True)
        self._remove_all_but(set())

    @property
    def _path(self) -> Path:
        return self.folder / "checkpoint.json"

    @property
    def _ids(self) -> list[list[str]]:
        return [list(ids) for ids in self.lanes]

    @property
    def _hint(self) -> str:
        return f"Remove {self.folder} to train these jobs from the start."

    def _record(self) -> CheckpointRecord:
        """Raises IdentityError for what is no checkpoint of these jobs."""
        stored = read_json(self._path)
        if not isinstance(stored, dict):
            raise IdentityError("not a checkpoint", found=type(stored).__name__, expected="an object")
        _expect(stored, "format", FORMAT)
        _expect(stored, "lanes", self._ids)
        _expect(stored, "sha256", identity({name: stored[name] for name in stored if name != "sha256"}))
        try:
            return _RECORD.validate_python(stored)
        except ValidationError as error:
            raise IdentityError(f"not a whole checkpoint ({error.errors()[0]['msg']})", hint=self._hint) from None

    def _write(self, role: str, arrays: dict[str, np.ndarray]) -> StoredFile:
        name = f"{role}-{digest_arrays(*arrays.values())[:16]}.safetensors"
        tensors.save(self.folder / name, arrays)
        return {"name": name, "sha256": digest_file(self.folder / name)}

    def _read(self, file: StoredFile) -> dict[str, np.ndarray]:
        path = self.folder / file["name"]
        if not path.exists() or digest_file(path) != file["sha256"]:
            raise IdentityError(
                f"{file['name']} is missing or was changed",
                expected=f"SHA-256 {file['sha256']}",
                hint=self._hint,
            )
        return tensors.load(path)[0]

    def _remove_all_but(self, names: set[str]) -> None:
        for path in self.folder.glob("*.safetensors"):
            if path.name not in names:
                path.unlink(missing_ok=True)


def _expect(stored: dict[str, Any], name: str, expected: Any) -> None:
    if stored.get(name) != expected:
        raise IdentityError(f"`{name}` does not match", found=stored.get(name), expected=expected)
