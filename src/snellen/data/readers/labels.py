"""Encodes labels, text or numbers, as class numbers 0..K-1 and K class names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from snellen.data.readers.text import check_text, check_texts
from snellen.errors import SHOWN_ITEMS, DataError, StudyError, located
from snellen.limits import MAX_CLASSES


def encode_labels(
    parts: Sequence[tuple[np.ndarray, str]], class_names: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N,) int64 labels in 0..K-1 of all parts together, and the K class names. parts: (N,) or (N, 1) arrays, named.

    Text labels are numbered in sorted order, or in the order of `class_names`; numeric labels start at 0, and their
    classes are named "0".."K-1" without `class_names`. Raises DataError naming array and row of the first bad label,
    and for fewer than two classes or a class without rows.
    """
    given = None if class_names is None else _check_names(class_names)
    columns = [_column(labels, name) for labels, name in parts]
    text = {column.dtype.kind == "U" for column in columns}
    if len(text) > 1:
        raise DataError("labels are text in one part and numbers in the other", where=parts[0][1])
    if text == {True}:
        classes = given or tuple(np.unique(np.concatenate(columns)).tolist())
        codes = [_look_up(column, classes, name) for column, (_, name) in zip(columns, parts, strict=True)]
    else:
        bound = len(given) if given else MAX_CLASSES
        codes = [_check_codes(column, bound, name) for column, (_, name) in zip(columns, parts, strict=True)]
        classes = given or tuple(str(code) for code in range(1 + max(int(code.max()) for code in codes)))
    labels = np.concatenate(codes)
    _check_classes(labels, classes, named=given is not None)
    return labels, classes


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


def _check_codes(labels: np.ndarray, num_classes: int, name: str) -> np.ndarray:
    with located(name):
        _check_each(labels, (labels >= 0) & (labels < num_classes), f"0 to {num_classes - 1}")
    return labels


def _check_each(labels: np.ndarray, good: np.ndarray, expected: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise DataError("label out of range", found=labels[row], expected=expected, where=f"row {row}")


def _check_classes(labels: np.ndarray, classes: tuple[str, ...], named: bool) -> None:
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError("cannot classify", found=f"{len(classes)} classes", expected=f"2 to {MAX_CLASSES}")
    empty = np.flatnonzero(np.bincount(labels, minlength=len(classes)) == 0)
    if len(empty) and not named:
        raise DataError(
            "classes without any row",
            found=f"no label {', '.join(str(label) for label in empty[:10])}, but up to {len(classes) - 1}",
            expected="labels 0 to K-1, each at least once",
            hint="Give `class_names` if these classes exist, or renumber the labels.",
        )
