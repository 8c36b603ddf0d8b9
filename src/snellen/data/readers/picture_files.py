"""Picture files with labels, listed by a folder or a manifest, as a Dataset."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset, Excluded
from snellen.data.groups import first_alike
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.picture import DEPTHS, alike, decode, in_threads
from snellen.data.readers.reader import Options
from snellen.data.readers.text import check_text
from snellen.errors import SHOWN_ITEMS, DataError, located, shown, unknown
from snellen.limits import MAX_CLASSES, MAX_LABEL_CHARACTERS, MAX_SIDE_PIXELS

SIZES_LISTED = 10
LONGEST_NUMBER = 18
"""Digits of a class name that is a number; Python takes seconds over millions of digits."""
LEAVE_OUT = (
    "Such files are left out by `on_bad_image: exclude` in a study's `data`, and by --exclude-bad-images of "
    "`snellen data describe`."
)
VALIDATION = ("validation", "valid", "val")
ROLES = {"train": False, "training": False, "test": True, "testing": True}
"""Names of a publisher's parts, in lower case: whether they are the official test."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row to be. id: the file's path below the source, with forward slashes. place: the same for messages."""

    file: Path
    id: str
    label: str
    is_test: bool
    group: str | None
    place: str


def is_test(role: str) -> bool:
    """Whether a part of that name is the official test. Raises DataError for a name that is no role."""
    name = role.strip().lower()
    if name in VALIDATION:
        hint = "Snellen takes validation rows out of the training part (`split.validation`): make them part of `train`."
        raise DataError("a validation part cannot be given", found=shown(role), expected="train or test", hint=hint)
    if name not in ROLES:
        raise DataError("unknown role", found=shown(role), expected="train or test")
    return ROLES[name]


class Below:
    """A folder that no file may leave. Folders are resolved once each."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._inside = lru_cache(maxsize=None)(self._is_inside)

    def check(self, file: Path) -> None:
        """Raises DataError when `file`, or a folder above it, is a link that leads out."""
        if not self._inside(file.parent) or (file.is_symlink() and not self._is_inside(file)):
            raise DataError("the path leaves the folder", found=os.path.realpath(file), expected=f"below {self.root}")

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)


def natural(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names in order: of numbers when all are numbers, otherwise of letters."""
    distinct = set(names)
    numeric = all(name.isascii() and name.isdecimal() and len(name) <= LONGEST_NUMBER for name in distinct)
    return tuple(sorted(distinct, key=lambda name: (int(name) if numeric else 0, name)))


def keep_classes(rows: Sequence[Listed], options: Options) -> tuple[list[Listed], tuple[str, ...]]:
    """The rows of the classes that the study wants, and these classes in order.

    Raises UnknownName for a wanted class without rows, DataError for a label that `class_names` lacks.
    """
    for row in rows:
        _check_text(row)
    found = natural(row.label for row in rows)
    if options.class_names is None and options.classes is None and len(found) > MAX_CLASSES:
        raise DataError("cannot classify", found=f"{len(found):,} classes", expected=f"2 to {MAX_CLASSES:,}")
    named = options.class_names or found
    known = set(named)
    for row in rows:
        if row.label not in known:
            expected = f"one of {', '.join(named[:SHOWN_ITEMS])}"
            raise DataError("label out of range", found=shown(row.label), expected=expected, where=row.place)
    for name in options.classes or ():
        if name not in known:
            raise unknown("class", name, named, where="data: classes")
    wanted = options.classes or named
    kept = set(wanted)
    return [row for row in rows if row.label in kept], wanted


def _check_text(row: Listed) -> None:
    with located(row.place):
        for name, what in ((row.id, "a file name"), (row.label, "a class name"), (row.group or "", "a group")):
            check_text(name, what)


def dataset_of(listed: Sequence[Listed], options: Options, name: str) -> Dataset:
    """The pictures of all files, decoded by threads, the training part first.

    Raises DataError naming the file: unreadable, mixed channels, other sizes than the rest; classes left without any.
    """
    rows, classes = keep_classes(listed, options)
    pictures, rows, excluded = _decoded(sorted(rows, key=lambda row: row.is_test), options)
    _check_complete(rows, classes)
    _check_sizes(pictures)
    pictures = alike(pictures, [row.place for row in rows])
    images, num_training = np.stack(pictures), sum(not row.is_test for row in rows)
    _check_labels(rows)
    labels = np.array([row.label for row in rows])
    parts = [Part(images[:num_training], labels[:num_training], "train", "train")]
    if num_training < len(rows):
        parts.append(Part(images[num_training:], labels[num_training:], "test", "test", official_test=True))
    white = DEPTHS[pictures[0].dtype]
    dataset = assemble(parts, classes if len(classes) > 1 else None, (0.0, white), name)
    return replace(dataset, ids=np.array([row.id for row in rows]), groups=_groups(rows), excluded=excluded)


def _check_labels(rows: Sequence[Listed]) -> None:
    longest = max(rows, key=lambda row: len(row.label))
    if len(longest.label) * len(rows) > MAX_LABEL_CHARACTERS:
        found, hint = f"{len(longest.label):,} characters", "Give the classes shorter names."
        raise DataError("a label too long", found=found, where=longest.place, hint=hint)


def _decoded(rows: Sequence[Listed], options: Options) -> tuple[list[np.ndarray], list[Listed], tuple[Excluded, ...]]:
    """Pictures and their rows, and the files excluded where the study says so."""

    def attempt(row: Listed) -> np.ndarray | Excluded:
        try:
            with located(row.place):
                return decode(row.file, options.fit, options.background)
        except DataError as error:
            if options.on_bad_image is None:
                error.hint = error.hint or LEAVE_OUT
                raise
            return Excluded(row.id, error.problem)

    good: list[np.ndarray] = []
    kept: list[Listed] = []
    excluded: list[Excluded] = []
    for row, picture in zip(rows, in_threads(attempt, rows), strict=True):
        if isinstance(picture, Excluded):
            excluded.append(picture)
        else:
            good.append(picture)
            kept.append(row)
    return good, kept, tuple(excluded)


def _check_complete(rows: Sequence[Listed], classes: Sequence[str]) -> None:
    """Raises DataError when there is no training row, or a class is left without any."""
    if all(row.is_test for row in rows):
        raise DataError("no training pictures", found=f"{len(rows):,} test pictures" if rows else "no readable picture")
    empty = set(classes) - {row.label for row in rows}
    if empty:
        raise DataError("a class without pictures", found=", ".join(natural(empty)), expected="at least one of each")


def _check_sizes(pictures: Sequence[np.ndarray]) -> None:
    """Raises DataError, with all sizes found, when there is more than one or it is too large."""
    sizes = Counter(picture.shape[:2] for picture in pictures)
    if len(sizes) == 1 and max(max(sizes)) <= MAX_SIDE_PIXELS:
        return
    listed = [f"{height}x{width} ({number:,})" for (height, width), number in sizes.most_common(SIZES_LISTED)]
    more = [f"{len(sizes) - SIZES_LISTED:,} others"] if len(sizes) > SIZES_LISTED else []
    raise DataError(
        "pictures of different sizes" if len(sizes) > 1 else "pictures too large",
        found=f"height x width (pictures): {', '.join([*listed, *more])}",
        expected=f"one size, sides up to {MAX_SIDE_PIXELS}",
        hint="Say `resize: 32`, `crop: 32` or `pad: 32` (or [height, width]) under `data` of a study, or `--resize 32` "
        "to `snellen data describe`.",
    )


def _groups(rows: Sequence[Listed]) -> np.ndarray | None:
    """(N,) int64, the first row of each group; None when no row names one."""
    if rows[0].group is None:
        return None
    return first_alike(np.array([row.group for row in rows]))
