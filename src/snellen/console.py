"""The consoles of the command line: lines are wrapped for a person at a terminal, never in a file or a pipe."""

from __future__ import annotations

import os

from rich.console import Console

from snellen.limits import FILE_COLUMNS


def console_for(*, stderr: bool = False) -> Console:
    """A console of standard output or standard error.

    Without a terminal Rich assumes 80 columns; here every line of a log stays whole, so that it can be searched. Who
    sets the environment variable COLUMNS asks for that width all the same; a notebook has its own.
    """
    console = Console(stderr=stderr)
    if console.is_terminal or console.is_jupyter or "COLUMNS" in os.environ:
        return console
    return Console(stderr=stderr, width=FILE_COLUMNS, soft_wrap=True)
