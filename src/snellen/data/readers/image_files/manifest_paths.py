"""The places of the images of a manifest: beside it, in a folder that the study names, or in a folder found by
searching."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from snellen.data.decoding.decoder import SUFFIXES
from snellen.data.readers.image_files.walk import FOLLOW_HINT, KEY_HINT, NAMED_PLACES, list_folder
from snellen.errors import DataError, OutsideFolder, located, shown
from snellen.phrases import plural

ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """The files of all rows, each with its id: the path below the manifest's folder, or the full path of a file
    elsewhere. remarks: sentences on their place, if they are not beside the manifest."""

    files: Sequence[Path]
    ids: Sequence[str]
    remarks: tuple[str, ...]


class SourceFolder:
    """The folder of a source, which paths and links may not leave unless `follow`. Each folder is resolved once."""

    def __init__(self, root: Path, follow: bool) -> None:
        self.given, self.root, self.follow = root.absolute(), Path(os.path.realpath(root)), follow
        self._inside = lru_cache(maxsize=None)(self._is_inside)

    def check(self, file: Path) -> None:
        """Raises OutsideFolder when `file`, or a folder above it, is a link that leads out."""
        if not self.follow and self.leads_out(file):
            raise self.outside(os.path.realpath(file))

    def leads_out(self, file: Path) -> bool:
        """Whether a file is outside, possibly because it, or a folder above it, is a link."""
        return not self._inside(file.parent) or (file.is_symlink() and not self._is_inside(file))

    def outside(self, path: str) -> OutsideFolder:
        """The error for a path that leads out."""
        expected = f"below {self.root}"
        return OutsideFolder("the path leaves the folder", found=path, expected=expected, hint=FOLLOW_HINT)

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)


def find_images(
    paths: Sequence[str],
    manifest: Path,
    place: Callable[[int], str],
    *,
    folder: str | None,
    follow: bool,
    lenient: bool,
) -> Found:
    """The files that the rows of a manifest name. folder: the folder that the study names, absolute or below the
    manifest's. lenient: whether missing files are left to the decoder, unless all are missing.

    Raises DataError naming the row of a bad path and of the first missing file, OutsideFolder for one that leads out.
    """
    home = SourceFolder(manifest.parent, follow)
    base = home if folder is None else SourceFolder(_given_folder(manifest.parent, folder), follow)
    names = list[str]()
    for row, path in enumerate(paths):
        with located(place(row)):
            names.append(_name(path, base))
    files = [base.root / name for name in names]
    missing = [row for row, file in enumerate(files) if not file.is_file()]
    remarks = list[str]()
    if missing and len(missing) == len(files):
        listed, said = _search(names, base.root)
        files, remarks = [base.root / name for name in listed], [said] if said else []
        missing = [row for row, file in enumerate(files) if not file.is_file()]
    if missing and (not lenient or len(missing) == len(files)):
        with located(place(missing[0])):
            raise _no_such_file(missing, files, base.root, names)
    for row in sorted({*range(len(files))} - {*missing}):
        with located(place(row)):
            base.check(files[row])
    outside = [file for file in files if home.leads_out(file)] if follow or folder is not None else []
    if outside:
        remarks.append(_said_of_outside(Counter(str(file.resolve().parent) for file in outside)))
    relative = folder is not None and not Path(folder).is_absolute()
    return Found(files, [_id(file, home, relative) for file in files], tuple(remarks))


def _given_folder(home: Path, folder: str) -> Path:
    place = home / folder.replace("\\", "/")
    if not place.is_dir():
        raise DataError("no such folder", found=str(place), where="data: keys: folder")
    return place


def _id(file: Path, home: SourceFolder, relative: bool) -> str:
    if file.is_relative_to(home.root):
        return file.relative_to(home.root).as_posix()
    return Path(os.path.relpath(file, home.root) if relative else file).as_posix()


def _name(path: str, base: SourceFolder) -> str:
    """The path below `base`, with forward slashes, or a full path elsewhere if that is permitted."""
    text = _without_scheme(path.strip())
    if ADDRESS.match(text):
        hint = "Download the images, and list the paths of their files."
        raise DataError("a web address", found=shown(text), expected="the path of a file", hint=hint)
    pure = PurePosixPath(text.replace("\\", "/"))
    if not pure.parts or "\0" in text:
        raise DataError("not a path", found=shown(path))
    foreign = bool(PureWindowsPath(text).drive) and os.name != "nt"
    normal = PurePosixPath(os.path.normpath(pure)) if ".." in pure.parts else pure
    for root in (base.root, base.given):
        if not foreign and normal.is_absolute() and normal.is_relative_to(root.as_posix()):
            normal = normal.relative_to(root.as_posix())
    if foreign or normal.is_absolute() or ".." in normal.parts:
        missing = foreign or (normal.is_absolute() and not Path(normal).exists())
        if not base.follow and not missing:
            raise base.outside(shown(path))
        return normal.as_posix()
    if not normal.parts:
        raise DataError("not a path", found=shown(path))
    return normal.as_posix()


def _without_scheme(text: str) -> str:
    """The path of a `file://` address of this machine. Raises DataError for one of another machine."""
    if not text.lower().startswith("file://"):
        return text
    parts = urlsplit(text)
    if parts.netloc.lower() not in ("", "localhost"):
        hint = "Write file:///folder/name.png, with three slashes, or the path alone."
        raise DataError("a file of another machine", found=shown(text), expected="a file here", hint=hint)
    return url2pathname(parts.path)


def _search(names: Sequence[str], root: Path) -> tuple[list[str], str | None]:
    """The names as paths below `root`, if each name that is found is unambiguous, and a sentence on that; the names
    unchanged if fewer than half are found. Raises DataError if there are several choices."""
    candidates = _candidates(names, root)
    if 2 * sum(map(bool, candidates)) < len(names):
        return list(names), None
    everywhere = set.intersection(*({folder for folder, _ in each} for each in candidates if each))
    if any(len(each) > 1 for each in candidates):
        if len(everywhere) != 1:
            raise _several(names, candidates)
        (only,) = everywhere
        candidates = [[each for each in some if each[0] == only] for some in candidates]
        if any(len(each) > 1 for each in candidates):
            raise _several(names, candidates)
    folders = Counter(each[0][0] for each in candidates if each)
    listed = [f"{each[0][0]}{each[0][1]}" if each else name for name, each in zip(names, candidates, strict=True)]
    if len(folders) == 1:
        listed = [path if each else f"{min(folders)}{path}" for path, each in zip(listed, candidates, strict=True)]
    where = " and ".join(f"{folder or './'} ({number:,})" for folder, number in folders.most_common(NAMED_PLACES))
    more = f" and {len(folders) - NAMED_PLACES:,} more folders" if len(folders) > NAMED_PLACES else ""
    added = {PurePosixPath(each[0][1]).suffix for name, each in zip(names, candidates) if each and each[0][1] != name}
    suffix = f", with {' or '.join(sorted(added))} added to the listed names" if added else ""
    return listed, f"The listed images are in {where}{more}{suffix}."


def _candidates(names: Sequence[str], root: Path) -> list[list[tuple[str, str]]]:
    """For each name the files below `root` that it may mean, as (folder with a slash at its end, path in it): files
    whose path ends with the name, or, if it has no suffix of an image, with the name and such a suffix."""
    by_name: dict[str, list[str]] = {}
    for path in list_folder(root, follow_links=True).files:
        name = path.rpartition("/")[2]
        by_name.setdefault(name, []).append(path)
        pure = PurePosixPath(name)
        if pure.suffix.lower() in SUFFIXES:
            by_name.setdefault(pure.stem, []).append(path)
    return [_meant(name, by_name.get(name.rpartition("/")[2], ())) for name in names]


def _meant(name: str, paths: Iterable[str]) -> list[tuple[str, str]]:
    found = list[tuple[str, str]]()
    with_suffix = name.lower().endswith(SUFFIXES)
    for path in paths:
        exact = path.endswith(name)
        bare = path if exact else path.rpartition(".")[0]
        if not exact and with_suffix:
            continue
        if bare == name or bare.endswith(f"/{name}"):
            start = len(bare) - len(name)
            found.append((path[:start], path[start:]))
    return found


def _several(names: Sequence[str], candidates: Sequence[Sequence[tuple[str, str]]]) -> DataError:
    row = max(range(len(names)), key=lambda row: len(candidates[row]))
    found = [f"{folder}{name}" for folder, name in candidates[row]]
    folders = sorted({folder for each in candidates for folder, _ in each})
    if len(folders) > 1:
        lines = [f"`keys: {{folder: {folder.rstrip('/') or '.'}}}`" for folder in folders[:NAMED_PLACES]]
        hint = f"Say under `data` in which folder they are: {' or '.join(lines)}. {KEY_HINT}"
    else:
        hint = "List the names of the files with their suffixes."
    listed = ", ".join(found[:NAMED_PLACES])
    return DataError("a listed name could be several files", found=f"{names[row]}: {listed}", expected="one", hint=hint)


def _no_such_file(missing: Sequence[int], files: Sequence[Path], root: Path, names: Sequence[str]) -> DataError:
    """The error that names the first missing file, the number of missing files, and folders with files of such
    names."""
    first = names[missing[0]]
    others = f" (and {len(missing) - 1:,} others of {len(files):,})" if len(missing) > 1 else ""
    if len(missing) < len(files):
        hint = "To leave missing files out, say `on_bad_image: exclude` under `data` of a study."
        return DataError("no such file", found=f"{first}{others}", hint=hint)
    by_end = _candidates([PurePosixPath(name).name for name in names], root)
    folders = Counter(folder.rstrip("/") or "." for each in by_end for folder, _ in each)
    if not folders:
        hint = f"They are looked for in {root}. If they are elsewhere, name their folder: `keys: {{folder: ...}}`."
    else:
        where = " and ".join(f"{folder} ({number:,})" for folder, number in folders.most_common(NAMED_PLACES))
        hint = f"Files of such names are in {where}: list their paths below the folder of this file."
    return DataError("no such file", found=f"{first}{others}", expected=f"files below {root}", hint=hint)


def _said_of_outside(folders: Mapping[str, int]) -> str:
    named = [f"{number:,} in {folder}" for folder, number in Counter(folders).most_common(NAMED_PLACES)]
    more = f" and in {len(folders) - NAMED_PLACES:,} other folders" if len(folders) > NAMED_PLACES else ""
    total = plural(sum(folders.values()), "listed image")
    return f"Outside the folder of the manifest: {total}, {', '.join(named)}{more}."
