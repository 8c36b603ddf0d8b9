"""The confidence of every interval, the level of every test, and what counts as rounding."""

from __future__ import annotations

from typing import NamedTuple

CONFIDENCE = 0.95
SIGNIFICANT = 0.05
"""p-values below this are significant; written out, because 1 - 0.95 is a little more in floats."""
NEGLIGIBLE = 1e-12
"""Standard errors up to this are rounding errors: nothing varied."""
ROUNDING = 1e-9
"""Counts up to this are treated as 0, because effective counts are products of floats."""


class Interval(NamedTuple):
    """A number and the limits of its 95 % interval."""

    value: float
    low: float
    high: float
