"""The command line: one file for each verb."""

from snellen.cli.entry import app, main

__all__ = ["app", "main"]
