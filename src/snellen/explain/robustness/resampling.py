"""Blur and affine transforms of batches of uint8 images in integers: the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

UNIT = 256
"""Weights are integer multiples of 1 / UNIT."""


def blurred(images: np.ndarray, size: float) -> np.ndarray:
    """(N, H, W, C) uint8 blurred by a Gaussian with a standard deviation of `size` times the side; pixels beyond the
    edge are those at the edge."""
    down, right = (_blur_matrix(side, size * side) for side in images.shape[1:3])
    channels_first = np.moveaxis(images, 3, 1).astype(np.float32)
    sums = down @ channels_first @ right.T  # integers below 2^24: exact in any order of summation
    rounded = (sums.astype(np.int32) + UNIT * UNIT // 2) // (UNIT * UNIT)
    return np.ascontiguousarray(np.moveaxis(rounded, 1, 3).astype(np.uint8))


def _blur_matrix(side: int, deviation: float) -> np.ndarray:
    """(side, side) float32 with integer values; each row sums to UNIT."""
    reach = max(1, round(3 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    whole = np.rint(UNIT * weights / weights.sum()).astype(np.int64)
    whole[reach] += UNIT - whole.sum()
    matrix = np.zeros((side, side), np.int64)
    for place, weight in enumerate(whole):
        np.add.at(matrix, (np.arange(side), np.clip(np.arange(side) + place - reach, 0, side - 1)), weight)
    return matrix.astype(np.float32)


def affine(
    height: int, width: int, matrix: np.ndarray | None = None, shift: tuple[float, float] = (0.0, 0.0)
) -> Callable[[np.ndarray], np.ndarray]:
    """An affine transform of (N, height, width, C) uint8 images, bilinear: the value at a place (row, column) is read
    at matrix @ place - shift, measured from the centre in pixels; pixels beyond the edge are those at the edge."""
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1).reshape(-1, 2) - centre
    source = places @ (np.eye(2) if matrix is None else matrix).T + centre - np.array(shift)
    whole = np.rint(source * UNIT).astype(np.int64)
    first, part = whole // UNIT, whole % UNIT
    corners = []
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        row, column = (np.clip(first[:, axis] + step, 0, side - 1) for axis, (step, side) in
                       enumerate(((down, height), (right, width))))  # fmt: skip
        weight = (part[:, 0] if down else UNIT - part[:, 0]) * (part[:, 1] if right else UNIT - part[:, 1])
        corners.append((row * width + column, weight.astype(np.uint32)[None, :, None]))

    def change(images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), height * width, images.shape[-1])
        sums = np.full(flat.shape, UNIT * UNIT // 2, np.uint32)
        for places, weight in corners:
            if weight.any():
                sums += flat[:, places] * weight
        return (sums // np.uint32(UNIT * UNIT)).astype(np.uint8).reshape(images.shape)

    return change
