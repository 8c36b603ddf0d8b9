"""The files of a folder at any depth, without files that systems leave there, and through links only by permission."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from snellen.data.streams import reachable
from snellen.errors import DataError, OutsideFolder
from snellen.limits import MAX_FOLDER_DEPTH, MAX_FOLDERS, MAX_LINKED_FOLDERS, MAX_LISTED_FILES
from snellen.phrases import plural, some

SYSTEM_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
SYSTEM_FOLDERS: tuple[str, ...] = (
    "__macosx",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
)
SYSTEM_FOLDERS += ("__pycache__",)
"""Names of files that Windows, macOS, network drives and Python leave in folders, in lower case."""

LOOKED_AT_LINKS, LOOKED_AT = 100, 10_000
"""The most links to folders, and files behind each, that are visited to recognise a folder: `/` has millions."""

NAMED_PLACES, NAMED_LEFTOVERS = 3, 10
"""The most linked folders, and skipped names, that one sentence names."""

FOLLOW_HINT = (
    "If that is meant, say `links: follow` under `data` of a study, or --follow-links for `snellen data describe` "
    "and `snellen predict`."
)

KEY_HINT = "`snellen init`, `snellen predict` and `snellen data describe` take --key USE=NAME for that."


@dataclass
class Listing:
    """The content of a folder, by paths with forward slashes. files: sorted. folders: all visited folders. passed_over:
    names of skipped system and hidden files, with counts. outside: folders that links lead to, with their numbers of
    files."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)

    def remarks(self) -> Iterator[str]:
        """Sentences on skipped files and on the targets of links."""
        if self.passed_over:
            named = [f"{name} ({number:,})" for name, number in sorted(self.passed_over.items())]
            yield f"Passed over, left by the system or hidden: {some(named, NAMED_LEFTOVERS, 'other names')}."
        if self.outside:
            total, places = sum(self.outside.values()), self.outside.most_common()
            named = [f"{number:,} in {place}" for place, number in places[:NAMED_PLACES]]
            more = f" and in {len(places) - NAMED_PLACES:,} other folders" if len(places) > NAMED_PLACES else ""
            yield f"Links lead to {plural(total, 'file')} outside the folder: {', '.join(named)}{more}."


def system_name(name: str) -> str | None:
    """The name under which a file or folder is skipped; None if it is not skipped."""
    if name.startswith("._"):
        return "._*"
    lower = name.lower()
    return name if name.startswith(".") or lower in SYSTEM_FILES or lower in SYSTEM_FOLDERS else None


def list_folder(root: Path, follow_links: bool) -> Listing:
    """All files below `root`. Raises OutsideFolder for links that need permission, DataError for too many files,
    folders too deep, and links in a circle."""
    listing = Listing()
    with reachable():
        for file in _visit(root, follow_links, listing):
            listing.files.append(file)
            if len(listing.files) > MAX_LISTED_FILES:
                expected = f"at most {MAX_LISTED_FILES:,}"
                raise DataError("too many images", found=f"{len(listing.files):,} or more", expected=expected)
    listing.files.sort()
    return listing


def files_below(root: Path) -> Iterator[str]:
    """Files below `root` by which a folder is recognised: first those in it, and, if there are none, some behind links
    to folders. Permission to follow links is checked when the folder is listed."""
    links = list[str]()
    with reachable():
        yield from _visit(root, False, Listing(), links)
    for link in islice(links, LOOKED_AT_LINKS):  # the list grows in the loop
        further = list[str]()
        with suppress(OSError, DataError):  # such as /proc, or a folder without permission
            yield from (f"{link}/{file}" for file in islice(_visit(root / link, False, Listing(), further), LOOKED_AT))
        links += [f"{link}/{each}" for each in further]


def _visit(root: Path, follow_links: bool, listing: Listing, links: list[str] | None = None) -> Iterator[str]:
    """Not `os.walk`, which silently skips folders that it cannot list, and is recursive. links: if given, links to
    folders are collected there and not followed, and links to files need no permission."""
    inside = os.path.realpath(root)
    left: list[tuple[str, int, tuple[str, ...]]] = [("", 1, (inside,))]
    num_linked = 0
    while left:
        place, depth, above = left.pop()
        if depth > MAX_FOLDER_DEPTH + 1:  # the first is the root
            found, expected = f"{depth - 1} in each other", f"at most {MAX_FOLDER_DEPTH}"
            raise DataError("folders too deep", found=found, expected=expected, where=place)
        if len(listing.folders) > MAX_FOLDERS:
            raise DataError("too many folders", expected=f"at most {MAX_FOLDERS:,}", where=place)
        with os.scandir(root / place) as entries:
            found_here = sorted(entries, key=lambda entry: entry.name)
        below = list[tuple[str, int, tuple[str, ...]]]()
        for entry in found_here:
            path = f"{place}{entry.name}"
            if name := system_name(entry.name):
                listing.passed_over[name] += 1
            elif not is_folder(entry):
                if links is not None:
                    pass  # only names are needed
                elif entry.is_symlink() and leads_out(root / path, inside, follow_links, path):
                    listing.outside[str((root / path).resolve().parent)] += 1
                elif not is_below(above[-1], inside):
                    listing.outside[above[-1]] += 1
                yield path
            elif links is not None and entry.is_symlink():
                links.append(path)
            else:
                real = f"{above[-1]}{os.sep}{entry.name}"
                if entry.is_symlink():
                    real, num_linked = _linked_folder(real, above, inside, follow_links, path), num_linked + 1
                    if num_linked > MAX_LINKED_FOLDERS:
                        expected = f"at most {MAX_LINKED_FOLDERS:,}, each as often as it is reached"
                        raise DataError("too many linked folders", expected=expected, where=path)
                listing.folders.append(path)
                below.append((f"{path}/", depth + 1, (*above, real)))
        left += reversed(below)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """False also for circular links, which are reported when they are opened."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_below(path: str, folder: str) -> bool:
    """Whether a resolved path is a folder or inside it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def leads_out(file: Path, inside: str, follow_links: bool, place: str) -> bool:
    """Whether a linked file is outside the folder. Raises OutsideFolder if that is not permitted."""
    real = os.path.realpath(file)
    if is_below(real, inside):
        return False
    if not follow_links:
        raise OutsideFolder(
            "the path leaves the folder", found=real, expected=f"below {inside}", where=place, hint=FOLLOW_HINT
        )
    return True


def _linked_folder(folder: str, above: tuple[str, ...], inside: str, follow_links: bool, place: str) -> str:
    """The target of a linked folder. Raises OutsideFolder without permission, DataError for a circle."""
    real = os.path.realpath(folder)
    if real in above:
        raise DataError("a linked folder that leads back to a folder above it", found=real, where=place)
    if not follow_links:
        problem = "a linked folder" if is_below(real, inside) else "the path leaves the folder"
        raise OutsideFolder(problem, found=real, expected=f"a folder below {inside}", where=place, hint=FOLLOW_HINT)
    return real
