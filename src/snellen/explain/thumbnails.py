"""The images that a report shows, copied from the data set so that the report does not need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.limits import MAX_SIDE_PIXELS


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """M images. rows: (M,) int64, rows of the data set. images: (M, H, W, C) uint8, 0..255."""

    rows: np.ndarray
    images: np.ndarray


def draw(dataset: Dataset, rows: np.ndarray) -> Thumbnails:
    """The images of `rows`, each once, in ascending order."""
    chosen = np.unique(np.asarray(rows, np.int64))
    return Thumbnails(chosen, to_uint8(dataset.images[chosen], dataset.pixel_range))


def to_uint8(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """`images` as uint8 of the same shape: pixel_range becomes 0..255, values outside are clipped."""
    low, high = pixel_range
    shares = (images.astype(np.float32) - low) / (high - low)
    return (shares.clip(0, 1) * 255).round().astype(np.uint8)


def variation(deviations: np.ndarray) -> np.ndarray:
    """(K, H, W, C) standard deviations of pixels as uint8 images: the largest of all is white; alpha is opaque."""
    colours = np.nan_to_num(deviations)
    colours[..., 3:] = 0
    drawn = to_uint8(colours, (0.0, float(colours.max()) or 1.0))
    drawn[..., 3:] = 255
    return drawn


def save_thumbnails(path: Path, thumbnails: Thumbnails) -> None:
    """Writes thumbnails as safetensors."""
    tensors.save(path, {"rows": thumbnails.rows, "images": thumbnails.images})


def load_thumbnails(path: Path) -> Thumbnails:
    """Reads what `save_thumbnails` wrote. Raises IdentityError if the file is damaged."""
    arrays, _ = tensors.load(path)
    with located(str(path)):
        return Thumbnails(*checked_arrays(arrays, "rows", "images"))


def checked_arrays(arrays: Mapping[str, np.ndarray], rows: str, images: str) -> tuple[np.ndarray, np.ndarray]:
    """The arrays of these names: (M,) int64 rows and (M, H, W, C) uint8 images. Raises IdentityError for other
    arrays."""
    of_rows = tensors.array(arrays, rows, np.int64, (None,))
    found = tensors.array(arrays, images, np.uint8, (len(of_rows), None, None, None))
    height, width, channels = found.shape[1:]
    if not (0 < height <= MAX_SIDE_PIXELS and 0 < width <= MAX_SIDE_PIXELS and 0 < channels <= 4):
        raise IdentityError("images of an impossible size", found=found.shape[1:])
    return of_rows, found
