"""Dark ink on light paper or the other way round: what the border of pictures tells of their polarity."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

CLEAR = 0.2
"""How far from middle grey a mean border must be to tell: digits have 0.1 to 0.2, their inversion 0.8 to 0.9, the
photographs of CIFAR-10 0.47."""

Level = Annotated[float, Field(ge=0, le=1)]


class Tone(BaseModel):
    """Means over pictures with black as 0 and white as 1: of the outermost pixels, and of all."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    border: Level
    mean: Level

    def is_inverse_of(self, other: Tone) -> bool:
        """Whether the border is clearly light where that of `other` is clearly dark, or the other way round."""
        one, two = self.border - 0.5, other.border - 0.5
        return min(abs(one), abs(two)) > CLEAR and one * two < 0


def tone_of(image: np.ndarray) -> Tone:
    """That of a mean picture (H, W, C) with values from 0 to 1; alpha, where there is some, is left out."""
    colours = np.clip(image[..., :3], 0, 1)
    inner = np.zeros(colours.shape[:2], bool)
    inner[1:-1, 1:-1] = True
    return Tone(border=float(colours[~inner].mean()), mean=float(colours.mean()))
