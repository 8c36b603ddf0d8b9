"""Text that is safe to print: control characters, for example in names from files, are escaped."""

from __future__ import annotations

import re
import sys
from typing import TextIO

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""C0 without tab and line feed, C1, marks that change the direction of text, other line ends, lone surrogates."""


def plain(text: str) -> str:
    r"""`text` with every character that controls a terminal escaped: `\x1b[31m`, `\u202e`."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def plain_json(text: str) -> str:
    """JSON text with the same value, in which such characters, which only strings can hold, are escaped."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str = "", file: TextIO | None = None) -> None:
    """Prints a line of plain text to `file`, by default to standard output."""
    print(plain(text), file=file or sys.stdout)
