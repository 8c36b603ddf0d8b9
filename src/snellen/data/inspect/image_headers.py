"""The headers of image files, read without decoding the pixels: sizes, formats, colour models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.decoding.decoder import FORMATS, in_threads, is_image
from snellen.data.decoding.decoding_limits import ORIENTATION, shorten_metadata
from snellen.data.decoding.png_metadata import without_metadata
from snellen.data.decoding.tiff_stack import file_name
from snellen.data.inspect.class_images import random_rows
from snellen.data.readers.image_files.image_zip import is_zip_of_images, opened_images
from snellen.data.streams import open_data, readable
from snellen.errors import located
from snellen.limits import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from PIL import Image

MODES = {
    **{"1": "black and white", "L": "grey", "P": "palette", "RGB": "colour", "CMYK": "CMYK", "YCbCr": "colour"},
    **{"LA": "grey with alpha", "PA": "palette with alpha", "RGBA": "colour with alpha"},
    **{"I": "grey, 16 bits", "I;16": "grey, 16 bits", "I;16B": "grey, 16 bits", "I;16L": "grey, 16 bits"},
}
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""

MAX_FILES = 10_000
"""Most files whose headers are read, which takes a second."""


@dataclass(frozen=True)
class ImageHeader:
    """An image file by its header: height and width in pixels as displayed, format, and colour model in words."""

    height: int
    width: int
    format: str
    colours: str


def sample_headers(dataset: Dataset, source: Path) -> list[ImageHeader]:
    """The headers of at most MAX_FILES images of a data set that was read from `source`, a folder, a manifest or a
    zip archive of images; none when its rows are not files."""
    if not is_zip_of_images(source):
        return read_headers(sample_files(dataset, source))
    names = _sample_names(dataset)
    with opened_images(source) as archive:
        return in_threads(lambda name: _header_from(name, BytesIO(archive.read(name))), names)


def sample_files(dataset: Dataset, source: Path) -> list[Path]:
    """At most MAX_FILES image files of a data set that was read from `source`; none when its rows are not files."""
    folder = source if source.is_dir() else source.parent
    files = [folder / name for name in _sample_names(dataset) if is_image(Path(name))]
    return [file for file in files if file.is_file()]


def _sample_names(dataset: Dataset) -> list[str]:
    """The files, each once, if rows are pages of them."""
    rows = random_rows(dataset, np.arange(len(dataset)), MAX_FILES, seed=0)
    return list(dict.fromkeys(map(file_name, dataset.ids[rows].tolist())))


def read_headers(files: Sequence[Path]) -> list[ImageHeader]:
    """The header of each file. Raises DataError naming the first file that cannot be read."""
    return in_threads(_read_header, files)


def header_counts(headers: Sequence[ImageHeader]) -> dict[str, list[tuple[str, int]]]:
    """The frequencies of sizes ("height × width"), formats and colour models, most frequent first."""
    return {
        "sizes": Counter(f"{each.height} × {each.width}" for each in headers).most_common(),
        "formats": Counter(each.format for each in headers).most_common(),
        "colours": Counter(each.colours for each in headers).most_common(),
    }


def _read_header(file: Path) -> ImageHeader:
    with located(file.name), readable(), open_data(file, MAX_IMAGE_BYTES) as stream:
        return _header_from(file.name, stream)


def _header_from(name: str, stream: BytesIO | BufferedReader) -> ImageHeader:
    from PIL import Image

    if name.lower().endswith(".png"):  # Pillow reads the complete file for its orientation
        stream = BytesIO(without_metadata(stream.read()))
    with readable(), Image.open(stream, formats=FORMATS) as image:
        return _header_of(image)


def _header_of(image: Image.Image) -> ImageHeader:
    shorten_metadata(image)
    width, height = image.size
    if image.getexif().get(ORIENTATION) in SIDEWAYS:
        width, height = height, width
    return ImageHeader(height, width, image.format or "", MODES.get(image.mode, image.mode))
