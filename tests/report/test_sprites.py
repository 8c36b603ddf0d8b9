"""Protects the sprite sheets: each row's tile is that row's image, decoded by another program, within the limits."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from snellen.explain.thumbnails import Thumbnails
from snellen.report.figures.sprites import (
    Sheet,
    build_sheet,
    pairs_in_view,
    rows_behind_cells,
    rows_in_view,
    rows_of_model,
)

ROOM = 10**6


def thumbnails(count: int, height: int, width: int, channels: int) -> Thumbnails:
    """Noise: what a lossy codec cannot reproduce. Row numbers are 10, 11, ..."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)
    return Thumbnails(10 + np.arange(count), pixels)


def decoded(sheet: Sheet) -> np.ndarray:
    head, content = sheet.uri.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def tile(sheet: Sheet, number: int, channels: int) -> np.ndarray:
    """(H, W, C), the part of the sheet that a page shows for a tile."""
    pixels = decoded(sheet)
    height, width = pixels.shape[0] // sheet.lines, pixels.shape[1] // sheet.columns
    column, line = map(int, re.findall(r"\d+", sheet.style(number)))
    part = pixels[line * height : (line + 1) * height, column * width : (column + 1) * width]
    return part[..., :channels]


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (9, 13, 3), (32, 32, 3)])
def test_each_tile_is_its_image_exactly(shape: tuple[int, int, int]) -> None:
    given = thumbnails(7, *shape)
    sheet = build_sheet(given, [16, 12, 16, 10], ROOM)
    assert list(sheet.tiles) == [16, 12, 10]
    for row, number in sheet.tiles.items():
        np.testing.assert_array_equal(tile(sheet, number, shape[2]), given.images[row - 10])


def test_extra_images_follow_the_rows_and_unknown_rows_are_left_out() -> None:
    given, extra = thumbnails(3, 8, 8, 1), thumbnails(2, 8, 8, 1).images[::-1]
    sheet = build_sheet(given, [999, 11], ROOM, extra)
    assert list(sheet.tiles) == [11]
    np.testing.assert_array_equal(tile(sheet, 1, 1), extra[0])
    np.testing.assert_array_equal(tile(sheet, 2, 1), extra[1])


@pytest.mark.parametrize(("side", "screen"), [(8, 40), (28, 56), (32, 64), (64, 64), (128, 64)])
def test_images_are_shown_at_a_readable_size(side: int, screen: int) -> None:
    sheet = build_sheet(thumbnails(1, side, side, 1), [10], ROOM)
    assert (sheet.width, sheet.height) == (screen, screen)


def test_large_images_are_reduced_to_block_means() -> None:
    given = thumbnails(1, 100, 128, 3)
    sheet = build_sheet(given, [10], ROOM)
    expected = given.images[0].reshape(50, 2, 64, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(tile(sheet, 0, 3), expected, atol=0.5)


def test_a_small_budget_costs_quality_and_no_images() -> None:
    given = thumbnails(400, 32, 32, 3)
    rows = given.rows.tolist()
    fine, coarse = build_sheet(given, rows, 10**7), build_sheet(given, rows, 400_000)
    assert len(coarse.uri) < len(fine.uri) / 2
    assert list(coarse.tiles) == list(fine.tiles) == rows


def test_no_row_at_all_is_still_a_sheet() -> None:
    assert build_sheet(thumbnails(1, 8, 8, 1), [], ROOM).tiles == {}


def pair(*rows: int) -> dict[str, Any]:
    """A confused pair with one image a grid."""
    return {"grids": [{"pictures": [{"row": row}]} for row in rows]}


def test_the_first_images_of_all_cells_come_first() -> None:
    role: dict[str, Any] = {
        "confusion": [[3, 1], [0, 0]],
        "cells": {"0,0": [1, 2, 3], "0,1": [4]},
        "mistakes": [{"row": 5}],
        "examples": [{"row": 6}],
    }
    role["pairs"] = [pair(10, 11), pair(12)]
    model: Any = {"roles": {"test": role}, "augmented": [{"original": 9}]}
    content: Any = {"data": {"samples": [[7], [8]]}, "models": [model]}
    assert list(rows_behind_cells(content, 2)) == [1, 4, 2]
    assert list(rows_in_view(content)) == [7, 8, 9]
    assert list(rows_of_model(model, 0)) == [5, 6]
    assert list(rows_of_model(model, 1)) == [5, 6, 10, 11]
    assert list(rows_of_model(model, 2)) == [5, 6, 10, 11, 12]


@pytest.mark.parametrize(("models", "pairs"), [(0, 1), (1, 2), (10, 2), (11, 1), (40, 1)])
def test_a_page_of_many_models_shows_one_pair_of_each(models: int, pairs: int) -> None:
    """150 images a model with both pairs: ten models fit the 1,500 of a page."""
    role = {"pairs": [pair(*range(75)), pair(*range(75))]}
    content: Any = {"models": [{"roles": {"test": role}} for _ in range(models)]}
    assert pairs_in_view(content) == pairs
