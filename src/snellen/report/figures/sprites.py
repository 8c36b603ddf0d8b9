"""Many images in one image: sprite sheets, of which each place in the page shows one tile.

Printing decodes a sheet again for every tile, so the images in view keep to small ones: a page has one of its own,
one a model, and one for all images behind confusion cells, which are not printed."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from PIL import Image

from snellen.evaluate.data_file import DataSection
from snellen.explain.mistakes import ConfusedImages
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import CELL_IMAGES, PAIRED_IMAGES, SHEET_PIXELS, THUMBNAIL_PIXELS
from snellen.report.figures.confusion_cells import worst_cells
from snellen.report.model_types import ModelJson, RoleJson
from snellen.report.types import ReportJson

READABLE_PIXELS = 40
"""Images are enlarged by the smallest whole factor that makes them at least this wide."""

ENCODINGS: tuple[dict[str, Any], ...] = (
    {"lossless": True, "quality": 50},
    {"quality": 85},
    {"quality": 65},
    {"quality": 40},
)
"""WebP settings, best first. Line drawings are as small without loss (10,000 MNIST digits: 1.5 MB) as with it."""

LOSSLESS_FACTOR = 10
"""Not tried without loss is what would have to shrink more than this: a second saved where photographs never do."""


@dataclass(frozen=True)
class Sheet:
    """A sprite sheet as a page draws it.

    uri: the data URI. columns, lines: tiles across and down. width, height: of a tile on the screen, in CSS pixels.
    tiles: data set row -> number of its tile; tiles of extra images follow.
    """

    uri: str
    columns: int
    lines: int
    width: int
    height: int
    tiles: dict[int, int]

    def style(self, tile: int) -> str:
        """The inline style that makes an element of class "picture" show `tile`."""
        return f"--x:{tile % self.columns};--y:{tile // self.columns}"


def build_sheet(thumbnails: Thumbnails, rows: Iterable[int], max_bytes: int, extra: np.ndarray | None = None) -> Sheet:
    """The sheet of the images of `rows`, each once, then of `extra` (N, H, W, C) uint8.

    Rows without a thumbnail, and the last ones beyond SHEET_PIXELS, have no tile. Beyond `max_bytes` quality is given
    up, as ENCODINGS say.
    """
    extra = np.zeros((1, *thumbnails.images.shape[1:]), np.uint8) if extra is None else extra
    found = {int(row): at for at, row in enumerate(thumbnails.rows)}
    shown = [row for row in dict.fromkeys(rows) if row in found][: _room(extra.shape[1:]) - len(extra)]
    images = _reduced(np.concatenate([thumbnails.images[[found[row] for row in shown]], extra]))
    columns = math.isqrt(len(images))
    height, width = images.shape[1:3]
    scale = math.ceil(READABLE_PIXELS / max(height, width))
    return Sheet(
        uri=_data_uri(_tiled(images, columns), max_bytes),
        columns=columns,
        lines=math.ceil(len(images) / columns),
        width=scale * width,
        height=scale * height,
        tiles={row: tile for tile, row in enumerate(shown)},
    )


def rows_in_view(content: ReportJson) -> Iterator[int]:
    """Data set rows whose images the page of `content` shows at once outside the roles of its models."""
    for rows in content["data"]["samples"]:
        yield from rows
    yield from near_duplicate_rows(content["data"])
    for model in content["models"]:
        yield from (item["original"] for item in model["augmented"])


def near_duplicate_rows(data: DataSection) -> Iterator[int]:
    """Those of the near-duplicates that are drawn."""
    near = data.get("near_pairs")
    yield from (one["row"] for each in (near["listed"] if near else []) for one in each["pictures"])


def rows_of_model(model: ModelJson, pairs: int) -> Iterator[int]:
    """Those that it shows at once for one model, some more than once; of each role the first `pairs` confused pairs."""
    for role in model["roles"].values():
        yield from (item["row"] for item in (*role["mistakes"], *role["examples"], *chain(*role.get("drawn", []))))
        yield from (row for cell in worst_cells(role) for row in cell["rows"])
    for role in model["roles"].values():
        yield from (item["row"] for grid in _grids(role, pairs) for item in grid["pictures"])


def pairs_in_view(content: ReportJson) -> int:
    """How many confused pairs of each role keep the page to PAIRED_IMAGES of their images, but one at least."""
    most = max((len(role["pairs"]) for role in _roles(content)), default=0)
    counts = {
        pairs: sum(len(grid["pictures"]) for role in _roles(content) for grid in _grids(role, pairs))
        for pairs in range(1, most + 1)
    }
    return max((pairs for pairs, images in counts.items() if images <= PAIRED_IMAGES), default=1)


def _grids(role: RoleJson, pairs: int) -> list[ConfusedImages]:
    return [grid for pair in role["pairs"][:pairs] for grid in pair["grids"]]


def rows_behind_cells(content: ReportJson, limit: int = CELL_IMAGES) -> Iterator[int]:
    """Data set rows of the first `limit` images of each confusion cell: the first of all cells first."""
    for place in range(limit):
        for role in _roles(content):
            yield from (rows[place] for rows in role["cells"].values() if place < len(rows))


def mean_images(data: DataSection) -> np.ndarray:
    """(K, H, W, C) uint8, the mean image of each class of report.json's `data`."""
    shares = np.array(data["means"], np.float32).reshape(-1, *data["shape"])
    return (shares.clip(0, 1) * 255).round().astype(np.uint8)


def _roles(content: ReportJson) -> list[RoleJson]:
    return [role for model in content["models"] for role in model["roles"].values()]


def _room(shape: tuple[int, ...]) -> int:
    """How many tiles of images of this (H, W, C) a sheet holds."""
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
    blocks: np.ndarray = padded.reshape(
        len(images), padded.shape[1] // factor, factor, padded.shape[2] // factor, factor, -1
    )
    return np.asarray(blocks.mean(axis=(2, 4)).round(), np.uint8)


def _tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """(N, H, W, C) as one image (lines * H, columns * W, C), filled line by line."""
    count, height, width, channels = images.shape
    lines = math.ceil(count / columns)
    tiles = np.zeros((lines * columns, height, width, channels), np.uint8)
    tiles[:count] = images
    grid = tiles.reshape(lines, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(lines * height, columns * width, channels)


def _data_uri(pixels: np.ndarray, max_bytes: int) -> str:
    """`pixels` (H, W, C) as WebP in the best of ENCODINGS that stays under `max_bytes`, else in the smallest."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    content = b""
    for encoding in ENCODINGS if pixels.nbytes <= LOSSLESS_FACTOR * max_bytes else ENCODINGS[1:]:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", **encoding)
        content = buffer.getvalue()
        if len(content) <= max_bytes:
            break
    return "data:image/webp;base64," + base64.b64encode(content).decode()
