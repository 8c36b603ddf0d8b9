"""Folders of small images for tests of readers, and what is expected of bad ones."""

from __future__ import annotations

from pathlib import Path

import image_cases as cases
import numpy as np
import pytest

from snellen.data.load import read
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.errors import DataError, SnellenError


def photos(root: Path, *paths: str, seed: int = 0) -> Path:
    """A colour image of 6x5 pixels at each path."""
    random = np.random.default_rng(seed)
    for path in paths:
        cases.save(root / path, random.integers(0, 256, (6, 5, 3), dtype=np.uint8))
    return root


def simple(root: Path) -> Path:
    return photos(root, *(f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)))


def refused(
    path: Path, message: str, error: type[SnellenError] = DataError, options: Options = DEFAULT_OPTIONS
) -> None:
    with pytest.raises(error, match=message):
        read(path, options)
