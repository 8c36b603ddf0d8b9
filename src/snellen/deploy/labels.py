"""Labels of a source as numbers of the model's classes, and remarks on labels that are none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.data.readers.labels.class_names import normal_form
from snellen.deploy.batch import LISTED, NO_LABEL, Batch, Reading

NOTHING = "-1"
"""The number that scikit-learn and others use for an image without a label."""

LONGEST = 18
"""The most digits of a label that counts as a number."""


def in_model_classes(batch: Batch, classes: Sequence[str], reading: Reading) -> np.ndarray:
    """(N,) int64 labels of a batch in the model's classes: NO_LABEL for a missing label and for a class that the model
    does not have. Names are compared. If no name is known and all are numbers, they are taken as class numbers, with a
    remark: K different numbers are assigned in their order; 1 to K count from 1, and others below K from 0.
    """
    if batch.labels is None or batch.classes is None:
        return np.full(len(batch.ids), NO_LABEL, np.int64)
    known = {normal_form(name): code for code, name in enumerate(classes)}
    codes = [known.get(normal_form(name), NO_LABEL) for name in batch.classes]
    if batch.classes and set(codes) == {NO_LABEL} and (numbered := _numbered(batch.classes, len(classes))):
        codes = numbered
        pairs = sorted((code, name) for code, name in zip(codes, batch.classes) if code != NO_LABEL)
        shown = ", ".join(f"{name} is {classes[code]}" for code, name in pairs[:LISTED])
        more = ", ..." if len(pairs) > LISTED else ""
        reading.remarks.append(f"The labels are numbers, taken as classes of the model in its order: {shown}{more}.")
    return np.asarray(np.array([*codes, NO_LABEL], np.int64)[batch.labels])


def label_names(batch: Batch, labels: np.ndarray, classes: Sequence[str]) -> list[str | None]:
    """The label of each image by name: the name of the model's class, else the name in the source; None without a
    label."""
    if batch.labels is None or batch.classes is None:
        return [None] * len(batch.ids)
    own = (*batch.classes, None)
    return [own[code] if label == NO_LABEL else classes[label] for code, label in zip(batch.labels, labels)]


def _numbered(names: Sequence[str], number: int) -> list[int] | None:
    """The classes of numeric labels, out of `number` classes; None if the labels do not fit."""
    numbers = [name for name in names if name != NOTHING]
    if not numbers or not all(name.isascii() and name.isdecimal() and len(name) <= LONGEST for name in numbers):
        return None
    if NOTHING in names:
        found = _numbered(numbers, number)
        rest = iter(found or ())
        return None if found is None else [NO_LABEL if name == NOTHING else next(rest) for name in names]
    values = [int(name) for name in numbers]
    if len(values) == number:
        order = sorted(values)
        return [order.index(value) for value in values]
    if min(values) > 0 and max(values) == number:
        return [value - 1 for value in values]
    return values if max(values) < number else None
