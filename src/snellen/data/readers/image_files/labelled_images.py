"""Image files with labels, from a folder or a manifest, read into a Dataset."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snellen.data.dataset import PART_ROLES, Dataset, Excluded, PartRole
from snellen.data.decoding.channels import with_common_format
from snellen.data.decoding.decoder import (
    DecodedImage,
    decode_content,
    decode_pages,
    image_of,
    in_threads,
    pages_of,
    read_content,
)
from snellen.data.decoding.tiff_stack import page_name
from snellen.data.groups import first_occurrences
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.image_files.image_scale import depths_of, image_scale
from snellen.data.readers.reader import Options
from snellen.data.readers.text import check_text, natural_order
from snellen.errors import SHOWN_ITEMS, DataError, ImageSizes, located, shown, unknown
from snellen.limits import MAX_CLASSES, MAX_IMAGES, MAX_LABEL_CHARACTERS, MAX_SIDE_PIXELS
from snellen.phrases import plural

if TYPE_CHECKING:
    from PIL import Image

SIZES_LISTED = 10
EXCLUDE_HINT = (
    "To leave such files out, say `on_bad_image: exclude` under `data` of a study, or --exclude-bad-images for "
    "`snellen data describe`."
)


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A row of the data set. file: a path, or a name in an archive. id: the path below the source, with forward
    slashes. place: the same for messages. content: the image if it is in memory: the bytes of its file, or an image
    open in Pillow; then `file` is not read. page: a page of a TIFF file, from 0; None for all of its pages, each of
    which becomes a row.
    """

    file: Path
    id: str
    label: str
    role: PartRole
    group: str | None
    place: str
    content: bytes | Image.Image | None = None
    page: int | None = None


def select_rows(rows: Sequence[LabelledFile], options: Options) -> tuple[list[LabelledFile], tuple[str, ...]]:
    """The rows of the classes that the study keeps, and these classes in order.

    Raises UnknownName for a kept class without rows, DataError for a label that is not in `class_names`, and for
    classes of other parts that the training part lacks.
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
    rows = [row for row in rows if row.label in kept]
    _check_trained(rows)
    return rows, classes


def _check_trained(rows: Sequence[LabelledFile]) -> None:
    trained = {row.label for row in rows if row.role == "train"}
    lacking = Counter((row.label, row.role) for row in rows if row.label not in trained)
    if not lacking or not trained:
        return
    named = [f"{label} ({number:,} in {role})" for (label, role), number in sorted(lacking.items())]
    alike = {name.strip().casefold(): name for name in trained}
    same = next(
        ((label, alike[key]) for label, _ in sorted(lacking) if (key := label.strip().casefold()) in alike), None
    )
    hint = f"To leave such images out, name those to keep: `classes: [{', '.join(natural_order(trained))}]`."
    if same:
        hint = f"If {shown(same[0])} and {shown(same[1])} are one class, give them one name."
    expected = f"those of the training part: {', '.join(natural_order(trained)[:SHOWN_ITEMS])}"
    raise DataError(
        "classes without training images", found=", ".join(named[:SHOWN_ITEMS]), expected=expected, hint=hint
    )


def _check_text(row: LabelledFile) -> None:
    with located(row.place):
        for name, what in ((row.id, "a file name"), (row.label, "a class name"), (row.group or "", "a group")):
            check_text(name, what)


def read_dataset(
    listed: Sequence[LabelledFile],
    options: Options,
    name: str,
    content_of: Callable[[LabelledFile], bytes] | None = None,
) -> Dataset:
    """The images of all files, decoded by threads: the training part first, then validation and test. content_of: the
    bytes of a row's file.

    Raises DataError naming a file that cannot be read, ImageSizes, MixedTransparency, DataError for empty classes.
    """
    rows, classes = select_rows(listed, options)
    rows = sorted(rows, key=lambda row: PART_ROLES.index(row.role))
    decoded, rows, excluded = _decode_all(rows, options, content_of or _content_of)
    pixels, animated = [image.pixels for image in decoded], sum(image.animated for image in decoded)
    reduced = sum(image.reduced for image in decoded)
    depths = depths_of(decoded)
    del decoded  # frees the pixels that are converted below
    _check_complete(rows, classes, excluded)
    _check_sizes(pixels)
    pixels = with_common_format(pixels, [row.place for row in rows])
    images = np.stack(pixels)
    _check_labels(rows)
    labels, roles = np.array([row.label for row in rows]), np.array([row.role for row in rows])
    parts = [
        Part(images[roles == role], labels[roles == role], role, role, role) for role in PART_ROLES if role in roles
    ]
    scale, remarks = image_scale(depths, images, options)
    if animated:
        remarks = (*remarks, f"{animated:,} of the files are animations: only the first frame of each is read.")
    remarks = (*remarks, *_said_of_pages(rows, reduced))
    dataset = assemble(parts, classes if len(classes) > 1 else None, scale, name, remarks)
    if dataset.official_validation is None:  # a validation part may repeat the other parts: see `assemble`
        rows = [row for row in rows if row.role != "validation"]
    return replace(dataset, ids=np.array([row.id for row in rows]), groups=_groups(rows), excluded=excluded)


def _content_of(row: LabelledFile) -> bytes:
    """Raises DataError that says why a file, or the target of its link, cannot be read."""
    try:
        row.file.stat()
    except OSError as error:
        found = os.path.realpath(row.file) if row.file.is_symlink() else None
        raise DataError(f"cannot be read: {error.strerror or error}", found=found) from error
    return read_content(row.file)


def _check_labels(rows: Sequence[LabelledFile]) -> None:
    longest = max(rows, key=lambda row: len(row.label))
    if len(longest.label) * len(rows) > MAX_LABEL_CHARACTERS:
        found, hint = f"{len(longest.label):,} characters", "Give the classes shorter names."
        raise DataError("a label too long", found=found, where=longest.place, hint=hint)


def _decode_all(
    rows: Sequence[LabelledFile], options: Options, content_of: Callable[[LabelledFile], bytes]
) -> tuple[list[DecodedImage], list[LabelledFile], tuple[Excluded, ...]]:
    """Images and their rows, and the files that the study excludes because they cannot be read."""

    def attempt(of_file: Sequence[LabelledFile]) -> list[tuple[LabelledFile, DecodedImage]] | DataError:
        row = of_file[0]
        try:
            with located(row.place):
                content = content_of(row) if row.content is None else row.content
                if isinstance(content, bytes):
                    return _images(of_file, content, options)
                any_scale = options.pixel_range is not None
                return [(row, image_of(content, options.resizing, options.background, any_scale))]
        except DataError as error:
            if options.on_bad_image is None:
                error.hint = error.hint or EXCLUDE_HINT
                raise
            return error

    good: list[DecodedImage] = []
    kept: list[LabelledFile] = []
    excluded: list[Excluded] = []
    files = _by_file(rows)
    for of_file, found in zip(files, in_threads(attempt, files), strict=True):
        if isinstance(found, DataError):
            excluded += [Excluded(row.id, found.problem) for row in of_file]
            continue
        good += [image for _, image in found]
        kept += [row for row, _ in found]
        if len(kept) > MAX_IMAGES:
            raise DataError("too many images", found=f"{len(kept):,} or more", expected=f"at most {MAX_IMAGES:,}")
    return good, kept, tuple(excluded)


def _by_file(rows: Sequence[LabelledFile]) -> list[list[LabelledFile]]:
    """The rows in groups: rows that name pages of one file in one part are together, at the place of the first, by
    page."""
    files: dict[tuple[Path, PartRole, int], list[LabelledFile]] = {}
    for number, row in enumerate(rows):
        files.setdefault((row.file, row.role, number if row.page is None else -1), []).append(row)
    return [sorted(each, key=lambda row: row.page or 0) for each in files.values()]


def _images(rows: Sequence[LabelledFile], content: bytes, options: Options) -> list[tuple[LabelledFile, DecodedImage]]:
    """The image of a file, or those on pages of a TIFF file: all pages, or those that the rows name.

    If a row names a page of a file with a single page, its column means something else, so the page is ignored.
    """
    row, pages, any_scale = rows[0], pages_of(content), options.pixel_range is not None
    if len(rows) == 1 and not pages.is_stack:
        return [(replace(row, page=None), decode_content(content, options.resizing, options.background, any_scale))]
    if row.page is None:
        pages.check_not_channels()
        rows = [replace(row, page=number) for number in pages.numbers]
    for each in rows:
        pages.check_number(each.page or 0)
    numbers = [each.page or 0 for each in rows]
    images = list(decode_pages(content, pages, numbers, options.resizing, options.background, any_scale))
    images[0] = replace(images[0], reduced=pages.skipped)
    return [
        (replace(each, id=page_name(each.id, each.page or 0)), image) for each, image in zip(rows, images, strict=True)
    ]


def _said_of_pages(rows: Sequence[LabelledFile], reduced: int) -> Iterator[str]:
    """Sentences on pages of TIFF files: the number of images, and of reduced copies, which are not used."""
    stacks = Counter(row.file for row in rows if row.page is not None)
    if stacks:
        together = (
            "the study's groups say which belong together."
            if rows[0].group is not None
            else "every split keeps the pages of a file together, unless `group` names a column that says otherwise."
        )
        images = plural(sum(stacks.values()), "image")
        yield f"{images} are the pages of {plural(len(stacks), 'TIFF file')}; {together}"
    if reduced:
        yield f"Reduced copies (thumbnails) in TIFF files are not used: {plural(reduced, 'page')}."


def _check_complete(rows: Sequence[LabelledFile], classes: Sequence[str], excluded: Sequence[Excluded]) -> None:
    """Raises DataError if there is no training row, or a class has no rows; it names the first excluded file."""
    first = (
        f"Left out: {len(excluded):,} files, such as {excluded[0].file}: {excluded[0].reason}." if excluded else None
    )
    if not any(row.role == "train" for row in rows):
        found = f"{len(rows):,} images of other parts" if rows else "no readable image"
        raise DataError("no training images", found=found, hint=first)
    empty = set(classes) - {row.label for row in rows}
    if empty:
        found = ", ".join(natural_order(empty))
        raise DataError("a class without images", found=found, expected="at least one of each", hint=first)


def _check_sizes(images: Sequence[np.ndarray]) -> None:
    """Raises ImageSizes, with all sizes, if there are several sizes or the size is too large."""
    sizes = Counter(image.shape[:2] for image in images)
    if len(sizes) == 1 and max(max(sizes)) <= MAX_SIDE_PIXELS:
        return
    listed = [f"{height}x{width} ({number:,})" for (height, width), number in sizes.most_common(SIZES_LISTED)]
    more = [f"{len(sizes) - SIZES_LISTED:,} others"] if len(sizes) > SIZES_LISTED else []
    raise ImageSizes(
        "images of different sizes" if len(sizes) > 1 else "images too large",
        found=f"height x width (images): {', '.join([*listed, *more])}",
        expected=f"one size, sides up to {MAX_SIDE_PIXELS}",
        hint="Give them one size: `resize: 32`, `crop: 32` or `pad: 32` (or [height, width]) under `data` of a study, "
        "or `--resize 32` for `snellen data describe`.",
    )


def _groups(rows: Sequence[LabelledFile]) -> np.ndarray | None:
    """(N,) int64, the first row of each group; None if no row has a group and none is a page. Pages of one file are a
    group, unless the study names groups."""
    if rows[0].group is not None:
        return first_occurrences(np.array([row.group for row in rows]))
    if all(row.page is None for row in rows):
        return None
    return first_occurrences(np.array([row.id if row.page is None else page_name(str(row.file), -1) for row in rows]))
