"""The Cochran-Mantel-Haenszel test: are some images predicted correctly less often than the others of their classes?"""

from __future__ import annotations

import numpy as np


def weaker_within_classes(members: np.ndarray, right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(S,) one-sided p-values of the hypothesis that a slice, of (S, N), is no weaker than the rest of each class
    (Mantel and Haenszel 1959, with their correction for continuity); 1 where no class has both."""
    from scipy.stats import norm

    of_class = (labels == np.unique(labels)[:, None]).astype(np.float64)
    total, wrong = of_class.sum(1), of_class @ ~right
    inside = members @ of_class.T
    excess = (members & ~right).sum(1) - (inside * wrong / total).sum(1)
    spread = inside * (total - inside) * wrong * (total - wrong) / (total**2 * np.maximum(total - 1, 1))
    deviation = np.sqrt(spread.sum(1))
    scores = np.divide(excess - 0.5, deviation, out=np.full(len(members), -np.inf), where=deviation > 0)
    return np.asarray(norm.sf(scores))
