"""`snellen evaluate`: a trained model on labelled images that came later."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from snellen.cli.options import (
    AsJson,
    DataFolder,
    Device,
    FillColour,
    FollowLinks,
    Invert,
    Keys,
    PixelRange,
    TableSize,
    background_of,
    options_of,
)
from snellen.cli.predict import say_failed
from snellen.plain import say

if TYPE_CHECKING:
    from snellen.evaluate.scores import Estimate
    from snellen.run.evaluated_data import DataEvaluation

MEASURES = ("accuracy", "loss", "macro_recall", "macro_f1")
"""The most lines on the terminal; the page has all."""


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="The folder of a run, which means its chosen model; or a model bundle."),
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...",
            help="Images with labels, in any form that `snellen predict` reads: folders named after the classes, "
            "arrays or tables with labels, a name from `snellen data list`.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="The folder for page, JSON and CSV. Default: evaluations/NAME."),
    ] = None,
    paired: Annotated[
        bool,
        typer.Option(
            "--paired",
            help="Images with the ids of test images show the same objects, for example scanned again: compare them "
            "in pairs.",
        ),
    ] = False,
    invert: Invert = False,
    keys: Keys = None,
    size: TableSize = None,
    pixel_range: PixelRange = None,
    background: FillColour = None,
    follow_links: FollowLinks = False,
    device: Device = "cpu",
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a model on labelled images that were collected after its training.

    Writes a page like the report: scores with intervals, confusion matrix, each class, mistakes, calibration,
    unfamiliar images, the difference from the test of the model's run. Training images among them are left out, labels
    are matched by name, and test images of the run count as an opening of its test. Exit codes: 0 done, 3 some images
    could not be read (they are named), 2 wrong use or nothing to evaluate.
    """
    from snellen.deploy.batch import Reading
    from snellen.deploy.predict import open_model
    from snellen.run.evaluate_data import evaluate_paths
    from snellen.run.evaluate_page import PAGE, expect_folder, folder_for, save

    about = open_model(model).description
    folder = out or folder_for(about.study, about.name, paths)
    expect_folder(folder)
    links: Literal["follow"] | None = "follow" if follow_links else None
    reading = Reading(replace(options_of(None, keys, pixel_range), size=size, links=links))
    found = evaluate_paths(
        model,
        paths,
        reading,
        data_folder=data_dir,
        background=background_of(background),
        device=device,
        invert=invert,
        paired=paired,
    )
    say_failed(reading)
    values = save(found, folder)
    if as_json:
        say(json.dumps(values, allow_nan=False))
    else:
        for remark in found.remarks:
            say(remark, file=sys.stderr)
        _print(found)
        say(f"Page: {folder / PAGE}")
    if reading.failed:
        raise typer.Exit(3)


def _print(found: DataEvaluation) -> None:
    """What may be said, and scores beside those on the test."""
    from rich.table import Table

    from snellen.console import console_for, print_table
    from snellen.phrases import key_words
    from snellen.run.evaluate_words import answer_sentences, data_sentences, hint_of_ids
    from snellen.run.evaluated_data import ROLE

    for sentence in answer_sentences(found):
        say(sentence)
    columns = {"here": ROLE, **({"own test": "test"} if found.test is not None else {})}
    shown = Table(box=None, pad_edge=False)
    for column in ("", *columns):
        shown.add_column(column, header_style="dim")
    for measure in MEASURES:
        estimates = (found.evaluation.estimate(found.name, role, measure) for role in columns.values())
        shown.add_row(key_words(measure), *(_score(each, measure) for each in estimates))
    print_table(console_for(), shown)
    for said in (*data_sentences(found), hint_of_ids(found)):
        if said:
            say(said)


def _score(estimate: Estimate | None, measure: str) -> str:
    from snellen.phrases import loss, loss_limits

    if estimate is None or estimate.value is None:
        return "-"
    if measure != "loss":
        return estimate.in_percent
    return f"{loss(estimate.value)} ({loss_limits(estimate.low, estimate.high)})"
