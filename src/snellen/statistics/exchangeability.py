"""A test whether two sets of images come from the same source, by the scores of a network."""

from __future__ import annotations

import numpy as np

PERMUTATIONS = 999
MOST = 5_000
"""The most images of each set; larger sets are sampled. It is enough to detect shifts that matter."""


def permutation_p(a_N: np.ndarray, b_M: np.ndarray, seed: int = 0) -> float:
    """The p-value of the largest distance between the distributions of two sets of scores (Kolmogorov and Smirnov),
    under random exchange of their members: (1 + permutations at least as far) / 1,000. 1.0 where a set is empty."""
    if not len(a_N) or not len(b_M):
        return 1.0
    generator = np.random.default_rng(seed)
    a, b = (each if len(each) <= MOST else generator.choice(each, MOST, replace=False) for each in (a_N, b_M))
    values = np.concatenate([a, b]).astype(np.float64)
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    steps = np.where(order < len(a), 1 / len(a), -1 / len(b))

    def distance(of: np.ndarray) -> float:
        return float(np.abs(np.cumsum(of)[ends]).max())

    observed = distance(steps)
    as_far = sum(distance(generator.permutation(steps)) >= observed - 1e-12 for _ in range(PERMUTATIONS))
    return (1 + as_far) / (1 + PERMUTATIONS)
