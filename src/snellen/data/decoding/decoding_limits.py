"""Limits for decoding one image: reads, bytes, pixels, tiles and metadata.

Pillow limits pixels and compressed text only. A JPEG of empty markers, a PNG of empty chunks, or a TIFF whose tags
share their bytes or whose only tile is a thousand times the image would take minutes or gigabytes.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from snellen.data.resizing import Resizing
from snellen.errors import DataError
from snellen.limits import (
    MAX_DECODED_BYTES,
    MAX_EXIF_BYTES,
    MAX_HEADER_PIXELS,
    MAX_IMAGE_READS,
    MAX_REDUCED_BYTES,
    MAX_RUN_READS,
    MAX_TILE_PIXELS,
)

if TYPE_CHECKING:
    from PIL import Image, ImageFile

EXIF_PLACES = {"exif": 1, "Raw profile type exif": 2}
"""Pillow's keys for EXIF data, and characters per byte: PNG may store them as hexadecimal text."""

TILE_WIDTH, TILE_HEIGHT, ORIENTATION = 322, 323, 274
REDUCTION = 4
"""A JPEG too large to be decoded whole is decoded at a quarter of its width and height: its decoder averages."""


class LimitedReads(io.BytesIO):
    """The content of an image file, with limits on the number of reads and on the bytes read in total."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.reads_left = MAX_IMAGE_READS
        self.bytes_left = 4 * len(content) + 2**20

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.reads_left -= 1
        self.bytes_left -= len(content)
        if self.reads_left < 0:
            raise DataError("an image file of too many pieces", expected=f"at most {MAX_IMAGE_READS:,}")
        if self.bytes_left < 0:
            raise DataError("an image file that uses the same bytes many times", expected="each once")
        return content

    def allow_runs(self, num_pixels: int) -> None:
        """Allows more reads for a run-length encoded BMP, which Pillow reads byte by byte."""
        self.reads_left += min(2 * num_pixels, MAX_RUN_READS)


def check_pixels(image: ImageFile.ImageFile) -> None:
    """Raises DataError for an image above the limit of pixels, and for tiles much larger than the image."""
    num_pixels = image.width * image.height
    if num_pixels > MAX_HEADER_PIXELS:
        found, expected = f"{image.height}x{image.width} pixels", f"at most {MAX_HEADER_PIXELS:,}"
        raise DataError("image too large", found=found, expected=expected)
    tags = getattr(image, "tag_v2", {})
    sides = [tags.get(tag, 1) for tag in (TILE_WIDTH, TILE_HEIGHT)]
    if not all(type(side) is int for side in sides) or sides[0] * sides[1] > max(MAX_TILE_PIXELS, 2 * num_pixels):
        raise DataError("tiles larger than the image", found=sides, expected=f"at most {image.width}x{image.height}")


def limit_memory(image: ImageFile.ImageFile, resizing: Resizing | None) -> None:
    """Has a large JPEG decoded at a smaller size when it is resized anyway. Raises DataError for too much memory.

    Decoding and resizing hold an image about four times in memory; WebP and progressive JPEG two times more.
    """
    channels = 4 if image.has_transparency_data or image.mode == "CMYK" else 1 if image.mode in ("1", "L") else 3
    if image.mode.startswith(("I", "F")):
        channels = 1
    wide = ";16" in raw_mode(image) or image.mode.startswith("I") or image.format == "PPM"
    value_bytes = 4 if image.mode in ("I", "F") else 2 if wide else 1
    num_bytes = image.width * image.height * channels * value_bytes
    needed = num_bytes * (2 if image.format == "WEBP" or "progressive" in image.info else 1)
    if needed <= MAX_DECODED_BYTES:
        return
    if image.format in ("JPEG", "MPO") and resizing and resizing.interpolates and num_bytes <= MAX_REDUCED_BYTES:
        image.draft(None, (image.width // REDUCTION, image.height // REDUCTION))
        return
    most = MAX_DECODED_BYTES * image.width * image.height // needed
    found, expected = f"{image.height}x{image.width} pixels", f"at most {most:,} of this kind"
    hint = "Make it smaller first; as JPEG it can be read with `resize`."
    raise DataError("image too large", found=found, expected=expected, hint=hint)


def raw_mode(image: ImageFile.ImageFile) -> str:
    """Pillow's name for the pixel format of the file: `RGB;16B`."""
    tile = image.tile[0] if image.tile else None
    arguments = tile.args if tile and isinstance(tile.args, tuple) else (tile and tile.args,)
    return str(arguments[0]) if arguments else ""


def shorten_metadata(image: Image.Image) -> None:
    """Leaves only the orientation of EXIF data that are longer than in a JPEG: each tag may refer to all bytes."""
    from PIL.Image import Exif

    for place, characters in EXIF_PLACES.items():
        data = image.info.get(place) or b""
        if len(data) > characters * MAX_EXIF_BYTES:
            short = Exif()
            short[ORIENTATION] = _orientation(data if isinstance(data, bytes) else _from_text(data))
            del image.info[place]
            image.info.setdefault("exif", short.tobytes())


def _from_text(profile: str) -> bytes:
    """EXIF data as ImageMagick writes them: three lines, then hexadecimal numbers."""
    return bytes.fromhex("".join(profile.split("\n")[3:]))


def _orientation(exif: bytes) -> int:
    """The orientation in the first directory of EXIF data (EXIF 2.3, 4.6.2), 1 where there is none."""
    data = exif.removeprefix(b"Exif\0\0")
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(f"{order}I", data, 4)[0]
    for number in range(struct.unpack_from(f"{order}H", data, start)[0]):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", data, start + 2 + 12 * number)
        if tag == ORIENTATION:
            return int(value)
    return 1
