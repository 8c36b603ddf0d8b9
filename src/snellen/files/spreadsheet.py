"""Tables as CSV that is safe to open in a spreadsheet: a name that looks like a formula is shown, not computed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Cells that begin with one of these are computed by Excel, LibreOffice or Sheets (OWASP, "CSV injection"), also
full-width."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def as_csv(table: pl.DataFrame) -> str:
    """The table with its header. Text that a spreadsheet would compute gets a ' in front, which marks it as text."""
    import polars as pl

    texts = [pl.Series(name, list(map(_harmless, table[name])), pl.String) for name in _text_columns(table)]
    return table.with_columns(texts).rename(lambda name: _harmless(name) or "").write_csv()


def is_formula(cell: str) -> bool:
    """Whether `as_csv` marks a cell of text."""
    return bool(FORMULA.match(cell)) and not NUMBER.fullmatch(cell)


def _text_columns(table: pl.DataFrame) -> list[str]:
    import polars as pl

    return [name for name, kind in table.schema.items() if kind == pl.String]


def _harmless(cell: str | None) -> str | None:
    return f"'{cell}" if cell is not None and is_formula(cell) else cell
