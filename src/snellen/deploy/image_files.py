"""Image files to predict, alone or in folders at any depth: decoded as in training, some at a time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Excluded
from snellen.data.decoding.channels import DEPTHS
from snellen.data.decoding.decoder import (
    DecodedImage,
    decode_content,
    decode_pages,
    image_of,
    in_threads,
    is_image,
    pages_of,
    read_content,
)
from snellen.data.decoding.tiff_stack import ONE_PAGE, PAGE_HINT, Pages, page_name
from snellen.data.pixel_scale import BYTES, WORDS
from snellen.data.readers.image_files.by_content import is_image_file
from snellen.data.readers.image_files.walk import files_below, is_below, is_folder, leads_out, system_name
from snellen.data.readers.image_files.walk import list_folder as list_files
from snellen.data.readers.text import check_text
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.folder_labels import labels_of_folders
from snellen.errors import DataError, StudyError
from snellen.limits import MAX_FOLDER_DEPTH, MAX_LISTED_FILES, MAX_SIDE_PIXELS
from snellen.models.given_images import Conversions, as_input, resizing_of, to_channels, without_alpha
from snellen.models.given_scale import SLACK, Scale, fits
from snellen.models.input_contract import Input
from snellen.phrases import plural

FEWEST_LEVELS = {255.0: 64, 65535.0: 256}
"""The smallest white value, as a share of the format's, of models that may have been trained on image files: arrays
with fewer grey levels, such as 0 to 16, are seldom stored in image files unchanged."""

BATCH_BYTES, MAX_BATCH = 2**26, 1_024
"""Limits of the images that are decoded before they are predicted: bytes as float32, and number of images."""


@dataclass(frozen=True, eq=False)
class Listed:
    """Image files of one source. content: returns the bytes of a row's file, or an image of Pillow. files: the file of
    each row, None for an image without a separate file. pages: the page of a TIFF file that each row names, from 0;
    None for all pages. The other fields are as in `Batch`."""

    content: Callable[[int], Any]
    ids: Sequence[str]
    place: str
    labels: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    test: np.ndarray | None = None
    validation: np.ndarray | None = None
    files: Sequence[Path] | None = None
    pages: Sequence[int | None] | None = None

    @cached_property
    def times(self) -> Counter[str]:
        """The number of rows with each id."""
        return Counter(self.ids)

    def by_file(self) -> list[list[int]]:
        """Groups of rows: those that name ascending pages of one file are one group, each other row is a group."""
        files = list[list[int]]()
        for row in range(len(self.ids)):
            page, last = self._page(row), files[-1][-1] if files else None
            before = None if last is None or self.ids[last] != self.ids[row] else self._page(last)
            if page is not None and before is not None and before <= page:
                files[-1].append(row)
            else:
                files.append([row])
        return files

    def _page(self, row: int) -> int | None:
        return None if self.pages is None else self.pages[row]

    def pages_named(self, rows: Sequence[int]) -> list[int] | None:
        """The pages that the rows of one file name; None for all."""
        named = [page for row in rows if (page := self._page(row)) is not None]
        return named or None

    def batch(self, rows: Sequence[int], ids: Sequence[str], images: np.ndarray) -> Batch:
        """A batch of images of these rows; a row has several images if its file has pages."""
        labels, test, validation = (
            None if each is None else each[list(rows)] for each in (self.labels, self.test, self.validation)
        )
        return Batch(list(ids), images, labels, self.classes, test, validation, self.place)


def list_folder(folder: Path, place: str, known: Sequence[str], reading: Reading) -> Listed:
    """Every image file in a folder at any depth, by path; skipped files are recorded. known: classes of the model,
    which may be names of folders. Raises DataError for too many files and folders too deep."""
    follow, inside = reading.options.links == "follow", os.path.realpath(folder)
    paths = list[str]()
    for name in _through_links(folder, reading) if follow else _walk(folder, reading):
        (paths if _is_image(folder, name, inside, follow) else reading.passed_over).append(name)
    paths.sort()

    def content(row: int) -> bytes:
        if not follow and (folder / paths[row]).is_symlink():
            leads_out(folder / paths[row], inside, follow, paths[row])
        return read_content(folder / paths[row])

    return listed_by_folder(content, paths, place, known, [folder / path for path in paths])


def listed_by_folder(
    content: Callable[[int], bytes],
    paths: Sequence[str],
    place: str,
    known: Sequence[str],
    files: Sequence[Path] | None = None,
) -> Listed:
    """Files with these paths, labelled by their folders if these are known classes."""
    found = labels_of_folders(paths, known)
    if found is None:
        return Listed(content, paths, place, files=files)
    return Listed(content, paths, place, found.labels, found.classes, found.test, found.validation, files)


def has_images(folder: Path, reading: Reading) -> bool:
    """Whether a folder holds an image file, at any depth, or behind links that may be followed."""
    follow, inside = reading.options.links == "follow", os.path.realpath(folder)
    names = list(files_below(folder) if follow else _walk(folder, Reading()))
    return any(is_image(Path(name)) for name in names) or any(_is_image(folder, name, inside, follow) for name in names)


def read_files(listed: Listed, contract: Input, reading: Reading, whole: bool) -> Iterator[Batch]:
    """The images, some at a time, or with `whole` all at once. Files that cannot be read are recorded with the
    reason."""

    def attempt(rows: list[int]) -> tuple[np.ndarray, Conversions] | Pages | Excluded:
        conversions, name = Conversions(), listed.ids[rows[0]]
        try:
            check_text(name, "a file name")
            content = listed.content(rows[0])
            pages = pages_of(content) if isinstance(content, bytes) else ONE_PAGE
            if pages.is_stack or len(rows) > 1:
                return pages
            return decoded(content, contract, conversions, reading.options.pixel_range), conversions
        except (DataError, StudyError) as error:
            return Excluded(name, str(error).removeprefix(f"{name}: "))

    files = [rows for rows in listed.by_file() if listed.files is None or reading.is_new(listed.files[rows[0]])]
    most = len(files) if whole else _batch_size(contract)
    rows, names, images = list[int](), list[str](), list[np.ndarray]()
    for start in range(0, len(files), max(1, most)):
        some = files[start : start + most]
        for of_file, found in zip(some, in_threads(attempt, some), strict=True):
            if isinstance(found, Excluded):
                reading.failed.append(found)
                continue
            if isinstance(found, Pages):
                each = _read_pages(listed, of_file, found, contract, reading)
            else:
                each = iter([(of_file[0], listed.ids[of_file[0]], *found)])
            for row, name, image, conversions in each:
                rows.append(row)
                names.append(name)
                images.append(image)
                reading.conversions.add(conversions)
                if not whole and len(rows) == most:
                    yield listed.batch(rows, names, np.stack(images))
                    rows, names, images = [], [], []
        if rows:
            yield listed.batch(rows, names, np.stack(images))
            rows, names, images = [], [], []


def _read_pages(
    listed: Listed, rows: Sequence[int], pages: Pages, contract: Input, reading: Reading
) -> Iterator[tuple[int, str, np.ndarray, Conversions]]:
    """Row, name, image and conversions of each page of a TIFF file that the rows name; all pages for a row that names
    none. Pages that cannot be read are recorded."""
    name, named = listed.ids[rows[0]], listed.pages_named(rows)
    try:
        if named is None:
            pages.check_not_channels()
            if (times := listed.times[name]) > 1:
                both = f"{times:,} rows, {len(pages.numbers):,} pages"
                raise DataError("a TIFF file of several pages in several rows", found=both, hint=PAGE_HINT)
        numbers = list(pages.numbers) if named is None else named
        for number in numbers:
            pages.check_number(number)
        if pages.skipped:
            reading.remarks.append(
                f"{name}: {plural(pages.skipped, 'page')} with reduced copies (thumbnails): not used."
            )
        found = decode_pages(listed.content(rows[0]), pages, numbers, contract.fit, contract.background, any_scale=True)
        for place, (number, page) in enumerate(zip(numbers, found)):
            conversions = Conversions()
            if _is_too_large(page.pixels, contract):
                expected = f"sides up to {MAX_SIDE_PIXELS}"
                raise DataError("a page too large", found=page.pixels.shape[:2], expected=expected)
            image = _as_sized(page, contract, conversions, reading.options.pixel_range)
            yield rows[0] if named is None else rows[place], page_name(name, number), image, conversions
    except (DataError, StudyError) as error:
        reading.failed.append(Excluded(name, str(error)))


def read_image(path: Path, contract: Input, conversions: Conversions) -> np.ndarray:
    """(H, W, C) pixels of an image file, see `decoded`."""
    return decoded(read_content(path), contract, conversions)


def decoded(content: Any, contract: Input, conversions: Conversions, scale: Scale | None = None) -> np.ndarray:
    """(H, W, C) pixels of the bytes of an image file, or of an image of Pillow, decoded as in training, with the size,
    channels and pixel scale of a model. scale: the values of black and white, if they are given. Raises DataError if it
    is not an image; if it is too large, by its header; if it is transparent and no training image was; and if it is not
    clear which 32-bit values mean black and white.
    """
    decode = decode_content if isinstance(content, bytes) else image_of
    image = decode(content, contract.fit, contract.background, any_scale=True)
    if _is_too_large(image.pixels, contract):  # not decoded: see `decode`
        conversions.sizes[image.pixels.shape[:2]] += 1
        image = decode(content, resizing_of(contract), contract.background, any_scale=True)
    return _as_sized(image, contract, conversions, scale)


def _is_too_large(image: np.ndarray, contract: Input) -> bool:
    size = image.shape[:2]
    return size != (contract.height, contract.width) and max(size) > MAX_SIDE_PIXELS


def _as_sized(image: DecodedImage, contract: Input, conversions: Conversions, scale: Scale | None) -> np.ndarray:
    pixels = image.pixels
    if pixels.shape[:2] != (contract.height, contract.width):  # only if training did not resize
        conversions.sizes[pixels.shape[:2]] += 1
        pixels = resizing_of(contract).apply(pixels[None])[0]
    if scale is not None or image.any_scale:
        return np.asarray(_of_scale(pixels, contract, conversions, scale)[0])
    return np.asarray(as_decoded(pixels[None], contract, conversions)[0])


def _of_scale(pixels: np.ndarray, contract: Input, conversions: Conversions, scale: Scale | None) -> np.ndarray:
    """(1, H, W, C) pixels of an image whose black and white are given; else are those of training, if these are not of
    an image format and the image's values fit; else are determined from its values, as for arrays. Raises DataError if
    that fails, and for transparent images."""
    images = without_alpha(pixels[None], contract, DEPTHS[pixels.dtype])
    if images.shape[-1] == 4:
        hint = "Say --background white (or black)."
        raise DataError("transparent images with a range of their own", hint=hint)
    trained = contract.pixel_range
    if scale is None and trained not in (BYTES, WORDS) and fits(images, trained):
        scale = trained
    return as_input(images, contract, conversions, scale)


def as_decoded(images: np.ndarray, contract: Input, conversions: Conversions) -> np.ndarray:
    """Decoded images (N, H, W, C), with black 0, converted to the model's channels and pixel scale."""
    trained, own = contract.pixel_range, _own_scale(images, contract.pixel_range)
    conversions.note_brightness(images, own)
    images = without_alpha(images, contract, DEPTHS[images.dtype])
    if trained != own:
        images = (trained[0] + images * ((trained[1] - trained[0]) / own[1])).astype(np.float32)
    return to_channels(images, contract, contract.pixel_range, conversions)


def _own_scale(images: np.ndarray, trained: Scale) -> Scale:
    """The values of black and white: those of the file's format, or, if no value of the image is beyond, those of a
    model that was trained on image files with a `pixel_range`, such as 12 bits in 16, or 0 and 1 in 8."""
    own, (black, white) = DEPTHS[images.dtype], trained
    of_files = black >= 0 and (white == 1 or FEWEST_LEVELS[own] <= white) and white < own
    return trained if of_files and 0 < images[..., :3].max() <= white * (1 + SLACK) else (0.0, own)


def _batch_size(contract: Input) -> int:
    return min(MAX_BATCH, max(1, BATCH_BYTES // (4 * contract.height * contract.width * contract.channels)))


def _is_image(folder: Path, name: str, inside: str, follow: bool) -> bool:
    """Whether it is an image. A link that leads out of the folder is not opened without permission: only its suffix
    counts."""
    path = folder / name
    if not follow and path.is_symlink() and not is_below(os.path.realpath(path), inside):
        return is_image(path)
    return is_image_file(path)


def _through_links(folder: Path, reading: Reading) -> list[str]:
    """The paths of all files, also behind links. Raises DataError for links in a circle."""
    listing = list_files(folder, follow_links=True)
    reading.hidden += listing.passed_over.total()
    reading.remarks += replace(listing, passed_over=Counter()).remarks()
    return listing.files


def _walk(folder: Path, reading: Reading) -> Iterator[str]:
    """The path below `folder`, with forward slashes, of every visible file; hidden files and linked folders are
    recorded.

    Linked folders are not entered: they may lead in circles.
    """
    left, number = [("", 1)], 0
    while left:
        place, depth = left.pop()
        if depth > MAX_FOLDER_DEPTH + 1:  # the first is the folder itself
            expected = f"at most {MAX_FOLDER_DEPTH}"
            raise DataError("folders too deep", found=f"{depth - 1} in each other", expected=expected, where=place)
        with os.scandir(folder / place) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = f"{place}{entry.name}"
                if system_name(entry.name):
                    reading.hidden += 1
                elif not is_folder(entry):
                    number += 1
                    yield path
                elif entry.is_symlink():
                    reading.passed_over.append(f"{path} (a linked folder)")
                else:
                    left.append((f"{path}/", depth + 1))
        if number > MAX_LISTED_FILES:
            raise DataError("too many files", found=f"{number:,} or more", expected=f"at most {MAX_LISTED_FILES:,}")
