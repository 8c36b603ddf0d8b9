"""A stranger's data, read without being told how: what it takes to read them, and what only the files tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.fit import Fit
from snellen.data.near import near_groups_at_hand
from snellen.data.photographs import Photograph, look, some_files, tallies
from snellen.data.readers import find, read
from snellen.data.source import UNSAID, Options
from snellen.errors import DataError

PROVISIONAL = Fit(step="resize", height=1, width=1)
"""For reading pictures of several sizes before their size is chosen; never a proposed size itself."""

SIDE_STEP, MAX_PROPOSED_SIDE, MAX_SIDE_AS_IT_IS = 8, 64, 128
"""Proposed sides are multiples of 8, which can be halved three times, up to 64: minutes of training on a laptop.
Pictures of one size stay as they are up to 128, for which Snellen is made."""


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
    options, sizes = UNSAID, list[tuple[str, int]]()
    while True:
        try:
            dataset = read(source, options, data_folder)
        except DataError as error:
            options = _remedied(error, options)
            continue
        if options.fit != PROVISIONAL and max(dataset.shape[:2]) <= MAX_SIDE_AS_IT_IS:
            return Survey(dataset, options, tuple(sizes), near_groups_at_hand(dataset))
        place = find(source, data_folder)
        found = look(some_files(dataset, place)) if place else []
        sizes = tallies(found)["sizes"] or [(f"{dataset.shape[0]} × {dataset.shape[1]}", len(dataset))]
        options = replace(options, fit=_fit(found) if found else _square(min(dataset.shape[:2])))


REMEDIES: dict[str, Callable[[Options], Options]] = {
    "pictures of different sizes": lambda options: replace(options, fit=PROVISIONAL),
    "pictures too large": lambda options: replace(options, fit=PROVISIONAL),
    "mixed channels": lambda options: replace(options, background="white"),
}
"""The problems of readers that an option solves."""


def _remedied(error: DataError, options: Options) -> Options:
    """Other options, or the error again when none helps."""
    better = REMEDIES[error.problem](options) if error.problem in REMEDIES else options
    if better == options:
        raise error
    return better


def _fit(found: list[Photograph]) -> Fit:
    return _square(float(np.median([(each.height, each.width) for each in found])))


def _square(side: float) -> Fit:
    """A resize to the nearest proposed side."""
    size = min(max(round(side / SIDE_STEP), 1) * SIDE_STEP, MAX_PROPOSED_SIDE)
    return Fit(step="resize", height=size, width=size)
