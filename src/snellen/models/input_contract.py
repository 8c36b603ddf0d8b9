"""The input contract of a model: the size, channels and pixel values that its images have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from snellen.data.decoding.channels import Background
from snellen.data.resizing import Resizing
from snellen.limits import MAX_SIDE_PIXELS

Pixels = Annotated[int, Field(ge=1, le=MAX_SIDE_PIXELS)]


class Input(BaseModel):
    """The input contract: size in pixels, channels, and the stored values that mean black and white.

    fit: how images of other sizes got this one in training. grey: whether colours then became luma. background: what
    transparent ones were composited over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    height: Pixels
    width: Pixels
    channels: Annotated[int, Field(ge=1, le=4)]
    pixel_range: tuple[float, float]
    fit: Resizing | None = None
    grey: bool = False
    background: Background | None = None

    @model_validator(mode="after")
    def _is_grey(self) -> Input:
        if self.grey and self.channels != 1:
            raise ValueError(f"grey images have 1 channel, not {self.channels}")
        return self

    @model_validator(mode="after")
    def _fits_its_size(self) -> Input:
        if self.fit and (self.fit.height, self.fit.width) != (self.height, self.width):
            raise ValueError(f"fit makes {self.fit.height}x{self.fit.width}, not {self.height}x{self.width}")
        return self

    @model_validator(mode="after")
    def _black_is_below_white(self) -> Input:
        if self.pixel_range[0] >= self.pixel_range[1]:
            raise ValueError(f"pixel_range must rise; got {self.pixel_range}")
        return self
