"""Decoded data sets in the user's cache, keyed by the files and options they were decoded from; memory-mapped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset, Excluded
from snellen.errors import StorageError
from snellen.files.atomic import write_json, write_text
from snellen.files.cache import cache_folder, cached, discard
from snellen.files.hashing import digest_file
from snellen.files.tensors import save_npy

FORMAT = 3
ARRAYS = ("images", "labels", "ids", "official_test", "official_validation", "groups")


def cached_dataset(identity: str, name: str, decode: Callable[[], Dataset]) -> Dataset:
    """The data set of that identity, called `name`, from the cache; decoded and stored if it is missing or damaged. The
    images are memory-mapped and read-only. Every file is compared with its stored SHA-256 (MNIST: 0.03 s).
    """
    key = f"decoded/{identity}"
    for _ in range(2):
        folder = cached(key, lambda scratch: _write(scratch, decode()))
        dataset = _open(folder, name)
        if dataset is not None:
            return dataset
        discard(key)
    raise _damaged(folder)


def cached_array(key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """The array cached under `key`; computed and stored if it is missing or damaged."""
    for _ in range(2):
        folder = cached(key, lambda scratch: _write_array(scratch, compute()))
        try:
            if digest_file(folder / "array.npy") == (folder / "sha256").read_text(encoding="utf-8"):
                return np.asarray(np.load(folder / "array.npy", allow_pickle=False))
        except (OSError, ValueError):
            pass
        discard(key)
    raise _damaged(folder)


def _damaged(folder: Path) -> StorageError:
    return StorageError("a damaged cache entry cannot be replaced", where=str(folder), hint="Remove it by hand.")


def is_cached(key: str) -> bool:
    """Whether there is an entry under `key`; it may still turn out to be damaged."""
    return (cache_folder() / key).is_dir()


def _write_array(folder: Path, array: np.ndarray) -> None:
    save_npy(folder / "array.npy", array)
    write_text(folder / "sha256", digest_file(folder / "array.npy"))


def _write(folder: Path, dataset: Dataset) -> None:
    for name in ARRAYS:
        array = getattr(dataset, name)
        if array is not None:
            save_npy(folder / f"{name}.npy", array)
    meta = {
        "format": FORMAT,
        "classes": list(dataset.classes),
        "pixel_range": list(dataset.pixel_range),
        "fingerprint": dataset.fingerprint,
        "remarks": list(dataset.remarks),
        "description": dataset.description,
        "excluded": [[each.file, each.reason] for each in dataset.excluded],
        "files": {path.name: digest_file(path) for path in sorted(folder.glob("*.npy"))},
    }
    write_json(folder / "meta.json", meta)


def _open(folder: Path, name: str) -> Dataset | None:
    """The data set that `_write` stored, or None if a file is missing or has changed."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        if meta["format"] != FORMAT or any(digest_file(folder / file) != sha for file, sha in meta["files"].items()):
            return None
        return Dataset(
            name=name,
            images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False),
            labels=np.load(folder / "labels.npy", allow_pickle=False),
            classes=tuple(meta["classes"]),
            ids=np.load(folder / "ids.npy", allow_pickle=False),
            official_test=_optional(folder / "official_test.npy", meta["files"]),
            pixel_range=tuple(meta["pixel_range"]),
            fingerprint=meta["fingerprint"],
            groups=_optional(folder / "groups.npy", meta["files"]),
            excluded=tuple(Excluded(file, reason) for file, reason in meta["excluded"]),
            official_validation=_optional(folder / "official_validation.npy", meta["files"]),
            remarks=tuple(meta["remarks"]),
            description=str(meta.get("description", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _optional(path: Path, files: dict[str, Any]) -> np.ndarray | None:
    return np.load(path, allow_pickle=False) if path.name in files else None
