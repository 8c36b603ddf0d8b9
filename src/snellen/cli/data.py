"""`snellen data`: lists the known data sets, downloads them, and describes any data set."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snellen.cli.options import (
    AsJson,
    DataFolder,
    FillColour,
    FollowLinks,
    Keys,
    Kind,
    PixelRange,
    background_of,
    options_of,
)
from snellen.limits import MAX_SIDE_PIXELS
from snellen.phrases import plural
from snellen.plain import plain, say

if TYPE_CHECKING:
    import numpy as np

    from snellen.data.dataset import Dataset
    from snellen.data.readers.hdf5 import Union

app = typer.Typer(
    help="List the data sets known by name, download them, and describe your own data.", no_args_is_help=True
)


@app.command("list")
def list_(data_dir: DataFolder = None, as_json: AsJson = False) -> None:
    """List the data sets that Snellen knows by name, and where each is on this machine."""
    from rich.table import Table

    from snellen.console import console_for

    rows = [_entry(name, data_dir) for name in _names()]
    if as_json:
        say(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("name", "images", "what", "where"):
        table.add_column(column, justify="right" if column == "images" else "left", overflow="fold")
    for row in rows:
        size = f"  ({row['bytes'] / 1e6:.0f} MB)" if row["bytes"] else ""
        where = row["path"] or f"snellen data fetch {row['name']}{size}"
        table.add_row(row["name"], f"{row['images']:,}", row["about"], where)
    console_for().print(table, highlight=False)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `snellen data list`.")],
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Folder to download to. Default: the user's cache.")
    ] = None,
) -> None:
    """Download a data set, unless it is on this machine already, and verify it. Run again to resume."""
    from snellen.data import catalog, download, load
    from snellen.errors import unknown
    from snellen.files.cache import cache_folder

    name = catalog.known_name(name) or name
    if name not in catalog.NAMES:
        raise unknown("data set", name, catalog.NAMES)
    if name in catalog.PUBLISHED:
        folder = (data_dir or cache_folder() / "datasets") / name
        if load.find(name, data_dir) in (None, folder):
            with _Bars() as bars:
                download.fetch(catalog.PUBLISHED[name].files, folder, bars.show)
    dataset = load.read(name, data_folder=data_dir)
    where = load.find(name, data_dir) or "comes with Snellen"
    say(f"{name}: {len(dataset):,} images, identical to the published ones; {where}")


@app.command()
def describe(
    source: Annotated[
        str, typer.Argument(metavar="NAME-or-PATH", help="A name from `snellen data list`, or a file or folder.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.html",
            help="File for the page. Default: NAME-exploration.html in the working folder; with --json no page.",
        ),
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_SIDE_PIXELS,
            metavar="PIXELS",
            help="Resize all images to this height and width; needed when their sizes differ.",
        ),
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Convert colours to grey.")] = False,
    background: FillColour = None,
    exclude: Annotated[
        bool, typer.Option("--exclude-bad-images", help="Leave out image files that cannot be read, and list them.")
    ] = False,
    follow_links: FollowLinks = False,
    kind: Kind = None,
    keys: Keys = None,
    pixel_range: PixelRange = None,
    class_names: Annotated[
        list[str] | None,
        typer.Option(
            "--class-name", metavar="NAME", help="The name of a class, once for each in the order of the labels."
        ),
    ] = None,
    about: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="A description of the images, for the page.")
    ] = None,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Describe a data set, and write a page with samples, classes, pixel values, brightness and duplicates."""
    from snellen.data.inspect.describe import describe as describe_dataset
    from snellen.data.inspect.near_duplicates import MAX_EXPLORED_IMAGES, near_duplicates_if_quick
    from snellen.data.load import find, read
    from snellen.data.readers.hdf5 import unions
    from snellen.data.resizing import Resizing

    options = replace(
        options_of(kind, keys, pixel_range),
        resizing=Resizing(step="resize", height=resize, width=resize) if resize else None,
        grey=grey,
        background=background_of(background),
        on_bad_image="exclude" if exclude else None,
        links="follow" if follow_links else None,
        class_names=tuple(class_names) if class_names else None,
        description=about,
    )
    dataset, path = read(source, options, data_dir), find(source, data_dir)
    found_near = near_duplicates_if_quick(dataset, MAX_EXPLORED_IMAGES)
    near = found_near.sets if found_near else None
    description, found = describe_dataset(dataset, near), unions(path) if path else []
    if as_json:
        listed = [{"array": union.array, "parts": list(union.parts)} for union in found]
        say(json.dumps(description | {"unions": listed}, indent=2))
    else:
        _print(description, found)
    if out or not as_json:
        page = out or Path(f"{dataset.name}-exploration.html")
        _write_page(page, dataset, description, near, path, found)
        say(f"  page         {page}", file=sys.stderr if as_json else sys.stdout)


def _names() -> tuple[str, ...]:
    from snellen.data.catalog import NAMES

    return NAMES


def _entry(name: str, data_folder: Path | None) -> dict[str, Any]:
    from snellen.data import catalog, load

    if name in catalog.BUNDLED:
        bundled = catalog.BUNDLED[name]
        return {"name": name, "images": bundled.rows, "about": bundled.about, "bytes": 0, "path": "comes with Snellen"}
    published, path = catalog.PUBLISHED[name], load.find(name, data_folder)
    lengths = [remote.num_bytes for remote in published.files]
    num_bytes = sum(each or 0 for each in lengths) if all(lengths) else None  # None where none is published
    where = str(path) if path else None
    return {"name": name, "images": published.num_rows, "about": published.about, "bytes": num_bytes, "path": where}


def _write_page(
    page: Path,
    dataset: Dataset,
    description: dict[str, Any],
    near: np.ndarray | None,
    path: Path | None,
    unions: list[Union],
) -> None:
    from snellen.data.inspect.image_headers import sample_headers
    from snellen.files.atomic import write_text
    from snellen.report.exploration import explore, render

    leaks = [
        f"`{union.array}` holds exactly the rows of {union.parts[0]} and {union.parts[1]}: using it leaks data."
        for union in unions
    ]
    headers = sample_headers(dataset, path) if path else []
    write_text(page, render(explore(dataset, headers, leaks, description, near)))


def _print(description: dict[str, Any], unions: list[Union]) -> None:
    """The description as text."""
    height, width, channels = description["shape"]
    pixels, duplicates = description["pixels"], description["duplicates"]
    means, deviations = (", ".join(f"{value:.4g}" for value in pixels[key]) for key in ("means", "deviations"))
    low, high = description["pixel_range"]
    parts = {"official validation": description["official_validation"], "official test": description["official_test"]}
    given = ", ".join(f"{number:,} of them in the {part}" for part, number in parts.items() if number)
    say(f"{description['name']}: {description['images']:,} images, {given or 'no official test'}")
    if description["description"]:
        say(f"  description  {description['description']}")
    for remark in description["remarks"]:
        say(f"  remark       {remark}")
    say(f"  shape        {height}x{width}, {channels} channel{'s' if channels > 1 else ''}, {description['type']}")
    say(f"  pixels       {pixels['least']:g} to {pixels['greatest']:g} (black {low:g}, white {high:g})")
    say(f"               mean {means}, standard deviation {deviations}")
    say("  missing      none; files with missing values are refused")
    in_test = f"; {duplicates['in_official_test']:,} other rows have an image of the official test"
    say(f"  duplicates   {duplicates['copies']:,} copies{in_test if description['official_test'] else ''}")
    if (near := description["near_duplicates"]) is None:
        say("  near         not looked for: too many images")
    else:
        in_test = f"; {near['sets_in_official_test_too']:,} sets include images of the official test"
        say(
            f"  near         {near['images']:,} images are almost the same as another, in {near['sets']:,} sets"
            f"{in_test if description['official_test'] else ''}"
        )
    say(f"  conflicting  {description['conflicting']:,} rows whose image has more than one label")
    if description["constant"]:
        say(f"  constant     {plural(description['constant'], 'image')} of one colour")
    if description["groups"] is not None:
        say(f"  groups       {description['groups']:,}")
    for item in description["excluded"]:
        say(f"  excluded     {item['file']}: {item['reason']}")
    for union in unions:
        say(f"  leak         {union.array} holds exactly the rows of {union.parts[0]} and {union.parts[1]}")
    say(f"  fingerprint  {description['fingerprint']}")
    say(f"  classes      {len(description['classes'])}{_unnamed(description)}")
    for each in description["classes"]:
        tested = f" + {each['official_test']:,} test" if description["official_test"] else ""
        say(f"    {each['class']}: {each['images']:,}{tested}")


def _unnamed(description: dict[str, Any]) -> str:
    """How to name classes that are only numbered, for data without a description. For a file named like Fashion-MNIST
    that is not recognised, it gives the line to write."""
    from snellen.data.catalog import PUBLISHED
    from snellen.phrases import yaml_list

    names = [each["class"] for each in description["classes"]]
    if description["description"] or not all(name.isdecimal() for name in names):
        return ""
    fashion = PUBLISHED["fashion-mnist"].classes or ()
    supposed = len(names) == len(fashion) and "fashion" in description["name"].casefold()
    line = f"class_names: {yaml_list(fashion)}" if supposed else "class_names: [...]"
    return f", only numbered; `{line}` in the study's data, or --class-name, gives them names"


class _Bars:
    """A progress bar for each file that is downloaded; nothing when the output is not a terminal."""

    def __enter__(self) -> _Bars:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        from snellen.console import console_for

        console = console_for(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.tasks: dict[str, Any] = {}
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, name: str, received: int, num_bytes: int) -> None:
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(plain(name), total=num_bytes)
        self.progress.update(self.tasks[name], completed=received)
