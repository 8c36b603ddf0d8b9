"""Pictures whose black is the white of those that a model was trained with: noticed, and turned round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.data.inspect.polarity import Polarity, polarity_of
from snellen.deploy.pictures import Batch
from snellen.models.bundle import Description


def inverted(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, H, W, C) float32 with black and white exchanged; alpha, as the fourth channel, stays."""
    turned = images.astype(np.float32)
    turned[..., :3] = sum(pixel_range) - turned[..., :3]
    return turned


def polarity_warning(batches: Sequence[Batch], trained: Description, invert: bool) -> str | None:
    """One line when all pictures together, inverted where `invert` says so, look like negatives of the training ones.

    None as well for bundles that do not tell the tone of their training pictures.
    """
    if trained.tone is None or not sum(len(batch.ids) for batch in batches):
        return None
    found = _tone(batches, trained)
    shown = Polarity(border=1 - found.border, mean=1 - found.mean) if invert else found
    if not shown.is_inverse_of(trained.tone):
        return None
    light, dark = ("light", "dark") if shown.border > 0.5 else ("dark", "light")
    advice = "without --invert" if invert else "with --invert, which exchanges black and white"
    return (
        f"Warning: these pictures have a {light} border ({shown.border:.2f} of white), those of the training a {dark} "
        f"one ({trained.tone.border:.2f}); it was not trained on such pictures, and its answers may be wrong. Try "
        f"{advice}."
    )


def _tone(batches: Sequence[Batch], trained: Description) -> Polarity:
    low, high = trained.input.pixel_range
    pictures = sum(batch.images.sum(axis=0, dtype=np.float64) for batch in batches)
    return polarity_of((np.asarray(pictures) / sum(len(batch.ids) for batch in batches) - low) / (high - low))
