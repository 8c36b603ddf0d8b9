"""Named arrays in one safetensors file, with text metadata; nothing in it can run code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snellen.errors import IdentityError
from snellen.files.atomic import write_bytes


def save(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Writes the arrays atomically; the same arrays and metadata give the same bytes."""
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, to_bytes(contiguous, dict(metadata or {}) or None))


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays (copies in memory) and the metadata of a file written by `save`.

    Raises IdentityError when the file is damaged, FileNotFoundError when it is not there.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise IdentityError(f"not a whole safetensors file ({error})", where=str(path)) from error


def unpack(content: bytes) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a safetensors file. Raises IdentityError when they are damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    try:
        return {name: np.array(value) for name, value in from_bytes(content).items()}
    except (SafetensorError, KeyError) as error:
        raise IdentityError(f"not a whole safetensors file ({error})") from error
