"""Labels of a source as numbers of the model's classes, and what is said of those that are none."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from snellen.deploy.batch import LISTED, NO_LABEL, Batch, Reading


def in_model_classes(batch: Batch, classes: Sequence[str], reading: Reading) -> np.ndarray:
    """(N,) int64 labels of a batch in the model's classes: NO_LABEL without a label and for a class that is not the
    model's.

    Names are compared. Where none is known and all are numbers below the number of classes, label k is class k, as in
    a study with `class_names`, which is noted.
    """
    if batch.labels is None or batch.classes is None:
        return np.full(len(batch.ids), NO_LABEL, np.int64)
    known = {unicodedata.normalize("NFC", name): code for code, name in enumerate(classes)}
    codes = [known.get(unicodedata.normalize("NFC", name), NO_LABEL) for name in batch.classes]
    if batch.classes and set(codes) == {NO_LABEL} and _are_numbers(batch.classes, len(classes)):
        codes = [int(name) for name in batch.classes]
        shown = ", ".join(f"{code} is {classes[code]}" for code in sorted(codes)[:LISTED])
        reading.remarks.append(f"The labels are numbers, taken as the classes of the model in its order: {shown}, ...")
    return np.asarray(np.array([*codes, NO_LABEL], np.int64)[batch.labels])


def label_names(batch: Batch, labels: np.ndarray, classes: Sequence[str]) -> list[str | None]:
    """The label of each picture by name: that of the model's class, else that of the source; None without a label."""
    if batch.labels is None or batch.classes is None:
        return [None] * len(batch.ids)
    own = (*batch.classes, None)
    return [own[code] if label == NO_LABEL else classes[label] for code, label in zip(batch.labels, labels)]


def _are_numbers(names: Sequence[str], bound: int) -> bool:
    return all(name.isascii() and name.isdecimal() and len(name) <= 4 and int(name) < bound for name in names)
