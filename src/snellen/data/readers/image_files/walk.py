"""The files of a folder at any depth, without what systems leave there, and through links only by permission."""

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
"""What Windows, macOS, network drives and Python leave in folders, in lower case."""

LOOKED_AT_LINKS, LOOKED_AT = 100, 10_000
"""Links to folders, and files behind each, that are looked at when a folder is recognised: `/` has millions."""

NAMED_PLACES, NAMED_LEFTOVERS = 3, 10
"""Folders that links lead to, and names that were passed over, that one sentence names."""

FOLLOW_HINT = (
    "If that is meant, say `links: follow` under `data` of a study, or --follow-links for `snellen data describe` "
    "and `snellen predict`."
)

KEY_HINT = "`snellen init`, `snellen predict` and `snellen data describe` take --key USE=NAME for that."


@dataclass
class Listing:
    """What was found below a folder, by paths with forward slashes. files: sorted. folders: all that were looked into.
    passed_over: names of what systems leave and of hidden files, each with its number. outside: folders that links lead
    to, each with its number of files."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)

    def remarks(self) -> Iterator[str]:
        """Sentences on what was passed over and on where links lead."""
        if self.passed_over:
            named = [f"{name} ({number:,})" for name, number in sorted(self.passed_over.items())]
            yield f"Passed over, left by the system or hidden: {some(named, NAMED_LEFTOVERS, 'other names')}."
        if self.outside:
            total, places = sum(self.outside.values()), self.outside.most_common()
            named = [f"{number:,} in {place}" for place, number in places[:NAMED_PLACES]]
            more = f" and in {len(places) - NAMED_PLACES:,} other folders" if len(places) > NAMED_PLACES else ""
            yield f"Links lead to {plural(total, 'file')} outside the folder: {', '.join(named)}{more}."


def system_name(name: str) -> str | None:
    """Under which name a file or folder is passed over; None for one that is looked at."""
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
    """Files below `root` by which a folder is recognised: first those in it, then, after no others, some of those that
    links to folders lead to, whatever these are: whether they may be followed is asked when the folder is listed."""
    links = list[str]()
    with reachable():
        yield from _visit(root, False, Listing(), links)
    for link in islice(links, LOOKED_AT_LINKS):  # it grows
        further = list[str]()
        with suppress(OSError, DataError):  # such as /proc, or a folder that is not for everybody
            yield from (f"{link}/{file}" for file in islice(_visit(root / link, False, Listing(), further), LOOKED_AT))
        links += [f"{link}/{each}" for each in further]


def _visit(root: Path, follow_links: bool, listing: Listing, links: list[str] | None = None) -> Iterator[str]:
    """Not `os.walk`, which silently skips folders that it cannot list, and is recursive. links: where given, links to
    folders are put there and not followed, and those to files need no permission."""
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
                    pass  # only names are looked at
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
    """False also for circular links, which are refused by name when they are opened."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_below(path: str, folder: str) -> bool:
    """Whether a real path is a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def leads_out(file: Path, inside: str, follow_links: bool, place: str) -> bool:
    """Whether a linked file lies outside the folder. Raises OutsideFolder where that is not permitted."""
    real = os.path.realpath(file)
    if is_below(real, inside):
        return False
    if not follow_links:
        raise OutsideFolder(
            "the path leaves the folder", found=real, expected=f"below {inside}", where=place, hint=FOLLOW_HINT
        )
    return True


def _linked_folder(folder: str, above: tuple[str, ...], inside: str, follow_links: bool, place: str) -> str:
    """Where a linked folder leads. Raises OutsideFolder without permission, DataError for a circle."""
    real = os.path.realpath(folder)
    if real in above:
        raise DataError("a linked folder that leads back to a folder above it", found=real, where=place)
    if not follow_links:
        problem = "a linked folder" if is_below(real, inside) else "the path leaves the folder"
        raise OutsideFolder(problem, found=real, expected=f"a folder below {inside}", where=place, hint=FOLLOW_HINT)
    return real
