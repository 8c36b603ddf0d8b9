"""`snellen predict`: a trained model on other images."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from snellen.cli.options import AsJson, DataFolder, Device
from snellen.plain import say


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model bundle, or the folder of a run: its chosen model.")
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Image files, folders of images, files of arrays, or a name from `snellen data list`.",
        ),
    ],
    score: Annotated[
        bool,
        typer.Option(
            "--score",
            help="Also print the accuracy on data with labels. Each use is recorded, because test data wear out.",
        ),
    ] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Exchange black and white in the images first.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the predictions into this file.")] = None,
    device: Device = "cpu",
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Predict the classes of images with a trained model."""
    from snellen.deploy.pictures import open_pictures
    from snellen.deploy.polarity import inverted, polarity_warning
    from snellen.deploy.predict import answer, open_model, seen_warning
    from snellen.deploy.predict import score as score_answers
    from snellen.deploy.unfamiliar import unfamiliar_warning
    from snellen.files.atomic import write_text
    from snellen.files.spreadsheet import as_csv
    from snellen.train.environment import choose_device

    loaded = open_model(model).on(choose_device(device))
    about, batches = loaded.description, list(open_pictures(paths, loaded.description.input, data_dir))
    turn = partial(inverted, pixel_range=about.input.pixel_range)
    answers = answer(loaded, batches, turn) if invert else answer(loaded, batches)
    found = (
        unfamiliar_warning(answers.ids, answers.unfamiliar, loaded),
        polarity_warning(batches, about, invert),
        seen_warning(batches, loaded) if score else None,
    )
    warnings = [warning for warning in found if warning]
    for warning in warnings:
        say(warning, file=sys.stderr)
    scored = score_answers(answers, loaded) if score else None
    table = answers.table()
    if csv:
        write_text(csv, as_csv(table))
    if as_json:
        rows: dict[str, Any] = {"predictions": table.to_dicts(), "remarks": warnings}
        say(json.dumps(rows | ({"score": vars(scored)} if scored else {})))
        return
    from snellen.tables import print_predictions

    print_predictions(table, scored, csv)
