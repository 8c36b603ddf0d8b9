"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from snellen.data.decoding.channels import Background
    from snellen.data.readers.reader import Options

StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="A study file (YAML), or the name of one that comes with Snellen, such as digits."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a value of the study file, such as train.epochs=3. May be repeated.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Override the seed of the study file, which determines initial weights, order of images and dropout."
    ),
]
Device = Annotated[
    str, typer.Option(help="The device to compute on: cpu, cuda, cuda:1 or mps; auto is cuda if available, else cpu.")
]
Invert = Annotated[bool, typer.Option("--invert", help="Exchange black and white in the images first.")]
TableSize = Annotated[
    tuple[int, int] | None,
    typer.Option(metavar="HEIGHT WIDTH", help="The size of the images in a table of pixels."),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="The number of CPU threads. Default: one for each core; a resumed run keeps its number."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The most processes that train at the same time, on a CPU and if there is enough work. Default: the "
        "number of threads.",
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="A folder with data sets, searched before the one in SNELLEN_DATA and the cache of downloads.",
    ),
]
Kind = Annotated[
    str | None, typer.Option(metavar="READER", help="The reader to use, if a folder holds files of several kinds.")
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="USE=NAME",
        help="The name of an array, column or folder, for example label=diagnosis; may be given several times.",
    ),
]
PixelRange = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="BLACK WHITE", help="The pixel values of black and white. Default: determined from the images."
    ),
]
FillColour = Annotated[
    str | None,
    typer.Option("--background", metavar="white|black", help="Fill transparent areas of image files with this colour."),
]
FollowLinks = Annotated[
    bool,
    typer.Option(
        "--follow-links",
        help="Also read image files outside the folder, to which links or the paths of a manifest lead.",
    ),
]
FailOn = Annotated[
    Literal["notice", "warning", "error"] | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if a finding has at least this severity and is not acknowledged in the study. Errors always "
        "exit with 1, failed jobs with 3.",
    ),
]
OpenReport = Annotated[bool, typer.Option("--open", help="Open the report in the browser at the end.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def all_overrides(given: list[str] | None, seed: int | None) -> list[str]:
    """The values of --set, including --seed."""
    return [*(given or []), *([f"seed={seed}"] if seed is not None else [])]


def options_of(kind: str | None, keys: list[str] | None, pixel_range: tuple[float, float] | None) -> Options:
    """The options for reading. Raises StudyError for a key in another form than USE=NAME."""
    from snellen.data.readers.reader import Options

    return Options(kind=kind, keys=dict(_pair(key) for key in keys or ()), pixel_range=pixel_range)


def background_of(name: str | None) -> Background | None:
    """The colour of that name. Raises UnknownName for another."""
    from snellen.data.decoding.channels import BACKGROUNDS
    from snellen.errors import unknown

    if name is not None and name not in BACKGROUNDS:
        raise unknown("background", name, BACKGROUNDS)
    return name


def _pair(key: str) -> tuple[str, str]:
    from snellen.errors import StudyError

    use, _, name = key.partition("=")
    if not use or not name:
        raise StudyError("`--key` needs a use and a name", found=repr(key), expected="USE=NAME")
    return use, name
