"""One picture file as pixels, right side up and right in tone: the same decoder for training and for prediction.

What a picture means here: turned as its EXIF says; the first frame of an animation; palettes, CMYK and other colour
models as RGB (colour profiles are not applied); 16 bits a channel kept exactly. Transparency is kept as a fourth
channel where pictures use it, unless the study states a `background`, over which it is then composited.
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
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import numpy as np

from snellen.data.readers.picture_limits import Bounded, bound_memory, check_metadata, check_pixels, raw_mode
from snellen.data.readers.streams import file_bytes, open_data
from snellen.data.resize import Fit
from snellen.data.slices import row_slices
from snellen.errors import DataError, SnellenError
from snellen.limits import MAX_PICTURE_BYTES, MAX_SIDE_PIXELS

if TYPE_CHECKING:
    from PIL import ImageFile

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""What Pillow may take a file for, whatever its suffix; others of its formats start programs or fetch more files."""

Background = Literal["black", "white"]
BACKGROUNDS: tuple[Background, ...] = get_args(Background)
DEPTHS = {np.dtype(np.uint8): 255.0, np.dtype(np.float32): 65535.0}
"""The value of white: 8 bits a channel are uint8, 16 bits float32, which holds them exactly."""

DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError),
    *(RuntimeError, MemoryError, AssertionError, struct.error, zlib.error, Warning),
)
"""What Pillow raises for damaged files."""

SWAPPED = {"16L": "16B", "16B": "16L", "16N": "16B" if sys.byteorder == "little" else "16L"}
"""Pillow's names for byte orders, each with the other one."""

WAITING = 1_024
"""Pictures that wait for a thread at once: each takes 2 kB, and there may be a million."""

T = TypeVar("T")
U = TypeVar("U")


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture file."""
    return path.suffix.lower() in SUFFIXES


def decode(path: Path, fit: Fit | None = None, background: Background | None = None) -> np.ndarray:
    """(H, W, C) pixels of a picture file, C 1, 3 or 4, of the size of `fit`; uint8, or float32 for 16 bits a channel.

    A picture with a side beyond MAX_SIDE_PIXELS that nothing fits is not decoded: its array is all zeros and takes no
    memory. Raises DataError when the file is no picture, damaged, or too large by its header.
    """
    with _readable():
        with open_data(path, MAX_PICTURE_BYTES) as file:
            content = file.read(file_bytes(file))
        with _open(content) as image:
            if fit is None and max(image.size) > MAX_SIDE_PIXELS:
                return np.broadcast_to(np.uint8(0), (image.height, image.width, 1))
            image.verify()  # the checksums of PNG, which decoding does not look at
        pixels = _over(_pixels(content, fit), background)
        return (
            pixels if fit is None else np.array(fit.apply(pixels[None])[0])
        )  # not a view, which would keep the whole picture


def alike(pictures: Sequence[np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
    """The pictures of a data set with the same channels and depth: the fewest that hold them all exactly.

    Grey when all are grey, colour otherwise; with alpha when all have it and some use it. 8 bits become 16 where some
    pictures have these. Raises DataError, naming one of each, when some use transparency and others have no alpha.
    """
    has_alpha = [picture.shape[2] == 4 for picture in pictures]
    if any(_is_translucent(picture) for picture in pictures):
        if not all(has_alpha):
            used = next(name for name, picture in zip(names, pictures) if _is_translucent(picture))
            found = f"{sum(has_alpha):,} with alpha such as {used}, {has_alpha.count(False):,} without"
            hint = "Say `background: white` (or black) to fill what is transparent."
            raise DataError("mixed channels", found=f"{found} such as {names[has_alpha.index(False)]}", hint=hint)
        channels = 4
    else:
        channels = 1 if all(map(_is_grey, pictures)) else 3
    white = max(DEPTHS[picture.dtype] for picture in pictures)
    return [with_white(with_channels(picture, channels), white) for picture in pictures]


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """(..., H, W, channels) of (..., H, W, C). Raises DataError when that would lose colour or transparency."""
    loses_alpha = channels < 4 and _is_translucent(picture)
    if loses_alpha or (channels == 1 and not _is_grey(picture)):
        lost = "transparency" if loses_alpha else "colour"
        found, expected = f"{picture.shape[-1]} channels", f"{channels} channel{'s' * (channels > 1)}"
        hint = None if loses_alpha else "Make the pictures grey first, or train with `data: {grey: true}`."
        raise DataError(f"converting would lose {lost}", found=found, expected=expected, hint=hint)
    colour = picture[..., :channels]
    if channels >= 3 and colour.shape[-1] == 1:
        colour = np.repeat(colour, 3, axis=-1)
    if channels == 4 and colour.shape[-1] == 3:
        opaque = np.full_like(colour[..., :1], DEPTHS[colour.dtype])
        colour = np.concatenate([colour, opaque], axis=-1)
    return colour


def with_white(picture: np.ndarray, white: float) -> np.ndarray:
    """The picture with `white` as the value of white and 0 as black: itself, or float32."""
    own = DEPTHS[picture.dtype]
    return picture if own == white else (picture * np.float64(white / own)).astype(np.float32)


def in_threads(decode_one: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """`decode_one` of every item, in order; the first error in that order stops all.

    One thread a core, because each holds a whole picture: 130 MB for one of 12 megapixels. Pillow's warnings (of odd
    metadata, mostly) are not shown meanwhile: what it cannot decode, it raises.
    """
    left, done = iter(items), list[U]()
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        while some := list(islice(left, WAITING)):
            done += pool.map(decode_one, some)
    return done


@contextmanager
def _readable() -> Iterator[None]:
    from PIL import UnidentifiedImageError
    from PIL.Image import DecompressionBombError

    try:
        yield
    except SnellenError:
        raise
    except UnidentifiedImageError as error:
        raise DataError("not a picture", expected=", ".join(FORMATS)) from error
    except (*DAMAGE, DecompressionBombError) as error:
        raise DataError(f"not a readable picture ({error})") from error


def _open(content: bytes) -> ImageFile.ImageFile:
    """A picture whose header was read. Raises DataError when it would be too large to decode."""
    from PIL import Image

    stream = Bounded(content)
    image = Image.open(stream, formats=FORMATS)
    check_pixels(image)
    if image.format == "BMP":
        stream.allow_runs(image.width * image.height)
    return image


def _pixels(content: bytes, fit: Fit | None) -> np.ndarray:
    """(H, W, C) uint8 or float32 of a picture file's bytes: 1 channel where its mode is grey, 4 where it has alpha."""
    with _open(content) as image:
        bound_memory(image, fit)
        sixteen = _sixteen_bits(image, content)
        if sixteen is not None:
            return sixteen
        if image.mode in ("I", "F"):
            hint = "Give such measurements as an array with its `pixel_range`."
            raise DataError("32 bits a channel do not say what is white", found=f"mode {image.mode}", hint=hint)
        _turn(image)
        grey = image.mode in ("1", "L") and not image.has_transparency_data
        mode = "L" if grey else "RGBA" if image.has_transparency_data else "RGB"
        converted = image if image.mode == mode else image.convert(mode)
        return np.asarray(converted).reshape(image.height, image.width, -1)


def _sixteen_bits(image: ImageFile.ImageFile, content: bytes) -> np.ndarray | None:
    """(H, W, C) float32 of a picture with 16 bits a channel, or None.

    Pillow has no mode for such colours: it drops the low byte of each number, and the high one when told that the byte
    order is the other one.
    """
    mode = raw_mode(image)
    if ";16" not in mode:
        return None
    if image.mode.startswith("I;16") and not image.has_transparency_data:
        return _upright(image).astype(np.float32)[..., None]
    channels, _, order = mode.partition(";")
    if channels not in ("RGB", "RGBA") or order not in SWAPPED or "transparency" in image.info:
        raise DataError("16 bits a channel in a form that cannot be read exactly", found=mode)
    with _open(content) as again:
        tile = again.tile[0]
        others = tile.args[1:] if isinstance(tile.args, tuple) else ()
        again.tile = [tile._replace(args=(f"{channels};{SWAPPED[order]}", *others))]
        exact: np.ndarray = _upright(image).astype(np.float32)
        exact *= 256
        exact += _upright(again)
        return exact


def _upright(image: ImageFile.ImageFile) -> np.ndarray:
    """(H, W) or (H, W, C) pixels, turned as EXIF says."""
    _turn(image)
    return np.asarray(image)


def _turn(image: ImageFile.ImageFile) -> None:
    """Decodes the picture and turns it as its EXIF says, which may stand behind the pixels."""
    from PIL import ImageOps

    image.load()
    check_metadata(image)
    ImageOps.exif_transpose(image, in_place=True)


def _over(picture: np.ndarray, background: Background | None) -> np.ndarray:
    """The picture composited over `background`, where it has alpha and there is one."""
    if background is None or picture.shape[2] < 4:
        return picture
    white, filled = DEPTHS[picture.dtype], np.empty_like(picture[..., :3], order="C")
    for rows in row_slices(picture):
        colour, alpha = picture[rows, ..., :3].astype(np.float64), picture[rows, ..., 3:] / white
        filled[rows] = np.rint(colour * alpha + (white if background == "white" else 0) * (1 - alpha))
    return filled


def _is_translucent(picture: np.ndarray) -> bool:
    return picture.shape[-1] == 4 and bool((picture[..., 3] < DEPTHS[picture.dtype]).any())


def _is_grey(picture: np.ndarray) -> bool:
    return picture.shape[-1] == 1 or bool((picture[..., :3] == picture[..., :1]).all())
