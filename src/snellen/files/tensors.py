"""Named arrays in one safetensors file, with text metadata, or one array as .npy; neither format can contain code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from snellen.errors import IdentityError
from snellen.files.atomic import replacing, write_bytes
from snellen.files.hashing import canonical_json
from snellen.files.inside import expect_file
from snellen.files.stored import parse_json

ABOUT = "about"
"""The key of the only metadata entry of a file."""


def save(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Writes the arrays atomically."""
    write_bytes(path, pack(arrays, metadata))


def pack(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes that `save` writes; the same arrays and metadata give the same bytes. The metadata are one JSON text,
    because safetensors writes several entries in random order.
    """
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return to_bytes(contiguous, {ABOUT: canonical_json(dict(metadata)).decode()} if metadata else None)


def save_npy(path: Path, array: np.ndarray) -> None:
    """Writes one array as .npy, atomically.

    NumPy writes real files through C, which can lose the last block silently on a full disk, so it gets only the file's
    `write` method.
    """
    with replacing(path, array.nbytes) as file:
        np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays (copies in memory) and the metadata of a file written by `save`.

    Raises IdentityError when the file is damaged, FileNotFoundError when it is not there.
    """
    from safetensors import SafetensorError, safe_open

    expect_file(path)
    try:
        with safe_open(path, framework="np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = parse_json((file.metadata() or {}).get(ABOUT, "{}").encode(), f"{path}: {ABOUT}")
    except (SafetensorError, ValueError, TypeError) as error:
        raise IdentityError(f"not a whole safetensors file ({error})", where=str(path)) from error
    if not isinstance(about, dict) or not all(isinstance(value, str) for value in about.values()):
        raise IdentityError("not the metadata of such a file", found=repr(about)[:100], where=str(path))
    return arrays, about


def array(
    arrays: Mapping[str, np.ndarray], name: str, dtype: type[np.generic], shape: Sequence[int | None]
) -> np.ndarray:
    """The array of this name, which must have this type and shape; None in `shape` allows any length. Raises
    IdentityError if it is missing or different, or holds floating-point numbers that are not finite.
    """
    if name not in arrays:
        raise IdentityError(f"no array {name!r}", found=", ".join(sorted(arrays))[:200])
    values = arrays[name]
    fits = values.ndim == len(shape) and all(stored in (None, size) for stored, size in zip(shape, values.shape))
    if values.dtype != dtype or not fits:
        expected = f"{np.dtype(dtype)} {tuple('any' if size is None else size for size in shape)}"
        raise IdentityError(f"another array {name!r}", found=f"{values.dtype} {values.shape}", expected=expected)
    if np.issubdtype(dtype, np.floating) and not np.isfinite(values).all():
        raise IdentityError(f"numbers of {name!r} that are not finite")
    return values


def unpack(content: bytes) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a safetensors file. Raises IdentityError when they are damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    try:
        return {name: np.array(value) for name, value in from_bytes(content).items()}
    except (SafetensorError, KeyError, ValueError) as error:
        raise IdentityError(f"not a whole safetensors file ({error})") from error
