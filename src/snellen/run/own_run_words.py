"""The sentences on images that belong to the model's run, in `snellen evaluate` and `snellen predict --score`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from snellen.phrases import listing, plural
from snellen.run.own_run import FITTED, OwnImages

NO_COPY = "No image is an exact copy of a training or test image of the model."
NAMES = {"train": "training", "validation": "validation", "test": "test", "calibration": "calibration"}


def fitted_among(counts: Mapping[str, int]) -> str:
    """A clause on images, by role, that training or the choice of the epoch used."""
    images = _images({role: counts.get(role, 0) for role in FITTED})
    are = "is" if sum(counts.values()) == 1 else "are"
    return f"{images} of this model {are} among the given images, as exact copies"


def held_out_among(counts: Mapping[str, int], which: str) -> str:
    """A sentence on images of the roles test and calibration. which: an adjective for the images they are among."""
    images = _images({role: counts.get(role, 0) for role in ("test", "calibration")})
    return f"Among the {which} images are {images} of the run, as exact copies."


def not_looked_up(why: str) -> str:
    """A sentence for the case that the run's images are unknown. why: a clause."""
    return f"Whether images of the model's training are among these was not looked up: {why}."


def score_sentences(copies: OwnImages | None, no_copies: str | None, rows: np.ndarray) -> Iterator[str]:
    """The sentences of `snellen predict --score`, which scores all `rows`: how many are images of the run, and what
    that means."""
    if copies is None:
        yield not_looked_up(no_copies or "")
        return
    counts = copies.counts(rows)
    fitted = {role: number for role, number in counts.items() if role in FITTED}
    if fitted:
        yield (
            f"Warning: {fitted_among(fitted)}, so this accuracy says nothing about new images. `snellen evaluate` "
            "leaves them out."
        )
    if counts.keys() - fitted.keys():
        yield held_out_among(counts, "scored")
    if not counts:
        yield NO_COPY


def _images(counts: Mapping[str, int]) -> str:
    return listing([plural(number, f"{NAMES[role]} image") for role, number in counts.items() if number])
