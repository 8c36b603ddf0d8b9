"""The consoles of the command line: names that strangers wrote stay text, and lines are wrapped at a terminal only."""

from __future__ import annotations

import os
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from snellen.limits import FILE_COLUMNS
from snellen.plain import plain

FOLDED = 8
"""Characters of a line of a column whose words may be broken."""


class PlainConsole(Console):
    """A console that knows no markup and no emoji codes in text; styles are given as `style=`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """All strings pass here on their way into tables, titles and lines."""
        return super().render_str(plain(text), **options)


def console_for(*, stderr: bool = False, quiet: bool = False) -> PlainConsole:
    """A console of standard output or standard error; a quiet one prints nothing.

    Without a terminal Rich assumes 80 columns; here every line of a log stays whole, so that it can be searched. Who
    sets the environment variable COLUMNS asks for that width all the same; a notebook has its own.
    """
    console = PlainConsole(stderr=stderr, quiet=quiet)
    if console.is_terminal or console.is_jupyter or "COLUMNS" in os.environ:
        return console
    return PlainConsole(stderr=stderr, quiet=quiet, width=FILE_COLUMNS, soft_wrap=True)


def print_table(console: PlainConsole, table: Table) -> None:
    """The table; where the terminal is too narrow for it, one line a row with every cell named, so that none is lost.

    The cells of the table are strings.
    """
    needed = sum(map(_least_width, table.columns)) + 2 * (len(table.columns) - 1)
    if needed <= console.width:
        console.print(table)
        return
    if table.title:
        console.print(str(table.title), style="bold", highlight=False)
    first, *others = table.columns
    for row, name in enumerate(first.cells):
        values = [(str(column.header), str(list(column.cells)[row])) for column in others]
        said = "; ".join(f"{header} {value}" for header, value in values if value)
        console.print(f"{name}: {said}" if said else str(name), style=table.rows[row].style, highlight=False)


def _least_width(column: Column) -> int:
    """Characters below which a column loses some: its longest word; the whole cell where none may be broken; FOLDED
    where words may be."""
    if column.overflow == "fold" and not column.no_wrap:
        return column.min_width or FOLDED
    cells = [str(column.header), *map(str, column.cells)]
    return max(cell_len(part) for cell in cells for part in ([cell] if column.no_wrap else cell.split() or [""]))
