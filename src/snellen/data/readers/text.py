"""Names are Unicode text (a file name on Linux can be any bytes, an array of text any numbers), in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from snellen.errors import DataError, shown

NUMBER = re.compile(r"([0-9]{1,18})")
"""Digits of a name that are compared as a number, at most 18 at a time: Python needs seconds to convert millions."""
LAST_CODE_POINT, SURROGATES = 0x10FFFF, range(0xD800, 0xE000)


def check_text(name: str, what: str) -> None:
    """Raises DataError unless `name` can be encoded as UTF-8. what: the kind of name, with its article."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        found, hint = shown(name), "Rename it; on Linux `convmv` does that for many files."
        raise DataError(f"{what} is not valid text", found=found, expected="UTF-8", hint=hint) from error


def check_texts(texts: np.ndarray) -> None:
    """The same for an (N,) array of text. Raises DataError with the row."""
    points = np.ascontiguousarray(texts, texts.dtype.newbyteorder("=")).view(np.uint32).reshape(len(texts), -1)
    bad = (points > LAST_CODE_POINT) | ((points >= SURROGATES.start) & (points < SURROGATES.stop))
    if bad.any():
        row, place = np.argwhere(bad)[0].tolist()
        found = f"0x{points[row, place]:x} as character {place}"
        raise DataError("a label is not valid text", found=found, expected="Unicode characters", where=f"row {row}")


def natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names in natural order: by text and the numbers in it, so that s2 comes before s10."""
    return tuple(sorted(set(names), key=lambda name: (_natural_key(name), name)))


def _natural_key(name: str) -> tuple[str | int, ...]:
    """Alternating texts and numbers, beginning with a text."""
    return tuple(int(part) if place % 2 else part for place, part in enumerate(NUMBER.split(name)))
