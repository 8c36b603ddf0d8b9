"""Checks that names are Unicode text: a file name on Linux can be any bytes, an array of text any numbers."""

from __future__ import annotations

import numpy as np

from snellen.errors import DataError, shown

LAST_CODE_POINT, SURROGATES = 0x10FFFF, range(0xD800, 0xE000)


def check_text(name: str, what: str) -> None:
    """Raises DataError unless `name` can be written as UTF-8. what: what it names, with its article."""
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
