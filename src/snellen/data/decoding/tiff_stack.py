"""The pages of a TIFF file, such as a stack: which of them are images, with limits on number, memory and time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from snellen.data.decoding.decoding_limits import LimitedReads, check_pixels
from snellen.errors import DataError
from snellen.limits import MAX_IMAGE_READS, MAX_PAGES, MAX_STACK_BYTES, MAX_STACK_READ_BYTES

if TYPE_CHECKING:
    from PIL import ImageFile

SUBFILE_TYPE, DESCRIPTION, STRIPS, TILES = 254, 270, 273, 324
VALUE_BYTES = {"I": 4, "F": 4, "I;1": 2}
"""Bytes of a value, for modes of Pillow (by their beginning) with more than one byte a channel."""

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PAGE_READS, BLOCK_BYTES = 50, 2**16
"""The reads that Pillow needs for the tags of a page, and the bytes that it reads at a time, even for a shorter
strip."""

IMAGEJ = re.compile(r"^(images|channels)=(\d{1,9})\s*$", re.MULTILINE)
OME = re.compile(r"<Pixels\b[^>]*\bSizeC=\"(\d{1,9})\"")
PAGE_NUMBER = re.compile(r"(?<=.)#[0-9]+$")
CHANNELS_HINT = (
    "Make colours of the channels first (ImageJ: Image, Color, Stack to RGB). If each page is an image of its own, "
    "list them in a CSV file with the columns path, page (from 0) and label, and give that file."
)

PAGE_HINT = (
    "If a column says which page of a TIFF file each row is, counted from 0, name it: `keys: {page: NAME}` under "
    "`data` of a study (--key page=NAME)."
)


@dataclass(frozen=True)
class Pages:
    """numbers: numbers of the pages that are images, from 0, at least one. skipped: number of thumbnails and other
    reduced copies. strips: number of strips and tiles in all pages. ambiguous: metadata that say that pages are
    channels, or None."""

    numbers: tuple[int, ...]
    skipped: int = 0
    strips: int = 0
    ambiguous: str | None = None

    @property
    def is_stack(self) -> bool:
        """Whether several pages are images."""
        return len(self.numbers) > 1

    def check_not_channels(self) -> None:
        """Raises DataError for a stack whose pages are channels of images, according to its metadata."""
        if self.is_stack and self.ambiguous:
            found = f"{len(self.numbers):,} pages, {self.ambiguous}"
            problem = "the pages of a TIFF file are channels"
            raise DataError(problem, found=found, expected="one image a page", hint=CHANNELS_HINT)

    def check_number(self, number: int) -> None:
        """Raises DataError for a page that does not exist, and for a thumbnail."""
        if number not in self.numbers:
            expected = f"{self.numbers[0]} to {self.numbers[-1]}"
            raise DataError("no such page", found=number, expected=expected, hint="Pages are counted from 0.")


ONE_PAGE = Pages((0,))


def page_name(file: str, page: int) -> str:
    """The name of the image on a page of a TIFF file."""
    return f"{file}#{page}"


def file_name(name: str) -> str:
    """The file name in the name of an image, without a page number."""
    return PAGE_NUMBER.sub("", name)


def may_have_pages(content: bytes) -> bool:
    """Whether it is a TIFF file, by its first bytes."""
    return content[:4] in MAGIC


def list_pages(image: ImageFile.ImageFile) -> Pages:
    """The pages of an open file, which is left at the first. Pages that are smaller than the first in both directions
    are reduced copies, if all other pages are.

    Raises DataError for too many pages, pages in a circle, and pages that together are too large.
    """
    if image.format != "TIFF":
        return ONE_PAGE
    _allow(image, PAGE_READS * MAX_PAGES, 0)
    first, full, smaller, reduced, strips, num_bytes = image.size, [0], list[int](), 0, _strips(image), 0
    said = _said_of_channels(image)
    number = 0
    with suppress(EOFError):
        while True:
            image.seek(number + 1)
            number += 1
            if number >= MAX_PAGES:
                hint = "Split the file, for example with `tiffsplit FILE`."
                raise DataError("too many pages", found=f"{number + 1:,} or more", expected=f"{MAX_PAGES:,}", hint=hint)
            strips += _strips(image)
            num_bytes += image.width * image.height * len(image.getbands()) * VALUE_BYTES.get(image.mode[:3], 1)
            if int(_tag(image, SUBFILE_TYPE, 0)) & 1:
                reduced += 1
            elif image.width < first[0] and image.height < first[1]:
                smaller.append(number)
            else:
                full.append(number)
    tags: Any = image
    circular = bool(tags.tag_v2.next)
    image.seek(0)
    if len(full) == 1:
        _check_all_there(said, number + 1)
        return Pages((0,), reduced + len(smaller))
    if circular:
        raise DataError("the pages of a TIFF file lead in a circle", found=f"{number + 1:,} pages")
    if num_bytes > MAX_STACK_BYTES:
        found, expected = f"{num_bytes:,} bytes", f"at most {MAX_STACK_BYTES:,}"
        raise DataError("the pages of a TIFF file are too large together", found=found, expected=expected)
    return Pages(tuple(sorted([*full, *smaller])), reduced, strips, _channels(said, image))


def opened_at(
    opened: Callable[[], ImageFile.ImageFile], pages: Pages, numbers: Sequence[int]
) -> Iterator[ImageFile.ImageFile]:
    """Opens a file once, and yields it at each of these pages in turn. numbers: ascending."""
    if any(later < earlier for earlier, later in pairwise(numbers)):
        raise ValueError(numbers)
    with opened() as image:
        last = numbers[-1] + 1 if numbers else 0
        read_bytes = min(MAX_STACK_READ_BYTES, 2 * BLOCK_BYTES * (pages.strips + last))
        _allow(image, min(PAGE_READS * last + 2 * pages.strips, 20 * MAX_IMAGE_READS), read_bytes)
        for number in numbers:
            image.seek(number)
            check_pixels(image)
            yield image


def _allow(image: ImageFile.ImageFile, reads: int, read_bytes: int) -> None:
    if isinstance(image.fp, LimitedReads):
        image.fp.reads_left += reads
        image.fp.bytes_left += read_bytes


def _tag(image: ImageFile.ImageFile, tag: int, default: Any) -> Any:
    tags: Any = image
    return tags.tag_v2.get(tag, default)


def _strips(image: ImageFile.ImageFile) -> int:
    places = _tag(image, STRIPS, None) or _tag(image, TILES, ())
    return len(places) if isinstance(places, tuple) else 1


def _said_of_channels(image: ImageFile.ImageFile) -> dict[str, int]:
    """The counts that ImageJ (images, channels) or OME (SizeC) wrote into the description of the first page."""
    text = _tag(image, DESCRIPTION, "")
    if not isinstance(text, str):
        return {}
    if text.startswith("ImageJ="):
        return {name: int(number) for name, number in IMAGEJ.findall(text)}
    found = OME.search(text)
    return {"SizeC": int(found[1])} if found else {}


def _check_all_there(said: dict[str, int], number: int) -> None:
    if said.get("images", 1) > number:
        raise DataError(
            "a TIFF file without its other pages",
            found=f"{number:,} pages; ImageJ wrote {said['images']:,} images without a directory of their own",
            hint="Open it in ImageJ and save it as an image sequence (File, Save As, Image Sequence).",
        )


def _channels(said: dict[str, int], image: ImageFile.ImageFile) -> str | None:
    if said.get("channels", 1) > 1:
        return f"ImageJ's channels={said['channels']}"
    if said.get("SizeC", 1) > len(image.getbands()):
        return f"OME's SizeC={said['SizeC']}"
    return None
