"""One size for all pictures: a resize, a crop or a pad, the same for training and for prediction."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from snellen.errors import StudyError
from snellen.limits import MAX_SIDE_PIXELS

STEPS = ("resize", "crop", "pad")
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PIXELS, strict=True)]


class Resizing(BaseModel):
    """How pictures get the size `height` x `width`, in pixels.

    resize: stretched or shrunk, bilinear with antialiasing, which adds no value outside the picture's own range;
    proportions are not kept. crop: the centre of the picture. pad: a black border (transparent where there is alpha).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: Literal["resize", "crop", "pad"]
    height: Side
    width: Side

    def apply(self, images: np.ndarray, black: float = 0) -> np.ndarray:
        """(N, height, width, C) of (N, H, W, C) pictures, in their dtype, which must be able to hold `black`.

        Raises StudyError when they are too small to crop or too large to pad: the study is wrong, not the files.
        """
        found = images.shape[1:3]
        if found == (self.height, self.width):
            return images
        if self.step == "resize":
            return np.stack([_resized(picture, (self.width, self.height)) for picture in images])
        small, large = (found, (self.height, self.width))[:: 1 if self.step == "pad" else -1]
        if small[0] > large[0] or small[1] > large[1]:
            size, target = (f"{height}x{width} pixels" for height, width in (found, (self.height, self.width)))
            verb = "large to pad" if self.step == "pad" else "small to crop"
            raise StudyError(
                f"a picture too {verb} to {target}", found=size, hint="`resize` takes pictures of any size."
            )
        top, left = (large[0] - small[0]) // 2, (large[1] - small[1]) // 2
        if self.step == "crop":
            return images[:, top : top + small[0], left : left + small[1]]
        padded = np.full((len(images), *large, images.shape[3]), black, images.dtype)
        padded[:, top : top + small[0], left : left + small[1]] = images
        return padded


def _resized(picture: np.ndarray, width_height: tuple[int, int]) -> np.ndarray:
    """(H, W, C) of another size: uint8 in one piece (colours weighted by alpha), floats channel by channel."""
    from PIL import Image

    def resize(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(pixels).resize(width_height, Image.Resampling.BILINEAR))

    if picture.dtype == np.uint8 and picture.shape[2] > 1:
        return resize(picture)
    return np.stack([resize(np.ascontiguousarray(picture[..., channel])) for channel in range(picture.shape[2])], -1)
