"""Warns of images that look like negatives of the training images, and inverts them."""

from __future__ import annotations

import numpy as np

from snellen.data.inspect.polarity import Polarity, polarity_of
from snellen.models.bundle import Description


def inverted(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, H, W, C) float32 with black and white swapped; alpha, the fourth channel, is unchanged."""
    swapped = images.astype(np.float32)
    swapped[..., :3] = sum(pixel_range) - swapped[..., :3]
    return swapped


def polarity_warning(mean: np.ndarray, trained: Description, invert: bool) -> str | None:
    """A warning if images, after `invert` if it is set, look like negatives of the training images; or None.

    mean: (H, W, C), the mean of the images, on the scale of the model. None also for bundles that do not store the
    polarity of their training images.
    """
    if trained.tone is None:
        return None
    low, high = trained.input.pixel_range
    found = polarity_of((mean - low) / (high - low))
    shown = Polarity(border=1 - found.border, mean=1 - found.mean) if invert else found
    if not shown.is_inverse_of(trained.tone):
        return None
    light, dark = ("light", "dark") if shown.border > 0.5 else ("dark", "light")
    advice = "without --invert" if invert else "with --invert, which swaps black and white"
    return (
        f"Warning: these images have a {light} border ({shown.border:.2f} of white), the training images a {dark} "
        f"one ({trained.tone.border:.2f}), so the predictions may be wrong. Try {advice}."
    )
