"""Common parts of `run` and `report`: the check that no other process uses the run, and the output at the end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from snellen.plain import say

if TYPE_CHECKING:
    from snellen.run import FinishedRun
    from snellen.study.finding_codes import Severity


def expect_free(folder: Path | None) -> None:
    """Raises RunLocked, before slow imports, if another process works in the run directory."""
    from snellen.files.locks import expect_free as expect_unlocked

    if folder is not None:
        expect_unlocked(folder)


def open_in_browser(page: Path) -> None:
    """Opens a page, or says where it is when there is no browser."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        say(f"No browser found: open {page} yourself.", file=sys.stderr)


def show_finished(
    finished: FinishedRun, as_json: bool, fail_on: Severity | None = None, open_report: bool = False
) -> None:
    """Prints the findings and the path of the report. Exits with 1 for errors, with 3 for failed jobs, and with 1 for
    findings of at least the severity fail_on that are not acknowledged."""
    if as_json:
        say((finished.folder / "report.json").read_text(encoding="utf-8").rstrip("\n"))
    else:
        from snellen.tables import print_finished

        print_finished(finished)
    if open_report:
        open_in_browser(finished.report)
    if finished.judgement.has_errors:
        raise typer.Exit(1)
    if finished.failed:
        raise typer.Exit(3)
    codes = finished.judgement.at_least(fail_on) if fail_on is not None else []
    if codes:
        say(
            f"Fails on {fail_on}: {', '.join(codes)}. `snellen finding {codes[0]}` says what it means.", file=sys.stderr
        )
        raise typer.Exit(1)
