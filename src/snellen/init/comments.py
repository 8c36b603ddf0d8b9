"""Comments and quoted names of a study file that `snellen init` writes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

WIDTH = 110


def comment(text: str, indent: str = "") -> Iterator[str]:
    """Comment lines. Unprintable characters in names are replaced, so that no name can end the comment."""
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    yield from textwrap.wrap(printable, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def quoted(text: str) -> str:
    """Text quoted for YAML, whatever characters it has."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in written)


def _escaped(sign: str) -> str:
    number = ord(sign)
    return f"\\u{number:04x}" if number < 2**16 else f"\\U{number:08x}"
