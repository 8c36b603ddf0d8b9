"""One picture file as pixels, right side up and right in tone: the same decoder for training and for prediction.

What a picture means here: turned as its EXIF says; the first frame of an animation; palettes, CMYK and other colour
models as RGB (colour profiles are not applied); 16 bits a channel kept exactly. Transparency is kept as a fourth
channel where pictures use it, unless the study states a `background`, over which it is then composited.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import numpy as np

from snellen.data.fit import Fit
from snellen.errors import DataError, SnellenError
from snellen.limits import MAX_HEADER_PIXELS, MAX_PICTURE_BYTES, MAX_SIDE_PIXELS

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
        if path.stat().st_size > MAX_PICTURE_BYTES:
            expected = f"at most {MAX_PICTURE_BYTES:,}"
            raise DataError("picture file too large", found=f"{path.stat().st_size:,} bytes", expected=expected)
        content = path.read_bytes()
        with _open(content) as image:
            if image.width * image.height > MAX_HEADER_PIXELS:
                found, expected = f"{image.height}x{image.width} pixels", f"at most {MAX_HEADER_PIXELS:,}"
                raise DataError("picture too large", found=found, expected=expected)
            if fit is None and max(image.size) > MAX_SIDE_PIXELS:
                return np.broadcast_to(np.uint8(0), (image.height, image.width, 1))
            image.verify()  # the checksums of PNG, which decoding does not look at
        pixels = _over(_pixels(content), background)
        return pixels if fit is None else fit.apply(pixels[None])[0]


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
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return list(pool.map(decode_one, items))


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
    from PIL import Image

    return Image.open(io.BytesIO(content), formats=FORMATS)


def _pixels(content: bytes) -> np.ndarray:
    """(H, W, C) uint8 or float32 of a picture file's bytes: 1 channel where its mode is grey, 4 where it has alpha."""
    from PIL import ImageOps

    with _open(content) as image:
        sixteen = _sixteen_bits(image, content)
        if sixteen is not None:
            return sixteen
        if image.mode in ("I", "F"):
            hint = "Give such measurements as an array with its `pixel_range`."
            raise DataError("32 bits a channel do not say what is white", found=f"mode {image.mode}", hint=hint)
        ImageOps.exif_transpose(image, in_place=True)
        grey = image.mode in ("1", "L") and not image.has_transparency_data
        mode = "L" if grey else "RGBA" if image.has_transparency_data else "RGB"
        converted = image if image.mode == mode else image.convert(mode)
        return np.asarray(converted).reshape(image.height, image.width, -1)


def _sixteen_bits(image: ImageFile.ImageFile, content: bytes) -> np.ndarray | None:
    """(H, W, C) float32 of a picture with 16 bits a channel, or None.

    Pillow has no mode for such colours: it drops the low byte of each number, and the high one when told that the byte
    order is the other one.
    """
    tile = image.tile[0] if image.tile else None
    arguments = tile.args if tile and isinstance(tile.args, tuple) else (tile and tile.args,)
    raw_mode = str(arguments[0])
    if ";16" not in raw_mode:
        return None
    if image.mode.startswith("I;16") and not image.has_transparency_data:
        return _upright(image).astype(np.float32)[..., None]
    channels, _, order = raw_mode.partition(";")
    if tile is None or channels not in ("RGB", "RGBA") or order not in SWAPPED or "transparency" in image.info:
        raise DataError("16 bits a channel in a form that cannot be read exactly", found=raw_mode)
    with _open(content) as again:
        again.tile = [tile._replace(args=(f"{channels};{SWAPPED[order]}", *arguments[1:]))]
        exact: np.ndarray = _upright(image) * np.float32(256) + _upright(again)
        return exact


def _upright(image: ImageFile.ImageFile) -> np.ndarray:
    """(H, W) or (H, W, C) pixels, turned as EXIF says."""
    from PIL import ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    return np.asarray(image)


def _over(picture: np.ndarray, background: Background | None) -> np.ndarray:
    """The picture composited over `background`, where it has alpha and there is one."""
    if background is None or picture.shape[2] < 4:
        return picture
    white = DEPTHS[picture.dtype]
    colour, alpha = picture[..., :3].astype(np.float64), picture[..., 3:] / white
    filled = colour * alpha + (white if background == "white" else 0) * (1 - alpha)
    return np.rint(filled).astype(picture.dtype)


def _is_translucent(picture: np.ndarray) -> bool:
    return picture.shape[-1] == 4 and bool((picture[..., 3] < DEPTHS[picture.dtype]).any())


def _is_grey(picture: np.ndarray) -> bool:
    return picture.shape[-1] == 1 or bool((picture[..., :3] == picture[..., :1]).all())
