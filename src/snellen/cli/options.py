"""Arguments and options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
        help="Use another value than the study file has, such as train.epochs=3. May be repeated.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Use another seed than the study file has: for initial weights, order of the images, dropout."),
]
Device = Annotated[
    str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 or mps; auto is cuda where there is one, else cpu.")
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="CPU threads to use; all cores when not given. A resumed run keeps its number of threads."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="At most so many processes train at the same time, on a CPU and where there is enough work; as many as "
        "threads when not given.",
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
    str | None, typer.Option(metavar="READER", help="The reader, when a folder holds files of several kinds.")
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="USE=NAME",
        help="The name of an array, column or folder, for example label=diagnosis; may be given several times.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def all_overrides(given: list[str] | None, seed: int | None) -> list[str]:
    """The values of --set, and --seed as one of them."""
    return [*(given or []), *([f"seed={seed}"] if seed is not None else [])]


def all_keys(given: list[str] | None) -> dict[str, str]:
    """Use to name, of --key. Raises StudyError for text in another form."""
    from snellen.errors import StudyError

    keys = {}
    for key in given or ():
        use, _, name = key.partition("=")
        if not use or not name:
            raise StudyError("`--key` needs a use and a name", found=repr(key), expected="USE=NAME")
        keys[use] = name
    return keys
