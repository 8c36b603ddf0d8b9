"""The user's folders: the cache of decoded data, keyed by content, and records that are kept when runs are deleted."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from snellen.files.atomic import storage_error, sync_folder


def cache_folder() -> Path:
    """SNELLEN_CACHE, or the system's folder for caches."""
    return Path(os.environ.get("SNELLEN_CACHE") or platformdirs.user_cache_dir("snellen", appauthor=False))


def records_folder() -> Path:
    """SNELLEN_RECORDS, or the system's folder for user data: records that outlive runs and caches."""
    return Path(os.environ.get("SNELLEN_RECORDS") or platformdirs.user_data_dir("snellen", appauthor=False))


def cached(key: str, build: Callable[[Path], None]) -> Path:
    """The folder of `key` in the cache. If it does not exist, `build` fills a new one, which appears when it is
    complete.

    Two processes may build at the same time: the first to finish wins, and both get the same content. Raises
    StorageError when the cache cannot be written.
    """
    final = cache_folder() / key
    if final.is_dir():
        return final
    scratch = _scratch(final)
    try:
        build(scratch)
        try:
            os.replace(scratch, final)
            sync_folder(final.parent)
        except OSError as error:
            if not final.is_dir():
                raise storage_error(error, final) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return final


def _scratch(final: Path) -> Path:
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    except OSError as error:
        raise storage_error(error, final) from error


def discard(key: str) -> None:
    """Removes the folder of `key` from the cache, as far as the system allows while others read it."""
    shutil.rmtree(cache_folder() / key, ignore_errors=True)
