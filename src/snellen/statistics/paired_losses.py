"""Two trained networks on the same images. The sentence is about these two networks, not about their recipes."""

from __future__ import annotations

import numpy as np

from snellen.errors import StudyError
from snellen.statistics.means import mean_limits
from snellen.statistics.t_intervals import IMAGES, Difference


def paired_mean(values_A: np.ndarray, values_B: np.ndarray) -> Difference:
    """Mean of (N,) per-image values (a loss, a Brier score) of A minus B, with Hall's interval; no p-value."""
    a, b = np.asarray(values_A, np.float64), np.asarray(values_B, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise StudyError("two networks are compared on the same images", found=f"{a.shape} and {b.shape}")
    differences = a - b
    error = float(differences.std(ddof=1)) / len(a) ** 0.5 if len(a) > 1 else 0.0
    low, high = mean_limits(differences) or (None, None)
    return Difference(float(differences.mean()), low, high, None, error, None, IMAGES, "Hall's t")
