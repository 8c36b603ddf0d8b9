"""The images that studies.py exported, as Keras's users scale them."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def part(folder: str, role: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W, C) float32 from 0 to 1, and (N,) labels."""
    images, labels = (np.load(Path(folder) / f"{role}_{what}.npy") for what in ("images", "labels"))
    return images.astype("float32") / 255, labels
