"""Encodes labels, text or numbers, as class numbers 0..K-1 and K class names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from snellen.data.readers.labels.numbered import number_codes
from snellen.data.readers.text import check_text, check_texts, natural_order
from snellen.errors import SHOWN_ITEMS, DataError, StudyError, located
from snellen.limits import MAX_CLASSES


def encode_labels(
    parts: Sequence[tuple[np.ndarray, str]], class_names: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """(N,) int64 labels in 0..K-1 of all parts together, the K class names, and remarks on the labels. parts: (N,) or
    (N, 1) arrays by name.

    Text labels are numbered in natural order, or in the order of `class_names`; numbers as in `number_codes`. Raises
    DataError naming array and row of the first bad label, and for fewer than two classes.
    """
    given = None if class_names is None else _check_names(class_names)
    columns = [_column(labels, name) for labels, name in parts]
    text = {column.dtype.kind == "U" for column in columns}
    if len(text) > 1:
        raise DataError("labels are text in one part and numbers in the other", where=parts[0][1])
    if text == {False}:
        codes, classes, remarks = number_codes(columns, [name for _, name in parts], given)
        return np.concatenate(codes), classes, remarks
    classes = given or natural_order(np.unique(np.concatenate(columns)).tolist())
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError("cannot classify", found=f"{len(classes)} classes", expected=f"2 to {MAX_CLASSES}")
    return (
        np.concatenate([_look_up(column, classes, name) for column, (_, name) in zip(columns, parts, strict=True)]),
        classes,
        (),
    )


def _check_names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or len(names) < 2 or not all(isinstance(name, str) and name for name in names):
        raise StudyError("bad class names", found=names, expected="a list of at least two names")
    for name in names:
        check_text(name, "a class name")
    twice = sorted(name for name, number in Counter(names).items() if number > 1)
    if twice:
        raise StudyError("class names given twice", found=", ".join(twice))
    return tuple(names)


def _column(labels: np.ndarray, name: str) -> np.ndarray:
    """(N,) labels as int64 or text."""
    with located(name):
        if labels.ndim != 1 and labels.shape[1:] != (1,):
            hint = "Turn one-hot rows into labels with .argmax(axis=1)." if labels.ndim == 2 else None
            found = f"shape {labels.shape}"
            raise DataError("not one label a row", found=found, expected="(N,) or (N, 1)", hint=hint)
        labels = labels.reshape(-1)
        if labels.dtype.kind == "f":
            _check_each(labels, (np.abs(labels) < 2**53) & (labels == np.rint(labels)), "an integer")
        if labels.dtype.kind in "biuf":
            return labels.astype(np.int64)
        if labels.dtype.kind == "U":
            check_texts(labels)
            return labels
        raise DataError("labels are neither numbers nor text", found=f"type {labels.dtype}", hint="Use .astype(str).")


def _look_up(labels: np.ndarray, classes: tuple[str, ...], name: str) -> np.ndarray:
    order = np.argsort(classes)
    names = np.array(classes)[order]
    places = np.minimum(np.searchsorted(names, labels), len(names) - 1)
    with located(name):
        _check_each(labels, names[places] == labels, f"one of {', '.join(classes[:SHOWN_ITEMS])}")
    return order[places].astype(np.int64)


def _check_each(labels: np.ndarray, good: np.ndarray, expected: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise DataError("label out of range", found=labels[row], expected=expected, where=f"row {row}")
