"""`snellen report`: writes the report of a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snellen.cli.options import AsJson, DataFolder, FailOn, OpenReport
from snellen.cli.outcome import expect_free, show_finished


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/digits.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ANALYSIS",
            help="Repeat this analysis first: units, maps, curves, answers, errors, robustness, wrong_labels or data. "
            "It reads the images. May be given several times.",
        ),
    ] = None,
    data_dir: DataFolder = None,
    fail_on: FailOn = None,
    open_report: OpenReport = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a finished run again; nothing is trained.

    Without --only it needs only the files in the folder of the run, neither the images nor a GPU.
    """
    expect_free(run)
    from snellen.console import console_for
    from snellen.progress import Terminal
    from snellen.run import report as report_run

    with Terminal(console_for(stderr=as_json)) as terminal:
        finished = report_run(run, only or (), data_dir, terminal)
    show_finished(finished, as_json, fail_on, open_report)
