"""Polarity: dark ink on light paper or light on dark, judged by the border of the images."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

CLEAR = 0.2
"""The distance of the mean border from middle grey from which on polarity is clear: borders of digits have 0.1 to 0.2,
inverted ones 0.8 to 0.9, the photographs of CIFAR-10 0.47."""

Level = Annotated[float, Field(ge=0, le=1)]


class Polarity(BaseModel):
    """Mean brightness of images, from 0 (black) to 1 (white), of the outermost pixels and of all pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    border: Level
    mean: Level

    def is_inverse_of(self, other: Polarity) -> bool:
        """Whether one of the two borders is clearly light and the other one clearly dark."""
        one, two = self.border - 0.5, other.border - 0.5
        return min(abs(one), abs(two)) > CLEAR and one * two < 0


def polarity_of(image: np.ndarray) -> Polarity:
    """The polarity of a mean image (H, W, C) with values from 0 to 1; alpha is left out."""
    colours = np.clip(image[..., :3], 0, 1)
    inner = np.zeros(colours.shape[:2], bool)
    inner[1:-1, 1:-1] = True
    return Polarity(border=float(colours[~inner].mean()), mean=float(colours.mean()))
