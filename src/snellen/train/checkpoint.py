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

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.files.atomic import write_json
from snellen.files.hashing import digest_arrays, digest_file, identity
from snellen.files.stored import read_json
from snellen.limits import CHECKPOINT_SECONDS
from snellen.train.snapshot import EpochRecord, Snapshot, current_arrays, kept_arrays, plain_values, restored

FORMAT = 2


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
        """Saves, unless this epoch is saved already or none is trained."""
        if snapshot.epoch == self._saved_epoch:
            return
        files = {
            "kept": self._write("kept", kept_arrays(snapshot)),
            "current": self._write("current", current_arrays(snapshot)),
        }
        values = {"format": FORMAT, "lanes": self._ids, **plain_values(snapshot), "files": files}
        write_json(self.folder / "checkpoint.json", {**values, "sha256": identity(values)})
        self._remove_all_but({file["name"] for file in files.values()})
        self._saved_epoch, self._last = snapshot.epoch, time.monotonic()

    def load(self, device: str) -> Snapshot | None:
        """The stored snapshot, or None when there is none.

        Raises IdentityError when it belongs to other jobs, has another format, or was changed.
        """
        path = self.folder / "checkpoint.json"
        if not path.exists():
            return None
        with located(str(path)):
            stored = _parse(path)
            _expect(stored, "format", FORMAT)
            _expect(stored, "lanes", self._ids)
            _expect(stored, "sha256", identity({name: stored[name] for name in stored if name != "sha256"}))
            try:
                current, kept = (self._read(stored["files"][role]) for role in ("current", "kept"))
                snapshot = restored(stored, current, kept, device)
            except (KeyError, TypeError) as error:
                raise IdentityError(f"not a whole checkpoint ({error})", hint=self._way_out) from None
        self._saved_epoch = snapshot.epoch
        return snapshot

    @property
    def epoch(self) -> int:
        """The epoch that is stored, 0 when none is; the weights are not read."""
        path = self.folder / "checkpoint.json"
        with located(str(path)):
            return int(_parse(path)["epoch"]) if path.exists() else 0

    def read_history(self) -> list[EpochRecord]:
        """That of the first lane; empty when nothing is stored."""
        path = self.folder / "checkpoint.json"
        with located(str(path)):
            return list(_parse(path)["progress"][0]["history"]) if path.exists() else []

    def remove(self) -> None:
        """Removes the stored snapshot; what else is in the folder stays."""
        (self.folder / "checkpoint.json").unlink(missing_ok=True)
        self._remove_all_but(set())

    @property
    def _ids(self) -> list[list[str]]:
        return [list(ids) for ids in self.lanes]

    @property
    def _way_out(self) -> str:
        return f"Remove {self.folder} to train these jobs from the start."

    def _write(self, role: str, arrays: dict[str, Any]) -> dict[str, str]:
        name = f"{role}-{digest_arrays(*arrays.values())[:16]}.safetensors"
        tensors.save(self.folder / name, arrays)
        return {"name": name, "sha256": digest_file(self.folder / name)}

    def _read(self, file: dict[str, str]) -> dict[str, Any]:
        path = self.folder / file["name"]
        if not path.exists() or digest_file(path) != file["sha256"]:
            raise IdentityError(
                f"{file['name']} is missing or was changed",
                expected=f"SHA-256 {file['sha256']}",
                hint=self._way_out,
            )
        return tensors.load(path)[0]

    def _remove_all_but(self, names: set[str]) -> None:
        for path in self.folder.glob("*.safetensors"):
            if path.name not in names:
                path.unlink(missing_ok=True)


def _parse(path: Path) -> dict[str, Any]:
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise IdentityError("not a checkpoint", found=type(stored).__name__, expected="an object")
    return stored


def _expect(stored: dict[str, Any], name: str, expected: Any) -> None:
    if stored.get(name) != expected:
        raise IdentityError(f"`{name}` does not match", found=stored.get(name), expected=expected)
