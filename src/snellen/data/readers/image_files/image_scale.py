"""The values of black and white of image files: those of their format, or those that the study gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from snellen.data.decoding.channels import DEPTHS
from snellen.data.decoding.decoder import DecodedImage
from snellen.data.readers.pixels import pixel_remarks
from snellen.data.readers.reader import Options
from snellen.errors import StudyError


def depths_of(images: Sequence[DecodedImage]) -> Counter[int]:
    """Bits a channel of decoded images, 8, 16 or 32, each with the number of images."""
    return Counter(image.bits for image in images)


def image_scale(
    depths: Counter[int], images: np.ndarray, options: Options
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Black and white of (N, H, W, C) images in their common format, and remarks.

    Raises StudyError for a `pixel_range` with images of several depths, an alpha channel, or a black border.
    """
    if options.pixel_range is None:
        scale = (0.0, DEPTHS[images.dtype])
        return scale, pixel_remarks([images], scale, given=False)
    where, given = "data: pixel_range", f"[{options.pixel_range[0]:g}, {options.pixel_range[1]:g}]"
    if len(depths) > 1:
        found = " and ".join(f"{number:,} of {bits} bits" for bits, number in sorted(depths.items()))
        raise StudyError("one range for images of two kinds", found=found, expected="one kind", where=where)
    if images.shape[3] == 4:
        hint = "Say `background: white` (or black) to fill transparent areas, or save the images without transparency."
        raise StudyError("transparent images with a range of their own", found=given, where=where, hint=hint)
    if options.pixel_range[0] != 0 and options.resizing and options.resizing.step == "pad":
        hint = "Use `resize` or `crop`, or a range from 0."
        raise StudyError("a black border where black is not 0", found=given, where=where, hint=hint)
    return options.pixel_range, pixel_remarks([images], options.pixel_range, given=True)
