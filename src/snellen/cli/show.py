"""`snellen show`: what a finished run found, on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snellen.cli.options import AsJson, OpenReport
from snellen.cli.outcome import open_in_browser
from snellen.plain import say


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/digits.")],
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="The leaderboard alone, as markdown, latex or csv."),
    ] = None,
    open_report: OpenReport = False,
    as_json: AsJson = False,
) -> None:
    """Print the leaderboard and the conclusions of a finished run again; nothing is written.

    What `snellen run` printed at its end, from the files in the folder of the run.
    """
    from snellen.console import console_for
    from snellen.files.stored import read_text
    from snellen.run.write_report import stored_run
    from snellen.tables import print_finished, print_leaderboard

    if form is not None:
        from snellen.api import Run

        say(Run(run).leaderboard_text(form).rstrip("\n"))  # type: ignore[arg-type]  # an unknown one is an error
        return
    finished = stored_run(run)
    if as_json:
        say(read_text(finished.folder / "report.json").rstrip("\n"))
    else:
        print_leaderboard(console_for(), finished.record, finished.evaluation)
        print_finished(finished)
    if open_report:
        open_in_browser(finished.report)
