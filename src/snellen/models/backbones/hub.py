"""Weights on the hub from which timm takes them: in its cache on this disk, or downloaded into it, verified.

Only the file model.safetensors of a repository that timm names for a tag. HF_HUB_OFFLINE=1 forbids the download,
HF_ENDPOINT names another server, HF_HOME or HF_HUB_CACHE another cache, as everywhere with huggingface_hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snellen.errors import DataError, printable
from snellen.limits import MAX_FILE_BYTES

SAFE_FILE = "model.safetensors"
SILENCE_SECONDS = 10.0
SHA256 = re.compile("[0-9a-f]{64}")


class NotOnHub(LookupError):
    """Why a file cannot be had from the hub, in one clause."""


def repository(cfg: Any) -> str | None:
    """The repository that timm names for weights; None where it names none, or only files in other formats."""
    is_safe = (cfg.hf_hub_filename or SAFE_FILE).endswith(".safetensors")
    return cfg.hf_hub_id if is_safe and not cfg.custom_load and cfg.hf_hub_id else None


def file_name(cfg: Any) -> str:
    """Of the weights in their repository."""
    return cfg.hf_hub_filename or SAFE_FILE


def url(repository: str, name: str) -> str:
    """Where a file can be downloaded."""
    from huggingface_hub import hf_hub_url

    return str(hf_hub_url(repository, name))


def cached(repository: str, name: str) -> Path | None:
    """The file in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, name)
    return Path(found) if isinstance(found, str) else None


def cache_folder() -> Path:
    """Of the hub, on this disk."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def download(repository: str, name: str) -> Path:
    """The file, downloaded into the hub's cache. Raises NotOnHub where that cannot be done."""
    from huggingface_hub import hf_hub_download

    published_bytes(repository, name)
    with _reaching():
        return Path(hf_hub_download(repository, name, library_name="timm"))


def published_bytes(repository: str, name: str) -> int:
    """The size of a file that `download` would get. Raises NotOnHub where it would.

    The server is asked once, without the retries of huggingface_hub, which take half a minute where there is no
    network.
    """
    from huggingface_hub import constants, get_hf_file_metadata

    if constants.HF_HUB_OFFLINE:
        raise NotOnHub("HF_HUB_OFFLINE forbids the download")
    with _reaching():
        size = get_hf_file_metadata(url(repository, name), timeout=SILENCE_SECONDS).size
        if size is None or size > MAX_FILE_BYTES:
            raise OSError(f"a file of {size} bytes")
        return int(size)


@contextmanager
def _reaching() -> Iterator[None]:
    """Raises NotOnHub for what the network and the server raise inside."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    unreachable: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, EntryNotFoundError)
    unreachable += tuple(each for each in HfHubHTTPError.__bases__ if issubclass(each, Exception))
    try:
        yield
    except unreachable as error:
        raise NotOnHub(f"{type(error).__name__}: {printable(str(error).strip().splitlines()[0], 200)}") from error


def expect_published(path: Path, sha256: str) -> None:
    """Raises DataError for a file in the hub's cache that has another SHA-256 than the hub published.

    The cache links to files that are called after their checksum; on systems without links there is nothing to compare.
    """
    published = Path(path.readlink()).name if path.is_symlink() else ""
    if SHA256.fullmatch(published) and published != sha256:
        hint = "Delete it and run again."
        raise DataError(
            "not the published file", found=f"SHA-256 {sha256}", expected=published, where=str(path), hint=hint
        )
