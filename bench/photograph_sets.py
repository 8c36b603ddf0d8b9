"""Folders of photographs as strangers bring them: few images, of mixed sizes, JPEG; made of data sets at hand.

A set is drawn from the training part of its source, its fresh test from the official test, by the seed of the draw.
Images are enlarged with bicubic interpolation, so that they look like small photographs; no detail is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from snellen.data.dataset import Dataset
from snellen.data.load import read

FRESH_IMAGES = 1_000
"""Of the fresh test, over all classes: the standard error of an accuracy of 80 % is 1.3 points."""

LEAST_SIDE, MOST_SIDE, MOST_RATIO = 60, 200, 1.35
JPEG_QUALITY = 90


@dataclass(frozen=True)
class PhotographSet:
    """images: of all classes together, equally many of each. tuned: whether a rule of `snellen init` was chosen by it.
    classes: None for all."""

    name: str
    source: str
    images: int
    classes: tuple[str, ...] | None = None
    tuned: bool = False
    draw: int = 0
    square: bool = False


SETS = (
    PhotographSet("cat-dog", "cifar-10", 200, ("cat", "dog"), tuned=True),
    PhotographSet("car-truck", "cifar-10", 300, ("automobile", "truck")),
    PhotographSet("plane-ship", "cifar-10", 100, ("airplane", "ship")),
    PhotographSet("animals", "cifar-10", 500, ("bird", "cat", "deer", "dog", "horse"), tuned=True),
    PhotographSet("five", "cifar-10", 300, ("airplane", "automobile", "deer", "frog", "horse"), draw=1),
    PhotographSet("ten", "cifar-10", 1000, tuned=True, draw=2),
    PhotographSet("ten-500", "cifar-10", 500, draw=3),
    PhotographSet("clothes", "fashion-mnist", 300, tuned=True, square=True),
    PhotographSet("clothes-1000", "fashion-mnist", 1000, draw=1),
    PhotographSet("numbers", "svhn/", 500, tuned=True),
    PhotographSet("numbers-1000", "svhn/", 1000, draw=1),
)


def make(wanted: PhotographSet, folder: Path) -> tuple[Path, Path]:
    """The folder of the set and that of its fresh test, `CLASS/NUMBER.jpg` in each; written once."""
    own, fresh = folder / wanted.name / "photos", folder / wanted.name / "fresh"
    if not (folder / wanted.name / "complete").exists():
        dataset = read(wanted.source)
        official = dataset.official_test
        if official is None:
            raise ValueError(f"{wanted.source} has no official test")
        random = np.random.default_rng([wanted.draw, 17])
        _write(dataset, _drawn(dataset, ~official, wanted, wanted.images, random), wanted, own, random)
        _write(dataset, _drawn(dataset, official, wanted, FRESH_IMAGES, random), wanted, fresh, random)
        (folder / wanted.name / "complete").touch()
    return own, fresh


def _drawn(
    dataset: Dataset, part: np.ndarray, wanted: PhotographSet, images: int, random: np.random.Generator
) -> np.ndarray:
    """Rows of `part`, equally many of each class."""
    classes = wanted.classes or dataset.classes
    numbers = [dataset.classes.index(name) for name in classes]
    rows = [np.flatnonzero(part & (dataset.labels == k)) for k in numbers]
    return np.concatenate([random.choice(own, min(images // len(numbers), len(own)), False) for own in rows])


def _write(
    dataset: Dataset, rows: np.ndarray, wanted: PhotographSet, folder: Path, random: np.random.Generator
) -> None:
    for row in rows.tolist():
        place = folder / dataset.classes[dataset.labels[row]].replace("/", "-")
        place.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(dataset.images[row].squeeze())
        image.resize(_size(wanted, random), Image.Resampling.BICUBIC).save(place / f"{row}.jpg", quality=JPEG_QUALITY)


def _size(wanted: PhotographSet, random: np.random.Generator) -> tuple[int, int]:
    """Width and height; the longer side is at most MOST_RATIO times the shorter."""
    side = int(random.integers(LEAST_SIDE, MOST_SIDE, endpoint=True))
    other = side if wanted.square or random.random() < 0.5 else round(side / random.uniform(1, MOST_RATIO))
    return (side, other) if random.random() < 0.5 else (other, side)
