"""`snellen check`: what a study would train, and the cost of that."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from snellen.cli.options import AsJson, DataFolder, Device, Overrides, Seed, Threads, Workers, all_overrides
from snellen.plain import say


def check(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            help="A study file (YAML), or the name of a study that comes with Snellen. Not needed with --schema.",
        ),
    ] = None,
    set_: Overrides = None,
    seed: Seed = None,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    data_dir: DataFolder = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of study files, for editors, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find mistakes in a study file, and show what a run would train and how long it would take.

    Nothing is trained; a few steps on random images are timed.
    """
    if schema:
        from snellen.study.schema import StudyFile

        say(json.dumps(StudyFile.model_json_schema(), indent=2))
        return
    if study is None:
        raise typer.BadParameter("STUDY is missing")
    from snellen.run import Settings
    from snellen.run.check import check_study
    from snellen.study.document import open_document

    settings = Settings(None, device, threads, data_dir, workers)
    checked = check_study(open_document(study).study(all_overrides(set_, seed)), settings)
    if as_json:
        say(json.dumps(checked, indent=2))
        return
    from snellen.tables import print_check

    print_check(checked)
