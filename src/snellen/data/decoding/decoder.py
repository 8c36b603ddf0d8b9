"""Decodes one image file to pixels: the same decoder for training and for prediction.

Images are rotated by their EXIF orientation; only the first frame of an animation is read; palettes, CMYK and other
colour models become RGB (colour profiles are not applied); 16 bits a channel are kept exactly, and with fewer bits the
largest value is white. Transparency becomes a fourth channel if images use it, unless the study gives a `background`,
over which they are composited.
"""

from __future__ import annotations

import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from snellen.data.decoding.channels import DEPTHS, Background, composite
from snellen.data.decoding.decoding_limits import (
    LimitedReads,
    check_pixels,
    limit_memory,
    raw_mode,
    shorten_metadata,
)
from snellen.data.decoding.netpbm import netpbm_pixels
from snellen.data.decoding.png_metadata import without_metadata
from snellen.data.decoding.signatures import START_BYTES, format_not_read, format_that_is_read
from snellen.data.decoding.tiff_stack import ONE_PAGE, Pages, list_pages, may_have_pages, opened_at
from snellen.data.resizing import Resizing
from snellen.data.streams import file_bytes, open_data, readable
from snellen.errors import DataError, SnellenError
from snellen.limits import MAX_IMAGE_BYTES, MAX_SIDE_PIXELS

if TYPE_CHECKING:
    from PIL import Image, ImageFile

SUFFIXES: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".gif", ".webp", ".tif", ".tiff")
SUFFIXES += (".ppm", ".pgm", ".pbm", ".pnm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""The formats that Pillow may recognise, whatever the suffix; some of its other formats start programs or read more
files."""

ANIMATED = ("GIF", "WEBP", "PNG")
"""The formats in which several frames are an animation."""

DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError),
    *(RuntimeError, MemoryError, AssertionError, struct.error, zlib.error, Warning),
)
"""The exceptions that Pillow raises for damaged files."""

SWAPPED = {"16L": "16B", "16B": "16L", "16N": "16B" if sys.byteorder == "little" else "16L"}
"""Pillow's names for byte orders, each with the opposite one."""

NARROW = {"I;12": 4095.0}
"""Pillow's names for TIFF files with fewer bits than it decodes them to, and the value of white."""

WIDE, EXACT_INTEGER = ("I", "F"), 2**24
"""Pillow's modes of 32 bits a channel, which also hold signed 16 bits. float32 holds every integer up to 2 ** 24."""

PHOTOMETRIC, WHITE_IS_ZERO = 262, 0
"""A tag of TIFF (TIFF 6.0, section 8), which Pillow follows for 8 bits only."""

MAX_QUEUED = 1_024
"""Images queued for the threads at a time: each takes 2 kB, and there may be a million."""

T = TypeVar("T")
U = TypeVar("U")


def is_image(path: Path) -> bool:
    """Whether the suffix is that of an image file."""
    return path.suffix.lower() in SUFFIXES


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image file. pixels: (H, W, C). animated: whether more frames follow, which are not read. reduced: for a
    TIFF file, the number of thumbnails and other reduced copies, which are not read either. any_scale: whether the
    values are those of a 32-bit format, which does not define black and white."""

    pixels: np.ndarray
    animated: bool
    reduced: int = 0
    any_scale: bool = False

    @property
    def bits(self) -> int:
        """Bits of a channel in the file: 8, 16 or 32."""
        return 32 if self.any_scale else int(DEPTHS[self.pixels.dtype]).bit_length()


def decode(path: Path, resizing: Resizing | None = None, background: Background | None = None) -> np.ndarray:
    """(H, W, C) pixels of an image file, C 1, 3 or 4, resized by `resizing`; uint8, or float32 for 16 bits a channel.

    Without `resizing` an image with a side above MAX_SIDE_PIXELS is not decoded: the result is all zeros, without
    memory of its own. Raises DataError if the file is not an image, is damaged, or is too large by its header.
    """
    return decode_image(path, resizing, background).pixels


def decode_image(path: Path, resizing: Resizing | None = None, background: Background | None = None) -> DecodedImage:
    """The same as `decode_image`, and whether the file holds more than these pixels."""
    return decode_content(read_content(path), resizing, background)


def read_content(path: Path) -> bytes:
    """The bytes of an image file. Raises DataError if it is missing, not a file, or too large."""
    with readable(), open_data(path, MAX_IMAGE_BYTES) as file:
        return file.read(file_bytes(file))


def start_of(path: Path) -> bytes:
    """The first bytes of a file, by which its format is recognised; empty for a file that cannot be read."""
    try:
        with open_data(path, MAX_IMAGE_BYTES) as file:
            return file.read(START_BYTES)
    except (DataError, OSError):
        return b""


def decode_content(
    content: bytes, resizing: Resizing | None = None, background: Background | None = None, any_scale: bool = False
) -> DecodedImage:
    """The same as `decode_image`, from the bytes of the file. any_scale: whether 32 bits a channel, and signed 16 bits,
    are read as float32 unchanged, because the values of black and white are known."""
    with _readable(content):
        content = without_metadata(content)
        with _open(content) as image:
            animated = _is_animated(image)
            if resizing is None and max(image.size) > MAX_SIDE_PIXELS:
                return DecodedImage(np.broadcast_to(np.uint8(0), (image.height, image.width, 1)), animated)
            pages = list_pages(image)
            if pages.is_stack:
                hint = "Save each page as a file of its own."
                problem = "a TIFF file of several pages"
                raise DataError(problem, found=f"{len(pages.numbers):,} pages", expected="one image a file", hint=hint)
            image.verify()  # checks the checksums of PNG, which decoding ignores
        pixels, is_any = _pixels(content, resizing, any_scale)
        return DecodedImage(_finished(pixels, resizing, background), animated, pages.skipped, is_any)


def pages_of(content: bytes) -> Pages:
    """The pages of an image file: one, unless it is a TIFF file. Raises DataError as `list_pages` does."""
    if not may_have_pages(content):
        return ONE_PAGE
    with _readable(content), _open(content) as image:
        return list_pages(image)


def decode_pages(
    content: bytes,
    pages: Pages,
    numbers: Sequence[int],
    resizing: Resizing | None = None,
    background: Background | None = None,
    any_scale: bool = False,
) -> Iterator[DecodedImage]:
    """The images on some pages of a TIFF file, each decoded as by `decode_content`. numbers: ascending."""
    twins, opened = opened_at(lambda: _open(content), pages, numbers), opened_at(lambda: _open(content), pages, numbers)
    with _readable():
        for image in opened:
            if resizing is None and max(image.size) > MAX_SIDE_PIXELS:
                yield DecodedImage(np.broadcast_to(np.uint8(0), (image.height, image.width, 1)), False)
                continue
            limit_memory(image, resizing)
            pixels, is_any = _channels(image, partial(_same_page, twins, image.tell()), any_scale)
            yield DecodedImage(_finished(np.array(pixels), resizing, background), False, any_scale=is_any)


def image_of(
    image: Image.Image, resizing: Resizing | None = None, background: Background | None = None, any_scale: bool = False
) -> DecodedImage:
    """The same for an image that is open in Pillow. Raises DataError also for damaged files."""
    with _readable():
        sixteen = image.mode.startswith("I;16")
        is_any = image.mode in WIDE
        read = partial(_thirty_two_bits, any_scale=any_scale) if is_any else _eight_bits
        pixels = _upright(image).astype(np.float32)[..., None] if sixteen else read(image)
        return DecodedImage(_finished(pixels, resizing, background), _is_animated(image), any_scale=is_any)


def _finished(pixels: np.ndarray, resizing: Resizing | None, background: Background | None) -> np.ndarray:
    """The pixels, composited over the background and resized."""
    pixels = composite(pixels, background)
    if resizing is None:
        return pixels
    return np.array(resizing.apply(pixels[None])[0])  # not a view, which would keep the whole image


def _same_page(images: Iterator[ImageFile.ImageFile], number: int) -> ImageFile.ImageFile:
    return next(image for image in images if image.tell() == number)


def in_threads(decode_one: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """`decode_one` of every item, in order; raises the first error in that order.

    One thread for each core, because each holds a whole image: 130 MB for 12 megapixels. Pillow's warnings, mostly
    about odd metadata, are suppressed: what it cannot decode raises an error.
    """
    _import_decoders()
    left, done = iter(items), list[U]()
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        while some := list(islice(left, MAX_QUEUED)):
            done += pool.map(decode_one, some)
    return done


def _import_decoders() -> None:
    """Imports, in the calling thread, all modules of Pillow that decoding needs: two threads that import modules which
    import each other end in a deadlock, which Python reports as an error. Pillow's `init` would import them at the
    first WebP."""
    from PIL import Image, ImageOps, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin

    del ImageOps, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin
    Image.preinit()


@contextmanager
def _readable(content: bytes = b"") -> Iterator[None]:
    """Turns the errors of Pillow into DataError. content: that of the file, which may have an unsupported format."""
    from PIL import UnidentifiedImageError
    from PIL.Image import DecompressionBombError

    try:
        yield
    except SnellenError:
        raise
    except UnidentifiedImageError as error:
        raise _not_read(content[:START_BYTES]) from error
    except (*DAMAGE, DecompressionBombError) as error:
        raise DataError(f"not a readable image ({error})") from error


def _not_read(start: bytes) -> DataError:
    """The error for a file that no decoder supports. start: its first bytes."""
    expected = ", ".join(FORMATS)
    if kind := format_not_read(start):
        hint = "Convert it first, for example to PNG with ImageMagick: `mogrify -format png FILE`."
        return DataError(f"{kind}, a format that is not read", expected=expected, hint=hint)
    if kind := format_that_is_read(start):
        hint = "If other programs open it, save it again, with 8 or 16 bits a channel."
        return DataError(f"not a readable image ({kind}, damaged or in a form that is not read)", hint=hint)
    return DataError("not an image", expected=expected)


def _open(content: bytes) -> ImageFile.ImageFile:
    """An image whose header was read. Raises DataError if it is too large to decode."""
    from PIL import Image

    stream = LimitedReads(content)
    image = Image.open(stream, formats=FORMATS)
    check_pixels(image)
    if image.format == "BMP":
        stream.allow_runs(image.width * image.height)
    return image


def _is_animated(image: Image.Image) -> bool:
    """Whether a second frame can be read."""
    try:
        return image.format in ANIMATED and bool(getattr(image, "is_animated", False))
    except DAMAGE:
        return False


def _pixels(content: bytes, resizing: Resizing | None, any_scale: bool) -> tuple[np.ndarray, bool]:
    """The result of `_channels` for the bytes of an image file."""
    with _open(content) as image:
        limit_memory(image, resizing)
        exact = netpbm_pixels(image, content)
        return _channels(image, lambda: _open(content), any_scale) if exact is None else (exact, False)


def _channels(
    image: ImageFile.ImageFile, open_again: Callable[[], ImageFile.ImageFile], any_scale: bool
) -> tuple[np.ndarray, bool]:
    """(H, W, C) uint8 or float32 of an open file, 1 channel if its mode is grey, 4 if it has alpha; and whether the
    format does not define black and white. open_again: as for `_sixteen_bits`."""
    if image.mode in WIDE:
        return _thirty_two_bits(image, any_scale), True
    pixels = _sixteen_bits(image, open_again)
    return (_eight_bits(image) if pixels is None else pixels), False


def _thirty_two_bits(image: Image.Image, any_scale: bool) -> np.ndarray:
    """(H, W, 1) float32. Raises DataError unless `any_scale`, and for values that float32 cannot represent."""
    values = _upright(image)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError("a pixel is not finite", found=f"pixels from {low} to {high}", expected="numbers")
    if not any_scale:
        likely = f"{low:.5g} {high:.5g}" if low < 0 or high > 1 else "0 1"
        hint = (
            "Say which values mean black and white, for example "
            f"`pixel_range: [{likely.replace(' ', ', ')}]` under `data` of a study (--pixel-range {likely})."
        )
        found = f"mode {image.mode}, pixels from {low:.5g} to {high:.5g}"
        raise DataError("32 bits a channel, of which the value of white is unknown", found=found, hint=hint)
    if values.dtype.kind != "f" and max(-low, high) > EXACT_INTEGER:
        raise DataError("pixels do not fit float32", found=f"{low} to {high}", expected=f"at most {EXACT_INTEGER:g}")
    return values.astype(np.float32)[..., None]


def _eight_bits(image: Image.Image) -> np.ndarray:
    """(H, W, C) uint8."""
    _rotate(image)
    grey = image.mode in ("1", "L") and not image.has_transparency_data
    mode = "L" if grey else "RGBA" if image.has_transparency_data else "RGB"
    converted = image if image.mode == mode else image.convert(mode)
    return np.asarray(converted).reshape(image.height, image.width, -1)


def _sixteen_bits(image: ImageFile.ImageFile, open_again: Callable[[], ImageFile.ImageFile]) -> np.ndarray | None:
    """(H, W, C) float32 of an image with 16 bits a channel, or None. open_again: the same image, not yet decoded.

    Pillow has no mode for such colours: it drops the low byte of each value, and, when the byte order is declared
    reversed, the high byte. Both are decoded and combined.
    """
    mode = raw_mode(image)
    if mode not in NARROW and ";16" not in mode:
        return None
    if image.mode.startswith("I;16") and not image.has_transparency_data:
        white, values = NARROW.get(mode, 65535.0), _upright(image).astype(np.float32)[..., None]
        if image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # type: ignore[attr-defined]
            values = white - values
        return values if white == 65535 else (values * (65535 / white)).astype(np.float32)
    channels, _, order = mode.partition(";")
    if channels not in ("RGB", "RGBA") or order not in SWAPPED or "transparency" in image.info:
        hint = "Save it with 8 bits a channel, or without transparency."
        raise DataError("16 bits a channel in a form that cannot be read exactly", found=mode, hint=hint)
    again = open_again()
    tile = again.tile[0]
    others = tile.args[1:] if isinstance(tile.args, tuple) else ()
    again.tile = [tile._replace(args=(f"{channels};{SWAPPED[order]}", *others))]
    exact: np.ndarray = _upright(image).astype(np.float32)
    exact *= 256
    exact += _upright(again)
    return exact


def _upright(image: Image.Image) -> np.ndarray:
    """(H, W) or (H, W, C) pixels, rotated by the EXIF orientation."""
    _rotate(image)
    return np.asarray(image)


def _rotate(image: Image.Image) -> None:
    """Decodes the image and rotates it by its EXIF orientation, which may be after the pixels in the file."""
    from PIL import ImageOps

    image.load()
    shorten_metadata(image)
    ImageOps.exif_transpose(image, in_place=True)
