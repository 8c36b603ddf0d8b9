"""Whatever a user wants predicted, as pictures that fit the model: image files, arrays, data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snellen.data.npz import read_lone_array
from snellen.data.readers import read
from snellen.data.source import Options
from snellen.errors import DataError, SnellenError, located
from snellen.limits import MAX_HEADER_PIXELS

if TYPE_CHECKING:
    from PIL import Image

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures of one source. images: (N, H, W, C). labels: (N,) int64 where the source has them. test: (N,) bool, the
    official test part, where the source has one."""

    ids: list[str]
    images: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    test: np.ndarray | None = None


def open_pictures(sources: Sequence[str], channels: int, data_folder: Path | None) -> Iterator[Batch]:
    """One batch a source: an image file, a folder of image files, .npy, .npz, or anything a study can read.

    channels: those of the model; image files are converted only where nothing is lost. Raises DataError naming the
    file.
    """
    for source in sources:
        path = Path(source)
        with located(source) if path.exists() else nullcontext():
            yield _open(source, path, channels, data_folder)


def _open(source: str, path: Path, channels: int, data_folder: Path | None) -> Batch:
    if path.suffix.lower() in PICTURES and path.is_file():
        return Batch([path.name], read_picture(path, channels)[None])
    if path.is_dir() and (files := sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURES)):
        pictures = [_read_located(file, channels) for file in files]
        sizes = {picture.shape for picture in pictures}
        if len(sizes) > 1:
            raise DataError("pictures of different sizes", found=", ".join(map(str, sorted(sizes)[:5])))
        return Batch([file.name for file in files], np.stack(pictures))
    if path.suffix.lower() in (".npy", ".npz") and path.is_file() and (batch := _unlabelled(path)):
        return batch
    dataset = read(source, Options(), data_folder)
    return Batch(dataset.ids.tolist(), dataset.images, dataset.labels, dataset.classes, dataset.official_test)


def read_picture(path: Path, channels: int) -> np.ndarray:
    """(H, W, C) uint8 of an image file with 8 bits a channel, turned as its EXIF says.

    Raises DataError when it is no picture, too large (by its header), or has colours that a grey model cannot see.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_HEADER_PIXELS:
                raise DataError("picture too large", found=f"{opened.width}x{opened.height} pixels")
            picture = ImageOps.exif_transpose(opened)
            return _converted(picture, channels)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        if isinstance(error, SnellenError):
            raise
        raise DataError(f"not a readable picture ({error})") from error


def _converted(picture: Image.Image, channels: int) -> np.ndarray:
    """The pixels in the model's channels, if that loses nothing."""
    from PIL import Image

    if picture.mode in ("I", "I;16", "F"):
        raise DataError("more than 8 bits a channel", found=f"mode {picture.mode}", expected="an 8-bit picture")
    if picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    pixels = np.asarray(picture.convert(MODES[channels]))
    if not np.array_equal(np.asarray(picture.convert("RGBA")), np.asarray(Image.fromarray(pixels).convert("RGBA"))):
        found = f"mode {picture.mode}"
        raise DataError("converting would lose colour or transparency", found=found, expected=MODES[channels])
    return pixels.reshape(picture.height, picture.width, channels)


def _read_located(file: Path, channels: int) -> np.ndarray:
    with located(file.name):
        return read_picture(file, channels)


def _unlabelled(path: Path) -> Batch | None:
    """The pictures of an array file that holds nothing else, or None."""
    array = read_lone_array(path)
    if array is None:
        return None
    images = array[..., None] if array.ndim == 3 else array
    return Batch([f"{path.name}:{row}" for row in range(len(images))], images)
