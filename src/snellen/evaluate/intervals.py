"""Intervals of one trained network, 95 %, two-sided. They cover other images, not retraining."""

from __future__ import annotations

from snellen.statistics import proportions


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The Wilson score interval of a proportion, hits of count >= 1 (Wilson 1927)."""
    low, high = proportions.wilson(hits, count)
    return float(low), float(high)
