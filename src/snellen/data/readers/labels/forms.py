"""Converts labels in other forms than one number or text per row: one-hot rows, bytes."""

from __future__ import annotations

import numpy as np

from snellen.errors import DataError, located, shown


def plain_labels(labels: np.ndarray, name: str) -> tuple[np.ndarray, str | None]:
    """The labels, one per row, and the remark on the conversion; other arrays unchanged. (N, K) with a single 1 in
    every row and 0 elsewhere becomes the index of the 1; bytes become text. Raises DataError for rows that are almost
    one-hot, with the first of them, and for bytes that are not UTF-8.
    """
    with located(name):
        if labels.dtype.kind == "S":
            return _text(labels), None
        if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "biuf":
            return _places(labels), f"{name}: one-hot rows of {labels.shape[1]:,} columns are read as class numbers."
        return labels, None


def _places(rows: np.ndarray) -> np.ndarray:
    good = ((rows == 0) | (rows == 1)).all(axis=1) & ((rows == 1).sum(axis=1) == 1)
    if not good.all():
        row = int(np.argmin(good))
        raise DataError(
            "not one label a row",
            found=f"shape {rows.shape}, with {good.sum():,} one-hot rows",
            expected="(N,), (N, 1), or one 1 and otherwise 0 in every row",
            where=f"row {row}",
            hint="Turn probabilities into labels with .argmax(axis=1). An image with several labels cannot be used.",
        )
    return np.asarray(rows.argmax(axis=1))


def _text(labels: np.ndarray) -> np.ndarray:
    try:
        return np.asarray(np.char.decode(labels, "utf-8"))
    except UnicodeDecodeError as error:
        hint = "Write the labels as UTF-8."
        raise DataError("a label is not valid text", found=shown(error.object), expected="UTF-8", hint=hint) from error
