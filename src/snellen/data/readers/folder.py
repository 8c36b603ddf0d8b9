"""A folder of picture files by class, `photos/cat/1.jpg`, with or without a train/test level above the classes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.readers.picture import is_picture
from snellen.data.readers.picture_files import ROLES, VALIDATION, Below, Listed, dataset_of, is_test, keep_classes
from snellen.data.readers.reader import Options, Reader
from snellen.data.readers.streams import reachable
from snellen.errors import DataError, StudyError, located
from snellen.limits import MAX_FOLDER_DEPTH, MAX_LISTED_FILES

SYSTEM_FILES = ("thumbs.db", "desktop.ini")


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in SYSTEM_FILES


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and _is_visible(each.name))


def _has_parts(root: Path) -> bool:
    """Whether the folders in `root` are the parts of a publisher rather than classes."""
    return {folder.name.lower() for folder in _folders(root)} <= {*ROLES, *VALIDATION}


def _parts(root: Path) -> list[tuple[Path, bool]]:
    """The folders that hold classes, and whether each is the official test."""
    if not _has_parts(root):
        return [(root, False)]
    parts = []
    for folder in _folders(root):
        with located(folder.name):
            parts.append((folder, is_test(folder.name)))
    return parts


def _files_below(folder: Path, below: Below) -> Iterator[str]:
    """Every visible file at any depth, by its path below the folder. Raises DataError for any linked folder."""
    for linked, file in _walk(folder):
        if linked:
            below.check(folder / file)
            raise DataError("a linked folder", expected="a folder", where=file)
        yield file


def _walk(folder: Path) -> Iterator[tuple[bool, str]]:
    """Every visible file at any depth, and every linked folder, which is not entered: whether it is one, and its path
    below `folder` with forward slashes.

    Not `os.walk`, which leaves out without a word what it cannot list, and calls itself for every folder in a folder.
    """
    left = [("", 1)]
    while left:
        place, depth = left.pop()
        if depth > MAX_FOLDER_DEPTH:
            expected = f"at most {MAX_FOLDER_DEPTH}"
            raise DataError("folders too deep", found=f"{depth} in each other", expected=expected, where=place)
        with os.scandir(folder / place) as entries:
            visible = sorted((entry for entry in entries if _is_visible(entry.name)), key=lambda entry: entry.name)
        for entry in visible:
            if not _is_folder(entry):
                yield False, f"{place}{entry.name}"
            elif entry.is_symlink():
                yield True, f"{place}{entry.name}"
        left += [(f"{place}{entry.name}/", depth + 1) for entry in reversed(visible) if _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """False also for links in circles, which are refused with their names when they are opened."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _listed(root: Path, options: Options) -> list[Listed]:
    """Every file of every class folder, by path. Raises DataError for loose pictures and empty classes."""
    if options.keys:
        raise StudyError("`keys` for a folder of pictures", found=", ".join(options.keys), hint="Remove `keys`.")
    below, rows = Below(root), list[Listed]()
    with reachable():
        for part, tested in _parts(root):
            _check_no_loose_pictures(part, root)
            for folder in _folders(part):
                for row in _listed_class(folder, root, tested, below, options):
                    rows.append(row)
                    if len(rows) > MAX_LISTED_FILES:
                        expected = f"at most {MAX_LISTED_FILES:,}"
                        raise DataError("too many pictures", found=f"{len(rows):,} or more", expected=expected)
    return sorted(rows, key=lambda row: row.id)


def _listed_class(folder: Path, root: Path, tested: bool, below: Below, options: Options) -> Iterator[Listed]:
    none, prefix = True, folder.relative_to(root).as_posix()
    with located(prefix):
        below.check(folder / "any")
        for name in _files_below(folder, below):
            file, path = folder / name, f"{prefix}/{name}"
            with located(name):
                below.check(file)
                group = options.group.of_path(path) if options.group else None
            yield Listed(file, path, folder.name, tested, group, path)
            none = False
        if none:
            raise DataError("an empty class folder", expected="at least one picture")


def _check_no_loose_pictures(part: Path, root: Path) -> None:
    loose = next((each for each in sorted(part.iterdir()) if each.is_file() and is_picture(each)), None)
    if loose:
        where = loose.relative_to(root).as_posix()
        raise DataError("a picture outside the class folders", expected="pictures in a folder a class", where=where)


def _recognises(path: Path) -> bool:
    """Whether there is a picture in a folder of `path`, at any depth."""
    if not path.is_dir():
        return False
    with reachable():
        return any(is_picture(Path(file)) for folder in _folders(path) for _, file in _walk(folder))


def _files(path: Path, options: Options) -> list[Path]:
    return [row.file for row in keep_classes(_listed(path, options), options)[0]]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    return dataset_of(_listed(path, options), options, name)


READER = Reader(
    version=1,
    looks_for="a folder with a folder of pictures for each class, these maybe in folders `train` and `test`",
    recognises=_recognises,
    files=_files,
    decode=_decode,
    of_picture_files=True,
)
