"""Picture files with labels, from a folder or a manifest, read into a Dataset."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snellen.data.dataset import Dataset, Excluded, PartRole
from snellen.data.groups import first_occurrences
from snellen.data.pictures import Background, Picture, decode_picture, in_threads, picture_of, with_common_format
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.picture_scale import depths_of, picture_scale
from snellen.data.readers.reader import Options
from snellen.data.readers.text import check_text, natural_order
from snellen.data.resizing import Resizing
from snellen.errors import SHOWN_ITEMS, DataError, PictureSizes, located, shown, unknown
from snellen.limits import MAX_CLASSES, MAX_LABEL_CHARACTERS, MAX_SIDE_PIXELS

if TYPE_CHECKING:
    from PIL import Image

SIZES_LISTED = 10
EXCLUDE_HINT = (
    "To leave such files out, say `on_bad_image: exclude` under `data` of a study, or --exclude-bad-images for "
    "`snellen data describe`."
)
ROLES: dict[str, PartRole] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of a publisher's parts, in lower case, and what each is for."""
ORDER: tuple[PartRole, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A row of the data set. id: the path below the source, with forward slashes. place: the same for messages.

    content: the picture where it is at hand: the bytes of its file, or a picture that Pillow has open; then `file` is
    not read.
    """

    file: Path
    id: str
    label: str
    role: PartRole
    group: str | None
    place: str
    content: bytes | Image.Image | None = None

    def decode(self, resizing: Resizing | None, background: Background | None) -> Picture:
        """The decoded picture. Raises DataError."""
        if self.content is None or isinstance(self.content, bytes):
            return decode_picture(self.file if self.content is None else self.content, resizing, background)
        return picture_of(self.content, resizing, background)


def role_of(name: str) -> PartRole:
    """What the part of that name is for. Raises DataError for an unknown name."""
    role = ROLES.get(name.strip().lower())
    if role is None:
        raise DataError("unknown role", found=shown(name), expected="train, validation or test")
    return role


class SourceFolder:
    """The folder of a source, which links may not leave. Each folder is resolved once."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._inside = lru_cache(maxsize=None)(self._is_inside)

    def check(self, file: Path) -> None:
        """Raises DataError when `file`, or a folder above it, is a link that leads out."""
        if not self._inside(file.parent) or (file.is_symlink() and not self._is_inside(file)):
            raise DataError("the path leaves the folder", found=os.path.realpath(file), expected=f"below {self.root}")

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)


def select_rows(rows: Sequence[LabelledFile], options: Options) -> tuple[list[LabelledFile], tuple[str, ...]]:
    """The rows of the classes that the study keeps, and these classes in order.

    Raises UnknownName for such a class without rows, DataError for a label that is not in `class_names`.
    """
    for row in rows:
        _check_text(row)
    found = natural_order(row.label for row in rows)
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
    classes = options.classes or named
    kept = set(classes)
    return [row for row in rows if row.label in kept], classes


def _check_text(row: LabelledFile) -> None:
    with located(row.place):
        for name, what in ((row.id, "a file name"), (row.label, "a class name"), (row.group or "", "a group")):
            check_text(name, what)


def read_dataset(listed: Sequence[LabelledFile], options: Options, name: str) -> Dataset:
    """The pictures of all files, decoded by threads: the training part first, then validation and test.

    Raises DataError naming a file that cannot be read, PictureSizes, MixedTransparency, DataError for empty classes.
    """
    rows, classes = select_rows(listed, options)
    decoded, rows, excluded = _decode_all(sorted(rows, key=lambda row: ORDER.index(row.role)), options)
    pictures, animated = [picture.pixels for picture in decoded], sum(picture.animated for picture in decoded)
    del decoded  # its pixels, where they are converted below
    _check_complete(rows, classes, excluded)
    _check_sizes(pictures)
    depths = depths_of(pictures)
    pictures = with_common_format(pictures, [row.place for row in rows])
    images = np.stack(pictures)
    _check_labels(rows)
    labels, roles = np.array([row.label for row in rows]), np.array([row.role for row in rows])
    parts = [Part(images[roles == role], labels[roles == role], role, role, role) for role in ORDER if role in roles]
    scale, remarks = picture_scale(depths, images, options)
    if animated:
        remarks = (*remarks, f"{animated:,} of the files are animations: only the first frame of each is read.")
    dataset = assemble(parts, classes if len(classes) > 1 else None, scale, name, remarks)
    if dataset.official_validation is None:  # it may repeat the other parts: see `assemble`
        rows = [row for row in rows if row.role != "validation"]
    return replace(dataset, ids=np.array([row.id for row in rows]), groups=_groups(rows), excluded=excluded)


def _check_labels(rows: Sequence[LabelledFile]) -> None:
    longest = max(rows, key=lambda row: len(row.label))
    if len(longest.label) * len(rows) > MAX_LABEL_CHARACTERS:
        found, hint = f"{len(longest.label):,} characters", "Give the classes shorter names."
        raise DataError("a label too long", found=found, where=longest.place, hint=hint)


def _decode_all(
    rows: Sequence[LabelledFile], options: Options
) -> tuple[list[Picture], list[LabelledFile], tuple[Excluded, ...]]:
    """Pictures and their rows, and the files that the study excludes because they cannot be read."""

    def attempt(row: LabelledFile) -> Picture | Excluded:
        try:
            with located(row.place):
                return row.decode(options.resizing, options.background)
        except DataError as error:
            if options.on_bad_image is None:
                error.hint = error.hint or EXCLUDE_HINT
                raise
            return Excluded(row.id, error.problem)

    good: list[Picture] = []
    kept: list[LabelledFile] = []
    excluded: list[Excluded] = []
    for row, picture in zip(rows, in_threads(attempt, rows), strict=True):
        if isinstance(picture, Excluded):
            excluded.append(picture)
        else:
            good.append(picture)
            kept.append(row)
    return good, kept, tuple(excluded)


def _check_complete(rows: Sequence[LabelledFile], classes: Sequence[str], excluded: Sequence[Excluded]) -> None:
    """Raises DataError when there is no training row, or a class has no rows; it names the first file left out."""
    first = (
        f"Left out: {len(excluded):,} files, such as {excluded[0].file}: {excluded[0].reason}." if excluded else None
    )
    if not any(row.role == "train" for row in rows):
        found = f"{len(rows):,} pictures of other parts" if rows else "no readable picture"
        raise DataError("no training pictures", found=found, hint=first)
    empty = set(classes) - {row.label for row in rows}
    if empty:
        found = ", ".join(natural_order(empty))
        raise DataError("a class without pictures", found=found, expected="at least one of each", hint=first)


def _check_sizes(pictures: Sequence[np.ndarray]) -> None:
    """Raises PictureSizes, with all sizes found, when there is more than one or it is too large."""
    sizes = Counter(picture.shape[:2] for picture in pictures)
    if len(sizes) == 1 and max(max(sizes)) <= MAX_SIDE_PIXELS:
        return
    listed = [f"{height}x{width} ({number:,})" for (height, width), number in sizes.most_common(SIZES_LISTED)]
    more = [f"{len(sizes) - SIZES_LISTED:,} others"] if len(sizes) > SIZES_LISTED else []
    raise PictureSizes(
        "pictures of different sizes" if len(sizes) > 1 else "pictures too large",
        found=f"height x width (pictures): {', '.join([*listed, *more])}",
        expected=f"one size, sides up to {MAX_SIDE_PIXELS}",
        hint="Give them one size: `resize: 32`, `crop: 32` or `pad: 32` (or [height, width]) under `data` of a study, "
        "or `--resize 32` for `snellen data describe`.",
    )


def _groups(rows: Sequence[LabelledFile]) -> np.ndarray | None:
    """(N,) int64, the first row of each group; None when no row names one."""
    if rows[0].group is None:
        return None
    return first_occurrences(np.array([row.group for row in rows]))
