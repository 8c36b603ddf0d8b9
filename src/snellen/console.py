"""The console of all tables and progress: names that strangers wrote stay text, whatever stands in them."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from snellen.plain import plain


class PlainConsole(Console):
    """A console that knows no markup and no emoji codes in text; styles are given as `style=`."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """All strings pass here on their way into tables, titles and lines."""
        return super().render_str(plain(text), **options)
