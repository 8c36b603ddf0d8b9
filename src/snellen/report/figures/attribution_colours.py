"""Maps over images as coloured tiles: transparent where they are nothing, so that the image shows beneath."""

from __future__ import annotations

import numpy as np

from snellen.explain.thumbnails import Thumbnails
from snellen.report.figures.sprites import Sheet, build_sheet

FOR, AGAINST = (52, 120, 220), (214, 62, 84)
"""Colours of what speaks for an answer and against it, on light and on dark."""

WARM = np.array([(96, 20, 110), (186, 46, 92), (238, 106, 42), (252, 200, 64)], np.float64)
"""Colours of a sequence from little to much, darker to lighter."""

CUT = 99.0
"""Per cent of the values of a map that keep their strength; the strongest ones share the full one."""


def diverging(maps: np.ndarray) -> np.ndarray:
    """(N, H, W, 4) uint8 of (N, H, W) signed maps; each map has a scale of its own."""
    strength = _scaled(np.abs(maps))
    colours = np.where(maps[..., None] < 0, AGAINST, FOR)
    return np.asarray(np.concatenate([colours, 255 * strength[..., None]], axis=3).round(), np.uint8)


def sequential(maps: np.ndarray) -> np.ndarray:
    """(N, H, W, 4) uint8 of (N, H, W) maps >= 0; each map has a scale of its own."""
    strength = _scaled(maps)
    places = np.linspace(0, 1, len(WARM))
    colours = np.stack([np.interp(strength, places, WARM[:, channel]) for channel in range(3)], axis=3)
    drawn = np.concatenate([colours, 255 * np.sqrt(strength)[..., None]], axis=3)
    return np.asarray(drawn.round(), np.uint8)


def _scaled(maps: np.ndarray) -> np.ndarray:
    """0..1: values over the CUT percentile of each map count as 1; a map of nothing stays so."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    most = np.percentile(flat, CUT, axis=1) if flat.size else np.zeros(len(maps))
    most = np.where(most > 0, most, flat.max(1, initial=0))[:, None, None]
    return np.asarray(np.divide(maps, most, out=np.zeros(maps.shape), where=most > 0).clip(0, 1))


def sheet_of(tiles: np.ndarray, max_bytes: int) -> Sheet:
    """A sheet of (N, H, W, C) uint8, numbered in their order; N >= 1."""
    return build_sheet(Thumbnails(np.arange(len(tiles)), tiles), range(len(tiles)), max_bytes)
