"""Descriptions, for messages, of data that no reader recognises, and advice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from shlex import quote

from snellen.data.decoding.decoder import FORMATS, is_image
from snellen.data.readers.image_files import manifest
from snellen.data.readers.image_files.folder_tree import DATA_SUFFIXES, OTHER_SUFFIXES, may_be_image, suffix
from snellen.data.readers.image_files.image_zip import names_in_zip
from snellen.data.readers.image_files.tables_beside import line_for_tables
from snellen.data.readers.image_files.walk import list_folder
from snellen.data.readers.zip_archives import is_zip
from snellen.errors import DataError
from snellen.phrases import listing, plural, some

ARCHIVES = (".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
LISTED_NAMES = 5
"""The most names in a folder that a message quotes."""


def contents(path: Path) -> str:
    """A description of what is at a path, for a message."""
    if path.is_file():
        if names := names_in_zip(path):
            return f"a zip archive with {some(sorted(names), LISTED_NAMES)}"
        return f"{'an empty zip archive' if is_zip(path) else 'a file'} of {path.stat().st_size:,} bytes"
    if not path.is_dir():
        return "neither a file nor a folder"
    names = sorted(each.name for each in path.iterdir())
    kinds = [plural(number, f"{kind or 'no suffix'} file") for kind, number in _below(path).most_common()]
    kinds = [each.replace("no suffix file", "file") + " without a suffix" * ("no suffix" in each) for each in kinds]
    below = f" that hold {listing(kinds[:LISTED_NAMES])}" if kinds else ""
    return f"a folder with {some(names, LISTED_NAMES)}{below}" if names else "an empty folder"


def reading_hint(path: Path) -> str | None:
    """Advice for the most common cases: an archive, images without folders or in unsupported formats, a table with
    other column names."""
    if path.suffix.lower() in ARCHIVES:
        return "Unpack the archive and give the folder, or make a .zip file of it."
    if names := names_in_zip(path):
        return _unpacked(path, [name for name in names if not name.endswith("/") and _may_be_read(name)])
    if path.is_dir():
        if any(map(is_image, path.iterdir())):
            return line_for_tables(path) or (
                "Images directly in a folder have no classes: put each into a folder named after its class, or list "
                "them in a CSV file with the columns path and label, and give that file."
            )
        return _converted(path, [kind for kind in _below(path) if kind and kind not in OTHER_SUFFIXES])
    if path.suffix.lower() not in manifest.SUFFIXES:
        return None
    return "If it is a table that lists images, name its columns: `kind: manifest, keys: {path: ..., label: ...}`."


def _may_be_read(name: str) -> bool:
    return may_be_image(name) or suffix(name) in (*DATA_SUFFIXES, *ARCHIVES, ".zip", ".txt")


def _unpacked(path: Path, files: list[str]) -> str:
    """The commands that unpack an archive and read its content. files: its files that may be readable."""
    if not files:
        return "Nothing in it is an image, a table or an array: give the archive that has the images."
    folder = path.with_suffix("").with_suffix("") if path.with_suffix("").suffix else path.with_suffix("")
    lone = [name for name in files if "train" in name.lower()] if len(files) > 1 else files
    inside = f"{folder}/{lone[0]}" if len(lone) == 1 else str(folder)
    return (
        f"Unpack it and give what is inside: `python -m zipfile -e {quote(str(path))} {quote(str(folder))}` and "
        f"`snellen init {quote(inside)}`."
    )


def _converted(path: Path, kinds: list[str]) -> str | None:
    """Advice to convert images of unsupported formats to PNG files: with Pillow if it reads them."""
    if not kinds:
        return None
    from PIL import Image

    Image.init()
    known = [kind for kind in kinds if Image.registered_extensions().get(kind) in Image.OPEN]
    read = f"Images are read as {', '.join(FORMATS)}"
    if not known:
        return f"{read}: if these are images, convert them first, for example to PNG with ImageMagick."
    line = "import sys, pathlib; from PIL import Image; old, new = map(pathlib.Path, sys.argv[1:]); "
    line += "[((new / p.relative_to(old)).parent.mkdir(parents=True, exist_ok=True), "
    line += "Image.open(p).save((new / p.relative_to(old)).with_suffix('.png'))) "
    line += f"for p in old.rglob('*{known[0]}')]"
    return f'{read}. To convert them: `python -c "{line}" {quote(str(path))} {quote(f"{path}-png")}`.'


def _below(path: Path) -> Counter[str]:
    """The number of files with each suffix in the folders of a folder."""
    try:
        return Counter(suffix(file) for file in list_folder(path, follow_links=False).files if "/" in file)
    except DataError:
        return Counter()
