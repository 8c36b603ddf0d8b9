"""All pixels of an image in one cell, numbers between spaces or commas, as in FER2013."""

from __future__ import annotations

import re

MIN_PIXELS = 9
"""Images of 3x3 pixels: tables with fewer columns hold other data."""

NUMBERS = re.compile(r"[\[(]*\s*[-+]?\d[\d.eE+-]*(?:[\s,;]+[-+]?\d[\d.eE+-]*){8}")


def is_pixel_text(cell: str) -> bool:
    """Whether a cell begins with at least MIN_PIXELS numbers, maybe in brackets."""
    return bool(NUMBERS.match(cell))


def numbers_of(cell: str) -> str:
    """The numbers of a cell, separated by single spaces, without brackets and commas."""
    return re.sub(r"[\s,;]+", " ", re.sub(r"[\[\]()]", " ", cell)).strip()
