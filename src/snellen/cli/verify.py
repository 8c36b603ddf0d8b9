"""`snellen verify`: checks that a finished run is unchanged and reproducible."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.cli.options import AsJson, DataFolder
from snellen.cli.outcome import expect_free
from snellen.plain import say

if TYPE_CHECKING:
    from snellen.run.verify_check import Check

SHOWN = 10
"""The most details of one check on the terminal; --json has all."""


def verify(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/digits.")],
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="Also train this job again. JOB: the name of its folder in jobs.")
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain", help="Also train one job again, chosen at random. It takes as long as the original training."
        ),
    ] = False,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Check that a finished run is unchanged and reproducible; nothing in it is changed.

    Compares the hash of every stored file; computes all numbers of the report again from the stored predictions, and
    scores also by scikit-learn and SciPy; and predicts again with the stored weights if the data are found. Exits with
    1 if something differs. Checks that are not possible on this machine are listed with the reason.
    """
    expect_free(run)
    from snellen.run.verify import verify as verify_run

    checks = verify_run(run, data_dir, job, retrain)
    differs = any(check.outcome == "differs" for check in checks)
    if as_json:
        say(
            json.dumps({"run": str(run), "equal": not differs, "checks": [each.as_json() for each in checks]}, indent=2)
        )
    else:
        _print(checks, differs)
    if differs:
        raise typer.Exit(1)


def _print(checks: list[Check], differs: bool) -> None:
    from rich.table import Table

    from snellen.console import console_for, print_table

    console = console_for()
    table = Table(box=None, pad_edge=False)
    for column in ("check", "outcome", "compared"):
        table.add_column(column, header_style="dim", no_wrap=column != "compared")
    for check in checks:
        table.add_row(check.name, check.outcome, check.compared)
    print_table(console, table)
    for check in checks:
        for detail in check.details[:SHOWN]:
            console.print(f"{check.name}: {detail}")
        if len(check.details) > SHOWN:
            console.print(f"{check.name}: {len(check.details) - SHOWN} more; --json has all")
    console.print("Something differs." if differs else "Nothing differs.")
