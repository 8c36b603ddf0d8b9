"""The consoles of the command line: names that strangers wrote stay text, and lines are wrapped at a terminal only."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console
from rich.text import Text

from snellen.limits import FILE_COLUMNS
from snellen.plain import plain


class PlainConsole(Console):
    """A console that knows no markup and no emoji codes in text; styles are given as `style=`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """All strings pass here on their way into tables, titles and lines."""
        return super().render_str(plain(text), **options)


def console_for(*, stderr: bool = False) -> PlainConsole:
    """A console of standard output or standard error.

    Without a terminal Rich assumes 80 columns; here every line of a log stays whole, so that it can be searched. Who
    sets the environment variable COLUMNS asks for that width all the same; a notebook has its own.
    """
    console = PlainConsole(stderr=stderr)
    if console.is_terminal or console.is_jupyter or "COLUMNS" in os.environ:
        return console
    return PlainConsole(stderr=stderr, width=FILE_COLUMNS, soft_wrap=True)
