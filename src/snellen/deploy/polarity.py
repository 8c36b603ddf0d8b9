"""Warns of pictures that look like negatives of the training pictures, and inverts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.data.inspect.polarity import Polarity, polarity_of
from snellen.deploy.pictures import Batch
from snellen.models.bundle import Description


def inverted(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, H, W, C) float32 with black and white swapped; alpha, the fourth channel, is unchanged."""
    swapped = images.astype(np.float32)
    swapped[..., :3] = sum(pixel_range) - swapped[..., :3]
    return swapped


def polarity_warning(batches: Sequence[Batch], trained: Description, invert: bool) -> str | None:
    """A warning when the pictures, after `invert` if it is set, look like negatives of the training pictures; or None.

    None also for bundles that do not store the polarity of their training pictures.
    """
    if trained.tone is None or not sum(len(batch.ids) for batch in batches):
        return None
    found = _polarity(batches, trained)
    shown = Polarity(border=1 - found.border, mean=1 - found.mean) if invert else found
    if not shown.is_inverse_of(trained.tone):
        return None
    light, dark = ("light", "dark") if shown.border > 0.5 else ("dark", "light")
    advice = "without --invert" if invert else "with --invert, which swaps black and white"
    return (
        f"Warning: these pictures have a {light} border ({shown.border:.2f} of white), the training pictures a {dark} "
        f"one ({trained.tone.border:.2f}), so the predictions may be wrong. Try {advice}."
    )


def _polarity(batches: Sequence[Batch], trained: Description) -> Polarity:
    low, high = trained.input.pixel_range
    pictures = sum(batch.images.sum(axis=0, dtype=np.float64) for batch in batches)
    return polarity_of((np.asarray(pictures) / sum(len(batch.ids) for batch in batches) - low) / (high - low))
