"""A sentence on the images that are unlike the training images, for which predictions mean little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.deploy.model import Model
from snellen.errors import printable

NAMED, NAME_CHARACTERS = 5, 80
"""The most images that the warning names, and the most characters of each name."""


def unfamiliar_warning(ids: Sequence[str], unlike: np.ndarray | None, model: Model) -> str | None:
    """A sentence with the number of unlike images, the names of the first, and the number that chance explains; a
    warning if there are more than that. None without such images. found: (N,) bool, which images are unlike."""
    if model.distance is None or unlike is None or not unlike.any():
        return None
    rows, count, by_chance = np.flatnonzero(unlike), int(unlike.sum()), model.distance.rate * len(unlike)
    names = [printable(ids[row], NAME_CHARACTERS) for row in rows[:NAMED]]
    named = ", ".join([*names, f"and {count - NAMED:,} more"] if count > NAMED else names)
    these, them = ("is", "it") if count == 1 else ("are", "them")
    images = "image" if len(unlike) == 1 else "images"
    here = f", here about {by_chance:,.0f}" if by_chance >= 1 else ""
    chance = f"about 1 in {round(1 / model.distance.rate):,} is found unlike too{here}"
    begin = f"{count:,} of {len(unlike):,} {images} {these}"
    if not model.distance.is_more_than_chance(count, len(unlike)):
        return (
            f"{begin} marked unfamiliar, no more than chance explains: {named}. Of images like the training "
            f"images {chance.replace(' too', '')}."
        )
    return (
        f"Warning: {begin} unlike the training images, so what is predicted for {them} means little: {named}. Of "
        f"images like the training images {chance}."
    )
