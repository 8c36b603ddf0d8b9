"""Weights of classes in the loss: what a study writes, as one number a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from snellen.errors import StudyError, unknown

Written = Literal["balanced"] | Sequence[float] | Mapping[str, float] | None
PLACE = "class_weights"


def resolve(written: Written, classes: Sequence[str], labels: np.ndarray) -> tuple[float, ...] | None:
    """K weights, None where a study has none. labels: of the training rows, in 0..K-1.

    `balanced` is rows / (K * rows of the class), as scikit-learn computes it: the weighted rows of all classes are
    equal. Numbers stand in the order of the classes; of classes by name those not named get 1. Raises StudyError,
    UnknownName.
    """
    if written is None:
        return None
    if written == "balanced":
        return _balanced(classes, labels)
    if isinstance(written, Mapping):
        for name in written:
            if name not in classes:
                error = unknown("class", name, classes, where=PLACE)
                if name.isdecimal():
                    error.hint = (
                        "Numbers are names here; a list has one weight a class in order: `class_weights: [2, 1]`."
                    )
                raise error
        return tuple(float(written.get(name, 1.0)) for name in classes)
    if len(written) != len(classes):
        raise StudyError(
            "not one weight a class", found=f"{len(written)} weights", expected=f"{len(classes)}", where=PLACE
        )
    return tuple(float(each) for each in written)


def _balanced(classes: Sequence[str], labels: np.ndarray) -> tuple[float, ...]:
    counts = np.bincount(labels, minlength=len(classes))
    if not counts.all():
        missing = ", ".join(name for name, count in zip(classes, counts) if not count)
        raise StudyError("a class without training rows cannot be balanced", found=missing, where=PLACE)
    return tuple(float(each) for each in len(labels) / (len(classes) * counts))
