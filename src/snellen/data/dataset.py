"""The Dataset: images, labels and the origin of each row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import polars as pl

from snellen.errors import DataError, RunError, unknown
from snellen.files.hashing import canonical_json, digest, digest_arrays

PartRole = Literal["train", "validation", "test"]
"""The purpose of a part of published data."""

PART_ROLES: tuple[PartRole, ...] = get_args(PartRole)
"""The parts, in the order in which they are read."""

SEALED = -1
"""Replaces the label of a test row outside final evaluation, where it must not be seen."""


@dataclass(frozen=True)
class Excluded:
    """An image file that cannot be read and is left out: its path below the source, and the reason."""

    file: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """N labelled images of one size, exactly as their files hold them.

    images: (N, H, W, C) uint8 whenever that is lossless, else float32; may be memory-mapped and read-only. labels: (N,)
    int64 in 0..K-1, or SEALED. classes: the K names. ids: (N,) str, unique: file and row, or path. official_test,
    official_validation: (N,) bool, the test and validation part of the publisher, or None without such a part.
    pixel_range: the values that mean black and white; models see (value - low) / (high - low). fingerprint: SHA-256 of
    images, labels, classes, official parts and pixel_range. groups: (N,) int64, equal for rows that every split keeps
    together (one patient, one burst of photographs), or None. excluded: the image files that were left out. remarks:
    sentences for the user on how the data were read, converted or left out. description: a description from a known
    data set or from the study; empty without one.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    ids: np.ndarray
    official_test: np.ndarray | None
    pixel_range: tuple[float, float]
    fingerprint: str
    groups: np.ndarray | None = None
    excluded: tuple[Excluded, ...] = ()
    official_validation: np.ndarray | None = None
    remarks: tuple[str, ...] = ()
    description: str = ""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image, pixels and channels."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def without_labels(self, rows: np.ndarray) -> Dataset:
        """The same data set with the labels of `rows` sealed."""
        labels = self.labels.copy()
        labels[rows] = SEALED
        return replace(self, labels=labels)

    def image_values(self, image: int | str) -> pl.DataFrame:
        """One image as stored numbers: one row for each line of pixels, with their values in `column_0`, `column_1` ...
        Several channels follow each other, numbered by `channel`. image: its row in the data set, from 0, or its id.
        Raises UnknownName for an unknown id, DataError for a row that does not exist.
        """
        row = self._row_of(image)
        height, width, channels = self.shape
        values = np.moveaxis(self.images[row], 2, 0).reshape(-1, width)
        places = {"channel": np.repeat(np.arange(channels), height), "row": np.tile(np.arange(height), channels)}
        columns = {f"column_{column}": np.ascontiguousarray(values[:, column]) for column in range(width)}
        return pl.DataFrame((places if channels > 1 else {"row": places["row"]}) | columns)

    def pixel_counts(self, row: int, column: int) -> pl.DataFrame:
        """The frequencies of the values of a pixel, in ascending order: columns value, images, share; separately for
        several channels, numbered by `channel`. row, column: position of the pixel, from 0 at the top left. Images of
        the official test are left out, as on the exploration page. Raises DataError for a pixel outside the image.
        """
        height, width, channels = self.shape
        if not (0 <= row < height and 0 <= column < width):
            limits = f"rows 0 to {height - 1} and columns 0 to {width - 1}"
            raise DataError("no such pixel", found=f"row {row}, column {column}", expected=limits)
        pixels = np.asarray(self.images[:, row, column])
        pixels = pixels if self.official_test is None else pixels[~self.official_test]
        parts = []
        for channel, values in enumerate(pixels.T):
            found, images = np.unique(values, return_counts=True)
            numbered = {"channel": np.full(len(found), channel)} if channels > 1 else {}
            parts.append(pl.DataFrame(numbered | {"value": found, "images": images, "share": images / len(pixels)}))
        return pl.concat(parts)

    def _row_of(self, image: int | str) -> int:
        if isinstance(image, str):
            places = np.flatnonzero(self.ids == image)
            if not len(places):
                raise unknown("image", image, self.ids.tolist())
            return int(places[0])
        if not 0 <= image < len(self):
            raise DataError("no such image", found=f"row {image}", expected=f"0 to {len(self) - 1:,}")
        return int(image)

    def unsealed_labels(self, rows: np.ndarray) -> np.ndarray:
        """(n,) int64 labels of `rows`. Raises RunError when any of them is sealed."""
        labels: np.ndarray = self.labels[rows]
        if (labels == SEALED).any():
            raise RunError("labels are sealed", found=f"{(labels == SEALED).sum():,} of {len(rows):,} rows")
        return labels


def fingerprint(
    images: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    official_test: np.ndarray | None,
    pixel_range: tuple[float, float],
    official_validation: np.ndarray | None = None,
) -> str:
    """SHA-256 (hex) of a data set's content: images, labels, class names, masks of official parts, pixel range."""
    mask = np.zeros(len(labels), bool) if official_test is None else official_test
    validation = [] if official_validation is None else [digest_arrays(official_validation).encode()]
    return digest(
        digest_arrays(images, labels, mask).encode(),
        canonical_json([list(classes), list(pixel_range), official_test is not None]),
        *validation,
    )
