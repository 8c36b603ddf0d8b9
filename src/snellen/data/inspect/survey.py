"""A stranger's data, read without being told how: what it takes to read them, and what only the files tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.grey import all_grey
from snellen.data.inspect.near_duplicates import near_groups_at_hand
from snellen.data.inspect.photographs import MAX_FILES, Photograph, look, some_files, tallies
from snellen.data.inspect.polarity import tone_of
from snellen.data.load import find, holds_picture_files, read
from snellen.data.readers.reader import UNSAID, Options
from snellen.data.resize import Fit
from snellen.errors import DataError

PROVISIONAL = Fit(step="resize", height=1, width=1)
"""For reading pictures of several sizes before their size is chosen; never a proposed size itself."""

SIDE_STEP, MAX_PROPOSED_SIDE, MAX_SIDE_AS_IT_IS = 8, 64, 128
"""Proposed sides are multiples of 8, which can be halved three times, up to 64: minutes of training on a laptop.
Pictures of one size stay as they are up to 128, for which Snellen is made."""

ALIKE, DARK = 1.25, 0.1
"""Sides that differ by no more than a quarter need no stretching: where the border of pictures is nearly black, more
black around the smaller ones adds nothing; otherwise the middle of the larger ones is taken."""


@dataclass(frozen=True, eq=False)
class Survey:
    """dataset: as read with `options`, those that it takes. sizes: each found ("height × width") and how often, where
    the pictures had to be given one size. near: `near_groups`, None where nobody looked."""

    dataset: Dataset
    options: Options
    sizes: tuple[tuple[str, int], ...]
    near: np.ndarray | None


def survey(source: str, data_folder: Path | None = None) -> Survey:
    """Reads what nobody described. Raises DataError for files that no option helps to read."""
    options, sizes, place = UNSAID, list[tuple[str, int]](), find(source, data_folder)
    of_files = place is not None and holds_picture_files(place)
    while True:
        try:
            dataset = read(source, options, data_folder)
        except DataError as error:
            options = _remedied(error, options, of_files)
            continue
        if options.fit != PROVISIONAL and max(dataset.shape[:2]) <= MAX_SIDE_AS_IT_IS:
            break
        found = look(some_files(dataset, place)) if place else []
        sizes = tallies(found)["sizes"] or [(f"{dataset.shape[0]} × {dataset.shape[1]}", len(dataset))]
        known = _fit(found, partial(_read_with, source, data_folder, options)) if found else None
        options = replace(options, fit=known or _square(min(dataset.shape[:2])))
    if dataset.shape[2] == 3 and all_grey(dataset.images):
        options = replace(options, grey=True)
        dataset = read(source, options, data_folder)
    return Survey(dataset, options, tuple(sizes), near_groups_at_hand(dataset))


REMEDIES: dict[str, Callable[[Options], Options]] = {
    "pictures of different sizes": lambda options: replace(options, fit=PROVISIONAL),
    "pictures too large": lambda options: replace(options, fit=PROVISIONAL),
    "mixed channels": lambda options: replace(options, background="white"),
}
"""The problems of readers that an option solves."""


def _remedied(error: DataError, options: Options, of_files: bool) -> Options:
    """Other options, or the error again when none helps. of_files: whether the unreadable may be left out."""
    if error.problem in REMEDIES:
        better = REMEDIES[error.problem](options)
    else:
        better = replace(options, on_bad_image="exclude") if of_files else options
    if better == options:
        raise error
    return better


def _read_with(source: str, data_folder: Path | None, options: Options, fit: Fit) -> Dataset:
    return read(source, replace(options, fit=fit), data_folder)


def _fit(found: list[Photograph], read_with: Callable[[Fit], Dataset]) -> Fit:
    """One size for pictures of those sizes, at least one. read_with: the data set with a size."""
    sides = np.array([(each.height, each.width) for each in found])
    least, most = sides.min(axis=0), sides.max(axis=0)
    same = (least == most).all() or len(found) == MAX_FILES  # there may be more sizes among files not looked at
    if same or (most > ALIKE * least).any() or most.max() > MAX_PROPOSED_SIDE:
        return _square(float(np.median(sides)))
    cropped = Fit(step="crop", height=int(least[0]), width=int(least[1]))
    dataset = read_with(cropped.model_copy(update={"step": "resize"}))  # which keeps the border of each
    low, high = dataset.pixel_range
    border = tone_of((dataset.images.mean(axis=0) - low) / (high - low)).border
    return Fit(step="pad", height=int(most[0]), width=int(most[1])) if border < DARK else cropped


def _square(side: float) -> Fit:
    """A resize to the nearest proposed side."""
    size = min(max(round(side / SIDE_STEP), 1) * SIDE_STEP, MAX_PROPOSED_SIDE)
    return Fit(step="resize", height=size, width=size)
