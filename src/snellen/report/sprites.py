"""All pictures of a page in one image: a sprite sheet, of which each place shows one tile."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from snellen.explain.thumbnails import Thumbnails
from snellen.limits import SHEET_BYTES, SHEET_PIXELS, THUMBNAIL_PIXELS

READABLE_PIXELS = 40
"""Pictures are enlarged by the smallest whole factor that makes them at least this wide."""

ENCODINGS: tuple[dict[str, Any], ...] = (
    {"lossless": True, "quality": 50},
    {"quality": 85},
    {"quality": 65},
    {"quality": 40},
)
"""WebP settings, best first. Line drawings are as small without loss (10,000 MNIST digits: 1.5 MB) as with it."""


@dataclass(frozen=True)
class Sheet:
    """A sprite sheet as a page draws it.

    uri: the data URI. columns, lines: tiles across and down. width, height: of a tile on the screen, in CSS pixels.
    tiles: data set row -> number of its tile. first_mean: number of the tile with the mean image of class 0.
    """

    uri: str
    columns: int
    lines: int
    width: int
    height: int
    tiles: dict[int, int]
    first_mean: int

    def style(self, tile: int) -> str:
        """The inline style that makes an element of class "picture" show `tile`."""
        return f"--x:{tile % self.columns};--y:{tile // self.columns}"


def build_sheet(content: dict[str, Any], thumbnails: Thumbnails, cell_images: int) -> Sheet:
    """The sheet of all pictures that the page of `content` shows, with `cell_images` behind each confusion cell.

    Rows without a thumbnail, and the last ones beyond SHEET_PIXELS, have no tile.
    """
    means = _means(content["data"])
    wanted = dict.fromkeys(rows_shown(content, cell_images))
    found = {int(row): at for at, row in enumerate(thumbnails.rows)}
    shown = [row for row in wanted if row in found][: _room(thumbnails.images.shape[1:]) - len(means)]
    images = _reduced(np.concatenate([thumbnails.images[[found[row] for row in shown]], means]))
    columns = max(1, math.isqrt(len(images)))
    height, width = images.shape[1:3]
    scale = math.ceil(READABLE_PIXELS / max(height, width))
    return Sheet(
        uri=_data_uri(_tiled(images, columns)),
        columns=columns,
        lines=math.ceil(len(images) / columns),
        width=scale * width,
        height=scale * height,
        tiles={row: tile for tile, row in enumerate(shown)},
        first_mean=len(shown),
    )


def rows_shown(content: dict[str, Any], cell_images: int) -> Iterator[int]:
    """Data set rows whose pictures the page of `content` shows, the most needed first, some more than once."""
    for rows in content["data"]["samples"]:
        yield from rows
    roles = [role for model in content["models"] for role in model["roles"].values()]
    for role in roles:
        yield from (item["row"] for item in role["mistakes"] + role["examples"])
    for place in range(cell_images):
        for role in roles:
            yield from (rows[place] for rows in role["cells"].values() if place < len(rows))


def _means(data: dict[str, Any]) -> np.ndarray:
    """(K, H, W, C) uint8, the mean image of each class."""
    shares = np.array(data["means"], np.float32).reshape(-1, *data["shape"])
    return (shares.clip(0, 1) * 255).round().astype(np.uint8)


def _room(shape: tuple[int, ...]) -> int:
    """How many tiles of pictures of this (H, W, C) a sheet holds."""
    side = min(THUMBNAIL_PIXELS, max(shape[:2]))
    return SHEET_PIXELS // side**2


def _reduced(images: np.ndarray) -> np.ndarray:
    """(N, H, W, C) made smaller by the least whole factor that gives at most THUMBNAIL_PIXELS a side: block means."""
    height, width = images.shape[1:3]
    factor = math.ceil(max(height, width) / THUMBNAIL_PIXELS)
    if factor == 1:
        return images
    padding = ((0, 0), (0, -height % factor), (0, -width % factor), (0, 0))
    padded = np.pad(images, padding, mode="edge")
    blocks = padded.reshape(len(images), padded.shape[1] // factor, factor, padded.shape[2] // factor, factor, -1)
    return blocks.mean(axis=(2, 4)).round().astype(np.uint8)


def _tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """(N, H, W, C) as one picture (lines * H, columns * W, C), filled line by line."""
    count, height, width, channels = images.shape
    lines = math.ceil(count / columns)
    tiles = np.zeros((lines * columns, height, width, channels), np.uint8)
    tiles[:count] = images
    grid = tiles.reshape(lines, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(lines * height, columns * width, channels)


def _data_uri(pixels: np.ndarray) -> str:
    """`pixels` (H, W, C) as WebP in the best of ENCODINGS that stays under SHEET_BYTES, else in the smallest."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    content = b""
    for encoding in ENCODINGS:
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", **encoding)
        content = buffer.getvalue()
        if len(content) <= SHEET_BYTES:
            break
    return "data:image/webp;base64," + base64.b64encode(content).decode()
