"""The correction of many exploratory tests: Benjamini and Hochberg's false discovery rate."""

from __future__ import annotations

import numpy as np


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """The adjusted p-values of one family, in the shape that they came in (JRSS B 57, 1995)."""
    from scipy.stats import false_discovery_control

    flat = p_values.ravel()
    return np.asarray(false_discovery_control(flat) if len(flat) else flat).reshape(p_values.shape)
