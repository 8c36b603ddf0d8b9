"""P-values that intervals imply, so that a test and its interval agree."""

from __future__ import annotations

from collections.abc import Callable

SMALLEST = 15
"""Smaller p-values are returned as 1e-15."""


def smallest_alpha(holds: Callable[[float], bool]) -> float:
    """The smallest alpha in [1e-15, 1] for which `holds(1 - alpha)`, for example that limits of that confidence exclude
    0. holds: a condition on the confidence; if true, it must be true for all smaller ones. By bisection of the
    logarithm, to 1 in 10^10.
    """
    low, high = -float(SMALLEST), 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(1 - 10.0**middle) else (middle, high)
    return float(10.0**high)
