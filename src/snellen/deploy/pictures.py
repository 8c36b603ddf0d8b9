"""Reads the pictures to predict, image files, arrays or data sets, in the form that the model takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.load import read
from snellen.data.pictures import DEPTHS, decode, in_threads, is_picture, with_channels
from snellen.data.preprocessing import grey_images, resize_images
from snellen.data.readers.npz import read_lone_array
from snellen.data.readers.reader import Options
from snellen.data.readers.registry import holds_picture_files
from snellen.data.readers.text import check_text
from snellen.data.streams import exists, reachable
from snellen.errors import DataError, located
from snellen.limits import MAX_SIDE_PIXELS
from snellen.models.bundle import Input


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures of one source. images: (N, H, W, C). labels: (N,) int64, test: (N,) bool for the official test part, and
    data_sha256, the fingerprint of a data set; each None when the source has none."""

    ids: list[str]
    images: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    test: np.ndarray | None = None
    data_sha256: str | None = None


def open_pictures(sources: Sequence[str], contract: Input, data_folder: Path | None) -> Iterator[Batch]:
    """One batch for each source: an image file, a folder of image files, .npy, .npz, or anything a study can read.

    contract: the input of the model. Pictures are resized and made grey like its training pictures; image files also
    get its channels, if nothing is lost, and its pixel range. Raises DataError naming the file."""
    for source in sources:
        path = Path(source)
        with located(source) if exists(path) else nullcontext(), reachable():
            yield _open(source, path, contract, data_folder)


def _open(source: str, path: Path, contract: Input, data_folder: Path | None) -> Batch:
    check_text(path.name, "a file or folder name")
    if is_picture(path) and path.is_file():
        return Batch([path.name], read_picture(path, contract)[None])
    if path.is_dir() and (files := sorted(each for each in path.iterdir() if is_picture(each))):
        return _open_files(files, contract)
    if path.suffix.lower() in (".npy", ".npz") and path.is_file() and (batch := _unlabelled(path, contract)):
        return batch
    decoded = path.exists() and holds_picture_files(path)
    background, grey = (contract.background, False) if decoded else (None, contract.grey)
    dataset = read(source, Options(resizing=contract.fit, grey=grey, background=background), data_folder)
    images = _as_input(dataset.images, dataset.pixel_range[1], contract) if decoded else dataset.images
    return Batch(
        dataset.ids.tolist(), images, dataset.labels, dataset.classes, dataset.official_test, dataset.fingerprint
    )


def _open_files(files: Sequence[Path], contract: Input) -> Batch:
    def read_located(file: Path) -> np.ndarray:
        with located(file.name):
            check_text(file.name, "a file name")
            return read_picture(file, contract)

    pictures = in_threads(read_located, files)
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise DataError("pictures of different sizes", found=", ".join(map(str, sorted(sizes)[:5])))
    return Batch([file.name for file in files], np.stack(pictures))


def read_picture(path: Path, contract: Input) -> np.ndarray:
    """(H, W, C) of an image file, decoded as in training, with the channels and the pixel range of a model.

    Raises DataError when it is not a picture, too large (by its header), or in colour for a grey model.
    """
    picture = decode(path, contract.fit, contract.background)
    if max(picture.shape[:2]) > MAX_SIDE_PIXELS:  # not decoded: see `decode`
        found, expected = (f"{size[0]}x{size[1]} pixels" for size in (picture.shape, (contract.height, contract.width)))
        raise DataError("the picture does not fit the model", found=found, expected=expected)
    return _as_input(picture, DEPTHS[picture.dtype], contract)


def _as_input(picture: np.ndarray, own_white: float, contract: Input) -> np.ndarray:
    """Decoded pictures (..., H, W, C), whose black is 0, with the model's channels and pixel range."""
    channels = min(picture.shape[-1], 3) if contract.grey else contract.channels
    converted, (black, white) = with_channels(picture, channels), contract.pixel_range
    if (black, white) != (0, own_white):
        converted = (black + converted * ((white - black) / own_white)).astype(np.float32)
    return grey_images(converted, contract.pixel_range) if contract.grey else converted


def _unlabelled(path: Path, contract: Input) -> Batch | None:
    """The pictures of a file with a single array; None for other files."""
    array = read_lone_array(path)
    if array is None:
        return None
    images = array[..., None] if array.ndim == 3 else array
    if contract.fit and images.ndim == 4:
        images = resize_images(images, contract.fit, contract.pixel_range)
    if contract.grey and images.ndim == 4:
        images = grey_images(images, contract.pixel_range)
    return Batch([f"{path.name}:{row}" for row in range(len(images))], images)
