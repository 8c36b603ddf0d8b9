"""Images in memory, as an array, a tensor, or one cell for each row, in a form that can be decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from snellen.data.readers.pixels import CHANNELS
from snellen.errors import SHOWN_ITEMS, DataError, shown

if TYPE_CHECKING:
    from PIL import Image

Channels = Literal["first", "last"]


def is_array(value: Any) -> bool:
    """Whether it is a NumPy array or a torch tensor."""
    return isinstance(value, np.ndarray) or is_tensor(value)


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor, without importing torch."""
    return any(
        f"{kind.__module__}.{kind.__name__}" in ("torch.Tensor", "torch._tensor.Tensor") for kind in type(value).__mro__
    )


def as_array(value: Any, where: str) -> np.ndarray:
    """A NumPy array of an array or tensor, in CPU memory."""
    try:
        return np.asarray(value.detach().cpu().numpy() if is_tensor(value) else value)
    except (TypeError, ValueError) as error:
        raise DataError(f"not an array of numbers ({error})", where=where) from error


def decodable(
    given: Any, part: str, place: Callable[[int], str], folder: Path | None
) -> np.ndarray | list[Path | bytes | Image.Image]:
    """The images of a part: (N, ...) pixels, or cells for the image decoder. place: returns the position of a row.
    folder: the folder of relative paths. Raises DataError for a row without an image, rows of several forms, and arrays
    of different shapes.
    """
    if is_array(given) and not _has_objects(given):
        return as_array(given, part)
    cells = [_cell(cell, place(row), folder) for row, cell in enumerate(given)]
    arrays = [cell for cell in cells if isinstance(cell, np.ndarray)]
    if not arrays:
        return [cell for cell in cells if not isinstance(cell, np.ndarray)]
    if len(arrays) < len(cells):
        found = f"{len(arrays):,} arrays, {len(cells) - len(arrays):,} images or paths"
        raise DataError("images of several forms", found=found, expected="one form", where=part)
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        found = " and ".join(map(str, sorted(shapes)[:SHOWN_ITEMS]))
        hint = "Resize them to one shape first; `resize` is for image files and images of Pillow."
        raise DataError("arrays of different shapes", found=found, expected="one shape", where=part, hint=hint)
    return np.stack(arrays)


def _has_objects(cells: Any) -> bool:
    """Whether an array holds texts or objects, each of which is a cell."""
    return isinstance(cells, np.ndarray) and cells.dtype.kind in "OUTS"


def _cell(cell: Any, where: str, folder: Path | None) -> Path | bytes | Image.Image | np.ndarray:
    """An image of any form. Raises DataError for other values."""
    if isinstance(cell, Mapping) and ("bytes" in cell or "path" in cell):
        cell = cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return bytes(cell)
    if isinstance(cell, (str, os.PathLike)):
        return (folder or Path()) / Path(cell).expanduser()
    if any(kind.__module__ == "PIL.Image" for kind in type(cell).__mro__):
        return cell  # type: ignore[no-any-return]
    if is_array(cell) or isinstance(cell, (list, tuple)):
        return as_array(cell, where)
    expected = "a path, bytes, an image of Pillow, or an array"
    raise DataError("not an image", found=shown(cell), expected=expected, where=where)


def with_channels_last(
    images: np.ndarray, channels: Channels | None, tensors: bool, where: str
) -> tuple[np.ndarray, str | None]:
    """(N, H, W, C) of (N, C, H, W), and a remark if that was decided here; other arrays unchanged. channels: "first" or
    "last", as the caller says. Without it only tensors are transposed, and only if no other reading is possible.
    Otherwise raises DataError, with the argument to give.
    """
    if images.ndim != 4 or channels == "last":
        return images, None
    first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
    if channels == "first":
        if not first:
            expected = f"(N, C, H, W) with C one of {CHANNELS}"
            raise DataError("channels do not come first", found=f"shape {images.shape}", expected=expected, where=where)
        return np.moveaxis(images, 1, 3), None
    if first and (not last or tensors):
        if tensors and not last:
            return np.moveaxis(images, 1, 3), f"{where}: tensors of shape {images.shape[1:]} are read as (C, H, W)."
        hint = 'Say where the channels are: channels="first" or channels="last".'
        expected = "(N, H, W, C)"
        raise DataError(
            "channels may come first", found=f"shape {images.shape}", expected=expected, where=where, hint=hint
        )
    return images, None
