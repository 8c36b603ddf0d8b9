"""Snapshots on disk: content-named files first, then the one small file that names their hashes.

    packs/<id>/current-<hash>.safetensors, best-<hash>.safetensors, checkpoint.json

A crash between any two operations leaves the old checkpoint.json, whose files are still there, or the new one.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.files.atomic import read_json, write_json
from snellen.files.hashing import digest_arrays, digest_file, identity
from snellen.limits import CHECKPOINT_SECONDS
from snellen.train.keeper import Keeper
from snellen.train.snapshot import Snapshot, best_arrays, current_arrays, from_arrays

FORMAT = 1


@dataclass
class Checkpoint:
    """The checkpoint of one pack. lanes: ids of its jobs in their places; interval_seconds: between saves, at least."""

    folder: Path
    lanes: tuple[str, ...]
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
            "best": self._write("best", best_arrays(snapshot)),
            "current": self._write("current", current_arrays(snapshot)),
        }
        values = {
            "format": FORMAT,
            "lanes": list(self.lanes),
            "keeper": asdict(snapshot.keeper),
            "history": list(snapshot.history),
            "files": files,
        }
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
            _expect(stored, "lanes", list(self.lanes))
            _expect(stored, "sha256", identity({name: stored[name] for name in stored if name != "sha256"}))
            try:
                current, best = (self._read(stored["files"][role]) for role in ("current", "best"))
                snapshot = from_arrays(current, best, Keeper(**stored["keeper"]), tuple(stored["history"]), device)
            except (KeyError, TypeError) as error:
                raise IdentityError(f"not a whole checkpoint ({error})", hint=self._way_out) from None
        self._saved_epoch = snapshot.epoch
        return snapshot

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
