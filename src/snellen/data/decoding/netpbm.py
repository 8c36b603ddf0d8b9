"""Netpbm images (PBM, PGM, PPM) that Pillow would round or read pixel by pixel: text, and any maximum value.

Format: https://netpbm.sourceforge.net/doc/pgm.html. The header names the value of white, 1 to 65535.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from snellen.data.slices import row_slices
from snellen.errors import DataError
from snellen.limits import MAX_TEXT_VALUES

if TYPE_CHECKING:
    from PIL import ImageFile

COMMENT = re.compile(rb"#[^\r\n]*")
BYTE, WIDE = 255, 65535
MAX_DIGITS = 16
"""The most characters of a number with the space around it."""


def netpbm_pixels(image: ImageFile.ImageFile, content: bytes) -> np.ndarray | None:
    """(H, W, C) pixels of a Netpbm file, white 255 as uint8 or 65535 as float32; None for forms that Pillow reads
    exactly. Raises DataError if values are missing, or above the maximum in the header.
    """
    if image.format != "PPM" or image.mode not in ("1", "L", "I", "RGB"):
        return None
    [tile] = image.tile
    if tile.codec_name == "raw" and image.mode != "I":
        return None
    bits = image.mode == "1"
    white = 1 if bits else WIDE if tile.codec_name == "raw" else int(tile.args[1])  # type: ignore[index]
    shape = (image.height, image.width, len(image.getbands()))
    count = shape[0] * shape[1] * shape[2]
    if tile.codec_name == "ppm_plain":
        numbers = _text(content[tile.offset :], count, bits)
    else:
        data_type = np.dtype(">u2" if white > BYTE else "u1")
        stored = (len(content) - tile.offset) // data_type.itemsize
        numbers = np.frombuffer(content, data_type, min(count, stored), tile.offset)
    if len(numbers) < count:
        raise DataError("the image ends early", found=f"{len(numbers):,} values", expected=f"{count:,}")
    if numbers.min() < 0 or numbers.max() > white:
        found = f"{numbers.min()} to {numbers.max()}"
        raise DataError("pixels beyond the greatest value of the header", found=found, expected=f"0 to {white}")
    return _scaled((1 - numbers if bits else numbers).reshape(shape), white)


def _scaled(values: np.ndarray, white: int) -> np.ndarray:
    """Pixels up to `white`, scaled to white 255 (rounded), or to 65535 if `white` is larger."""
    is_wide = white > BYTE
    pixels = np.empty(values.shape, np.float32 if is_wide else np.uint8)
    for rows in row_slices(values):
        exact = values[rows] * np.float64((WIDE if is_wide else BYTE) / white)
        pixels[rows] = exact if is_wide else np.rint(exact)
    return pixels


def _text(values: bytes, count: int, bits: bool) -> np.ndarray:
    """(n,) int64; the bits of a PBM file may have no space between them."""
    if count > MAX_TEXT_VALUES:
        expected = f"at most {MAX_TEXT_VALUES:,}"
        raise DataError("an image written as text is too large", found=f"{count:,} values", expected=expected)
    text = COMMENT.sub(b" ", values)[: MAX_DIGITS * count]
    if bits:
        digits = np.frombuffer(text, np.uint8) - ord("0")
        return digits[digits <= 1][:count].astype(np.int64)
    return np.array([int(number) for number in text.split(None, count)[:count]], np.int64)
