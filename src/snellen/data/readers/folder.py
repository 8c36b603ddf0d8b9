"""A folder of picture files in a folder for each class, `photos/cat/1.jpg`, maybe with `train` and `test` above."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from snellen.data.dataset import Dataset, PartRole
from snellen.data.pictures import is_picture
from snellen.data.readers.labelled_pictures import (
    ROLES,
    LabelledFile,
    SourceFolder,
    read_dataset,
    role_of,
    select_rows,
)
from snellen.data.readers.reader import Options, Reader
from snellen.data.streams import reachable
from snellen.errors import DataError, StudyError, located
from snellen.limits import MAX_FOLDER_DEPTH, MAX_LISTED_FILES

SYSTEM_FILES = ("thumbs.db", "desktop.ini")


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in SYSTEM_FILES


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and _is_visible(each.name))


def _has_parts(root: Path) -> bool:
    """Whether the folders in `root` are train, validation and test rather than classes."""
    return {folder.name.lower() for folder in _folders(root)} <= {*ROLES}


def _parts(root: Path) -> list[tuple[Path, PartRole]]:
    """The folders that hold class folders, and what each is for."""
    if not _has_parts(root):
        return [(root, "train")]
    return [(folder, role_of(folder.name)) for folder in _folders(root)]


def _files_below(folder: Path, source: SourceFolder) -> Iterator[str]:
    """Every visible file at any depth, by its path below the folder. Raises DataError for a linked folder."""
    for linked, file in _walk(folder):
        if linked:
            source.check(folder / file)
            raise DataError("a linked folder", expected="a folder", where=file)
        yield file


def _walk(folder: Path) -> Iterator[tuple[bool, str]]:
    """(whether it is a linked folder, path below `folder` with forward slashes) of every visible file at any depth, and
    of every linked folder, which is not entered.

    Not `os.walk`, which silently skips folders that it cannot list, and is recursive.
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
    """False also for circular links, which are refused by name when they are opened."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _list_files(root: Path, options: Options) -> list[LabelledFile]:
    """Every file of every class folder, by path. Raises DataError for loose pictures and empty classes."""
    if options.keys:
        raise StudyError("`keys` for a folder of pictures", found=", ".join(options.keys), hint="Remove `keys`.")
    source, rows = SourceFolder(root), list[LabelledFile]()
    with reachable():
        for part, role in _parts(root):
            _check_no_loose_pictures(part, root)
            for folder in _folders(part):
                for row in _list_class(folder, root, role, source, options):
                    rows.append(row)
                    if len(rows) > MAX_LISTED_FILES:
                        expected = f"at most {MAX_LISTED_FILES:,}"
                        raise DataError("too many pictures", found=f"{len(rows):,} or more", expected=expected)
    return sorted(rows, key=lambda row: row.id)


def _list_class(
    folder: Path, root: Path, role: PartRole, source: SourceFolder, options: Options
) -> Iterator[LabelledFile]:
    empty, prefix = True, folder.relative_to(root).as_posix()
    with located(prefix):
        source.check(folder / "any")
        for name in _files_below(folder, source):
            file, path = folder / name, f"{prefix}/{name}"
            with located(name):
                source.check(file)
                group = options.group.of_row(path, role) if options.group else None
            yield LabelledFile(file, path, folder.name, role, group, path)
            empty = False
        if empty:
            raise DataError("an empty class folder", expected="at least one picture")


def _check_no_loose_pictures(part: Path, root: Path) -> None:
    loose = next((each for each in sorted(part.iterdir()) if each.is_file() and is_picture(each)), None)
    if loose:
        where = loose.relative_to(root).as_posix()
        raise DataError(
            "a picture outside the class folders", expected="each picture in the folder of its class", where=where
        )


def _recognises(path: Path) -> bool:
    """Whether a folder in `path` holds a picture, at any depth."""
    if not path.is_dir():
        return False
    with reachable():
        return any(is_picture(Path(file)) for folder in _folders(path) for _, file in _walk(folder))


def _files(path: Path, options: Options) -> list[Path]:
    return [row.file for row in select_rows(_list_files(path, options), options)[0]]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    return read_dataset(_list_files(path, options), options, name)


READER = Reader(
    version=2,
    looks_for="a folder with a folder of pictures for each class, or `train` and `test` folders that hold such",
    recognises=_recognises,
    files=_files,
    decode=_decode,
    of_picture_files=True,
)
