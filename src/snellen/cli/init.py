"""`snellen init`: a first study file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.cli.options import DataFolder, Keys, Kind, PixelRange, options_of
from snellen.plain import say

if TYPE_CHECKING:
    from snellen.data.dataset import Dataset
    from snellen.data.readers.reader import Options


def init(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH",
            help="Your data: a folder, a file, or a name from `snellen data list`. With --from: the file to write.",
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="Copy a study that comes with Snellen, such as digits.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.yaml", help="The file to write. Default: a name after the data."),
    ] = None,
    kind: Kind = None,
    keys: Keys = None,
    pixel_range: PixelRange = None,
    data_dir: DataFolder = None,
) -> None:
    """Write a first study file.

    For your own data, it looks at the images and writes a study that fits them, with the reason for each choice.
    """
    from snellen.errors import unknown
    from snellen.study.document import shipped_studies

    if path is not None and source is None and not _is_study(path):
        _write_new(*_proposed(path, data_dir, out, options_of(kind, keys, pixel_range)))
        return
    source, shipped = source or "digits", shipped_studies()
    if source not in shipped:
        raise unknown("study", source, shipped)
    _write_new(out or Path(path or f"{source}.yaml"), shipped[source])


def _is_study(path: str) -> bool:
    return Path(path).suffix.lower() in (".yaml", ".yml")


def _proposed(source: str, data_dir: Path | None, out: Path | None, options: Options) -> tuple[Path, str]:
    """The path and the text of a study for the user's data; the path is `out` if it is given. options: those of the
    user."""
    from snellen.init.pretrained import pretrained_at_hand, suits_pretrained
    from snellen.init.propose import propose, study_name
    from snellen.init.survey import survey

    at_hand = pretrained_at_hand(data_dir)
    found = survey(source, data_dir, options, at_hand.name is not None)
    file = out or Path(f"{study_name(found.dataset)}.yaml")
    pretrained = at_hand if suits_pretrained(found.dataset) else None
    missing = [f"{pretrained.sentence}: {pretrained.command}"] if pretrained and pretrained.command else []
    proposal = propose(
        found.dataset,
        source,
        options=found.options,
        sizes=found.sizes,
        near=found.near,
        omitted=found.omitted,
        proportions=found.proportions,
        pretrained=pretrained,
        file=str(file),
    )
    cost = _cost(proposal.text, found.dataset, data_dir)
    for sentence in (*found.dataset.remarks, *proposal.left_out, *missing, cost):
        say(sentence)
    return file, proposal.with_cost(cost)


def _cost(text: str, dataset: Dataset, data_dir: Path | None) -> str:
    """What `snellen check` estimates for this study, in a sentence."""
    from snellen.phrases import seconds
    from snellen.run.check import check_study
    from snellen.run.run_folder import Settings
    from snellen.study.document import parse

    checked = check_study(parse(text, "the proposed study").study(), Settings(data_folder=data_dir), dataset)
    parts = [f"`{row['model']}` {seconds(row['seconds'])}" for row in checked["models"]]
    if checked["extraction_seconds"]:
        parts.append(f"features of the pretrained network {seconds(checked['extraction_seconds'])}")
    parts.append(f"timing predictions {seconds(checked['measuring_seconds'])}")
    whole = seconds(checked["seconds"])
    return f"A run takes about {whole} on this machine: {', '.join(parts)}, the rest for analyses and the report."


def _write_new(path: Path, text: str) -> None:
    from snellen.errors import StudyError
    from snellen.files.atomic import write_text

    if path.exists():
        raise StudyError("the file is there already", where=str(path), hint="Name another file, or rename that one.")
    write_text(path, text)
    say(f"Wrote {path}. Edit it, then: snellen run {path}")
