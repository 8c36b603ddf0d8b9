"""`snellen import`: a model that Keras saved becomes a bundle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.plain import say

if TYPE_CHECKING:
    from snellen.keras_import.convert import Pixels

SIZE = re.compile(r"(\d+)x(\d+)(?:x(\d+))?")


def import_model(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="model.keras, or model.h5 of a whole model.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="The bundle to write; named after the file when not given."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="A,B,...", help="Names of the classes, in the order of the outputs."),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(
            "--pixels",
            metavar="0-1|0-255",
            help="What pixels were when the model got them; found from its first layer, else 0-1.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="HxWxC", help="Size of the images, for a model that gets them as vectors."),
    ] = None,
) -> None:
    """Make a bundle of a model that Keras saved, and a study that would train its network.

    Keras is not needed, and nothing in the file is executed. The bundle answers as the model does: use it with predict
    and evaluate. Layers that Snellen does not have are named, all at once, and nothing is written.
    """
    from snellen.keras_import.bundle import import_keras

    names = [name.strip() for name in classes.split(",")] if classes is not None else None
    imported = import_keras(model, out, classes=names, pixels=_pixels(pixels), size=_size(size))
    network = imported.network
    say(f"{model.name}: {network.parameter_count:,} parameters, images of {'x'.join(map(str, network.input_shape))}")
    for row in network.layer_table():
        say(f"  {row['name']}: {row['detail'] or row['kind']}, gives {'x'.join(map(str, row['output']))}")
    for remark in imported.remarks:
        say(remark)
    if classes is None:
        say("Classes are called by their numbers: --classes gives them names.")
    say(f"Wrote {imported.bundle}: snellen predict {imported.bundle} IMAGES")
    say(f"Wrote {imported.study}, which trains its network: name your images there, then snellen run {imported.study}")


def _pixels(text: str | None) -> Pixels | None:
    from snellen.errors import StudyError

    if text not in (None, "0-1", "0-255"):
        raise StudyError("unknown scale of pixels", found=text, expected="0-1 or 0-255", where="--pixels")
    return text  # type: ignore[return-value]  # checked above


def _size(text: str | None) -> tuple[int, int, int] | None:
    from snellen.errors import StudyError

    if text is None:
        return None
    found = SIZE.fullmatch(text)
    if not found:
        raise StudyError("not a size", found=text, expected="HxW or HxWxC, such as 28x28", where="--size")
    return int(found[1]), int(found[2]), int(found[3] or 1)
