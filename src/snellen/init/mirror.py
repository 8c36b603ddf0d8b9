"""Whether a proposed study mirrors training images: only if a mirrored image certainly shows the same class."""

from __future__ import annotations

import re

import numpy as np

from snellen.data.dataset import Dataset
from snellen.errors import StudyError
from snellen.explain.foreground import brightness_of, foreground_masks, has_even_background, thicknesses
from snellen.train.augment.geometric import Flip
from snellen.train.augment.mirrored_classes import refuse_changed_classes

WORD = re.compile(r"[^\W\d_]{3,}")
COUNTING = frozenset(
    ("class", "label", "category", "type", "group", "kind", "set", "folder", "cluster", "char", "sign")
)
"""A name without a word (`12`, `A3`, `c_07`), or only with one of these, does not say what the class shows."""

THIN, SAMPLE = 0.14, 200
"""Strokes thinner than this share of the side are those of characters and drawings: MNIST 0.10, Fashion-MNIST 0.18;
measured on as many images."""


def reason_against_mirror(dataset: Dataset) -> str | None:
    """Why mirrored images may show another class, as a clause; None if they show the same class."""
    try:
        refuse_changed_classes([Flip()], dataset.classes, dataset.name)
    except StudyError:
        return "the classes are characters or differ in left and right"
    if not all({*WORD.findall(name.lower())} - COUNTING for name in dataset.classes):
        return "the names of the classes do not say what they show"
    if _are_strokes(dataset):
        return "the images look like characters or drawings of thin strokes"
    return None


def _are_strokes(dataset: Dataset) -> bool:
    """Whether the images show thin strokes on a uniform background."""
    rows = np.linspace(0, len(dataset) - 1, min(SAMPLE, len(dataset))).astype(int)
    brightness = brightness_of(dataset.images[rows], dataset.pixel_range)
    if min(brightness.shape[1:]) < 2 or not has_even_background(brightness):
        return False
    measured = thicknesses(foreground_masks(brightness))
    known = measured[np.isfinite(measured)]
    return len(known) > 0 and float(np.median(known)) < THIN * min(brightness.shape[1:])
