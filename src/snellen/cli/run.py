"""`snellen run`: runs a study, from its data to its report."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from snellen.cli.options import (
    AsJson,
    DataFolder,
    Device,
    FailOn,
    OpenReport,
    Overrides,
    Seed,
    StudyName,
    Threads,
    Workers,
    all_overrides,
)
from snellen.cli.outcome import expect_free, show_finished
from snellen.garbage import garbage_collection_paused


def run(
    study: StudyName,
    set_: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder for all results. Default: runs/NAME-OF-THE-STUDY.")
    ] = None,
    seed: Seed = None,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    epochs: Annotated[
        bool,
        typer.Option("--epochs", help="Print loss, accuracy and seconds of every epoch of every network as it ends."),
    ] = False,
    data_dir: DataFolder = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing before the end.")] = False,
    fail_on: FailOn = None,
    open_report: OpenReport = False,
    as_json: AsJson = False,
) -> None:
    """Train the models of a study, evaluate them, and write the report.

    Run it again after an interruption or a change of the study: only what has no result yet is trained.
    """
    expect_free(out or _run_folder(study, all_overrides(set_, seed)))
    with garbage_collection_paused():
        from snellen.console import console_for
        from snellen.progress import Terminal
        from snellen.run import Settings
        from snellen.run import run as run_study
        from snellen.study.document import open_document

        gc.freeze()  # all that was imported stays
    document = open_document(study)
    settings = Settings(out, device, threads, data_dir, workers)
    with Terminal(console_for(stderr=as_json, quiet=quiet), epochs) as terminal:
        finished = run_study(document, document.study(all_overrides(set_, seed)), settings, terminal)
    if quiet and not as_json:
        from snellen.tables import print_leaderboard

        print_leaderboard(console_for(), finished.record, finished.evaluation)
    show_finished(finished, as_json, fail_on, open_report)


def _run_folder(study: str, overrides: list[str]) -> Path | None:
    """The run directory without --out; None if the name of the study cannot be read yet."""
    from snellen.study.name import name_of

    name = name_of(study, overrides)
    return Path("runs") / name if name else None
