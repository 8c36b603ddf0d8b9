"""`snellen predict`: predictions of a trained model for new images."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from snellen.plain import say

if TYPE_CHECKING:
    import numpy as np
    from rich.status import Status

    from snellen.deploy.answers import Answers
    from snellen.deploy.batch import Batch, Reading
    from snellen.deploy.model import Model
    from snellen.deploy.predict import Scored

LISTED_FAILURES = 100


def predict(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A model bundle, or the folder of a run, which means its chosen model."),
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Image files, folders of images at any depth or zips of them, files of arrays (.npy, .npz, .h5, .mat, "
            ".csv), tables of paths, each with or without labels, or a name from `snellen data list`.",
        ),
    ],
    score: Annotated[
        bool,
        typer.Option(
            "--score",
            help="Also print the accuracy on data with labels. Each use is recorded, because repeated use makes test "
            "results optimistic.",
        ),
    ] = False,
    invert: Invert = False,
    every: Annotated[bool, typer.Option("--all", help="Print the probability of every class.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the predictions into this file.")] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="ID,CLASS",
            help="Write just two columns with these names into --csv, for a competition: ids and predicted classes.",
        ),
    ] = None,
    first_id: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="With --columns: number the images from here, instead of using the ids of the file. Default without "
            "ids: 1.",
        ),
    ] = None,
    class_numbers: Annotated[
        bool,
        typer.Option(
            "--class-numbers", help="With --columns: write the numbers of the classes, from 0, instead of names."
        ),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The probabilities of the network, without temperature and thresholds.")
    ] = False,
    keys: Keys = None,
    size: TableSize = None,
    pixel_range: PixelRange = None,
    background: FillColour = None,
    follow_links: FollowLinks = False,
    device: Device = "cpu",
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Predict the classes of images with a trained model.

    Images are converted to the size, colours and pixel scale of the training images, with a message about each
    conversion. Exit codes: 0 all images were predicted, 3 some could not be read (they are named), 2 wrong use or none
    could be read.
    """
    import numpy as np

    from snellen.deploy.answers import answer
    from snellen.deploy.batch import Reading
    from snellen.deploy.images import open_images
    from snellen.deploy.polarity import inverted, polarity_warning
    from snellen.deploy.predict import not_scored, on_purpose_warning, open_model
    from snellen.deploy.unfamiliar import unfamiliar_warning
    from snellen.files.atomic import write_text
    from snellen.files.spreadsheet import as_csv
    from snellen.train.environment import choose_device

    names = _two_columns(columns, csv, first_id, class_numbers)
    loaded = open_model(model).on(choose_device(device))
    about = loaded.description
    links: Literal["follow"] | None = "follow" if follow_links else None
    reading = Reading(replace(options_of(None, keys, pixel_range), size=size, links=links))
    fill = background_of(background)
    contract = about.input.model_copy(update={"background": fill}) if fill else about.input
    batches = open_images(paths, contract, data_dir, classes=loaded.classes, reading=reading, whole=score)
    turn = partial(inverted, pixel_range=about.input.pixel_range) if invert else np.asarray
    arrays: list[np.ndarray] = []

    def kept(images: np.ndarray) -> np.ndarray:
        arrays.append(turn(images))
        return arrays[-1]

    with _counted(batches) as shown:
        answers = answer(loaded, shown, kept if score else turn, reading, raw)
    say_failed(reading)
    written = answers.table()
    if names:
        from snellen.deploy.submission import submission

        written = submission(answers, names, first_id, reading, class_numbers)
    scored, own = _scored(model, loaded, answers, arrays, data_dir) if score else (None, [])
    warnings = (
        on_purpose_warning(about),
        unfamiliar_warning(answers.ids, answers.unfamiliar, loaded),
        polarity_warning(answers.mean, about, invert),
        *own,
    )
    remarks = [*reading.sentences(about.input), *(each for each in warnings if each)]
    if scored and (left_out := not_scored(scored)):
        remarks.append(left_out)
    for remark in remarks:
        say(remark, file=sys.stderr)
    table = answers.table()
    if csv:
        write_text(csv, as_csv(written))
    if as_json:
        failed = [{"id": each.file, "reason": each.reason} for each in reading.failed]
        rows: dict[str, Any] = {"predictions": table.to_dicts(), "failed": failed, "remarks": remarks}
        say(json.dumps(rows | ({"score": vars(scored)} if scored else {})))
    else:
        from snellen.tables import print_predictions, print_score

        print_predictions(answers, table, every, csv)
        if scored:
            print_score(scored)
    if reading.failed:
        raise typer.Exit(3)


def _two_columns(
    columns: str | None, csv: Path | None, first_id: int | None, class_numbers: bool
) -> tuple[str, str] | None:
    """The names of --columns. Raises StudyError, before anything is read, if an option is given without the one that it
    needs."""
    from snellen.deploy.submission import EXAMPLE, submission_columns
    from snellen.errors import StudyError

    if columns is None:
        for option, given in (("--first-id", first_id is not None), ("--class-numbers", class_numbers)):
            if given:
                raise StudyError(f"{option} is for --columns", expected=f"--columns {EXAMPLE}")
        return None
    if csv is None:
        raise StudyError("--columns is for a file", expected=f"--csv FILE --columns {columns}")
    return submission_columns(columns)


def _scored(
    path: Path, model: Model, answers: Answers, arrays: Sequence[np.ndarray], data_folder: Path | None
) -> tuple[Scored, list[str]]:
    """The scores, and sentences on images that the model was trained on or that belong to its run. Using test images of
    the run is an opening of its test, as in `snellen evaluate`."""
    import numpy as np

    from snellen.deploy.predict import labelled_part, score, seen_warning
    from snellen.run.own_run import OwnRun, copies_of
    from snellen.run.own_run_words import score_sentences

    run = OwnRun.of(path, model)
    if answers.labels is None:
        return score(answers, model), []  # raises
    rows = labelled_part(answers).rows
    copies, no_copies = copies_of(run, np.concatenate(arrays), data_folder)
    touched = run is not None and copies is not None and "test" in copies.counts(rows)
    scored = score(answers, model, run.record.folder if run and touched else None)
    warning = seen_warning(answers) if copies is None else None
    return scored, [*([warning] if warning else []), *score_sentences(copies, no_copies, rows)]


@contextmanager
def _counted(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """The batches; on a terminal, with the number of images so far on standard error, on a line that is removed at the
    end."""
    from snellen.console import console_for

    console = console_for(stderr=True)

    def counted(status: Status) -> Iterator[Batch]:
        number = 0
        for batch in batches:
            yield batch
            number += len(batch.ids)
            status.update(f"{number:,} images predicted")

    if not console.is_terminal:
        yield batches
        return
    with console.status("Reading images") as status:
        yield counted(status)


def say_failed(reading: Reading) -> None:
    """Names the images that could not be read, on standard error."""
    for each in reading.failed[:LISTED_FAILURES]:
        say(f"Could not read {each.file}: {each.reason}", file=sys.stderr)
    if len(reading.failed) > LISTED_FAILURES:
        say(f"... and {len(reading.failed) - LISTED_FAILURES:,} more that --json lists", file=sys.stderr)
