"""Resizes, crops or pads images to one size, in the same way for training and for prediction."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from snellen.errors import StudyError
from snellen.limits import MAX_SIDE_PIXELS

STEPS = ("resize", "resize_crop", "crop", "pad")
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PIXELS, strict=True)]


class Resizing(BaseModel):
    """How images get the size `height` x `width`, in pixels. resize: bilinear with antialiasing, which adds no value
    outside the image's range; proportions are not kept. resize_crop: resizes the largest part in the middle that has
    the proportions of the new size, as `crop_to_aspect_ratio` of Keras. crop: the centre of the image. pad: a black
    border (transparent if there is alpha).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: Literal["resize", "resize_crop", "crop", "pad"]
    height: Side
    width: Side

    @property
    def interpolates(self) -> bool:
        """Whether new values between those of pixels may occur."""
        return self.step in ("resize", "resize_crop")

    def apply(self, images: np.ndarray, black: float = 0) -> np.ndarray:
        """(N, height, width, C) of (N, H, W, C) images, in their dtype, which must be able to represent `black`. Raises
        StudyError, not DataError, if they are too small to crop or too large to pad, because the study is wrong.
        """
        found = images.shape[1:3]
        if found == (self.height, self.width):
            return images
        if self.interpolates:
            box = self._middle(*found) if self.step == "resize_crop" else None
            return np.stack([_resized(image, (self.width, self.height), box) for image in images])
        small, large = (found, (self.height, self.width))[:: 1 if self.step == "pad" else -1]
        if small[0] > large[0] or small[1] > large[1]:
            size, target = (f"{height}x{width} pixels" for height, width in (found, (self.height, self.width)))
            verb = "large to pad" if self.step == "pad" else "small to crop"
            raise StudyError(f"an image too {verb} to {target}", found=size, hint="`resize` takes images of any size.")
        top, left = (large[0] - small[0]) // 2, (large[1] - small[1]) // 2
        if self.step == "crop":
            return images[:, top : top + small[0], left : left + small[1]]
        padded = np.full((len(images), *large, images.shape[3]), black, images.dtype)
        padded[:, top : top + small[0], left : left + small[1]] = images
        return padded

    def _middle(self, height: int, width: int) -> Box:
        """The largest part in the middle of an image that has the proportions of the new size."""
        scale = min(height / self.height, width / self.width)
        left, top = (width - scale * self.width) / 2, (height - scale * self.height) / 2
        return max(0.0, left), max(0.0, top), min(width, width - left), min(height, height - top)


def _resized(image: np.ndarray, width_height: tuple[int, int], box: Box | None = None) -> np.ndarray:
    """(H, W, C) of another size, from the part inside `box`: uint8 as a whole (colours weighted by alpha), floats
    channel by channel."""
    from PIL import Image

    def resize(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(pixels).resize(width_height, Image.Resampling.BILINEAR, box))

    if image.dtype == np.uint8 and image.shape[2] > 1:
        return resize(image)
    return np.stack([resize(np.ascontiguousarray(image[..., channel])) for channel in range(image.shape[2])], -1)
