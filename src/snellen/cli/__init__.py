"""The command line: one file a verb."""

from snellen.cli.entry import app, main

__all__ = ["app", "main"]
