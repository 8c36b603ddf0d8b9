"""Validation images that are taken from the official test: conditions on the data, and the sentence about it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.splits.class_sizes import without
from snellen.errors import StudyError, shown
from snellen.phrases import listing, percent, plural

WRITTEN = "split.validation: {from: test}"
HINT = "Take validation images from the training part: `split: {validation: 0.2}`"
NAMED = 10
"""The most classes that a message names; further ones are counted."""


def expect_divisible(
    dataset: Dataset, test: np.ndarray | None, validation: np.ndarray | None, units: np.ndarray
) -> np.ndarray:
    """The rows of the official test, which can be divided into validation and test.

    test, validation: rows of the official parts, None if the data have none. units: (N,), equal for rows that stay
    together. Raises StudyError without an official test, with an official validation part, and if a class has fewer
    than two different images in the test.
    """
    if test is None:
        hint = "Give both as shares: `split: {test: 0.2, validation: 0.2}`."
        raise StudyError(f"`{WRITTEN}` for data without an official test part", found=dataset.name, hint=hint)
    if validation is not None:
        hint = "The official validation part is used as a whole: remove `split.validation`."
        raise StudyError(f"`{WRITTEN}` for data with an official validation part", found=dataset.name, hint=hint)
    pairs = np.unique(np.stack([units[test], dataset.labels[test]]), axis=1)
    sizes = np.bincount(pairs[1], minlength=len(dataset.classes))
    small = np.flatnonzero(sizes < 2).tolist()
    if small:
        some = [f"{shown(dataset.classes[k])} ({sizes[k]:,})" for k in small[:NAMED]]
        more = [f"{len(small) - NAMED:,} more"] if len(small) > NAMED else []
        enough = len(dataset.classes) - len(small) > 1
        leave = f", or leave them out: {without(dataset.classes, small)}" if enough else ""
        raise StudyError(
            f"the official test cannot be divided: it has too few images of {plural(len(small), 'class')}",
            found=listing([*some, *more]),
            expected="at least 2 different images of each class, one to validate and one to test",
            hint=f"{HINT}{leave}.",
        )
    return test


def divided_test_sentence(rows: Mapping[str, np.ndarray], seed: int) -> str:
    """The sentence on the meaning of validation images from the official test. rows: by role."""
    taken, test = len(rows["validation"]) + len(rows["calibration"]), len(rows["test"])
    share = percent(test / (taken + test))
    return (
        f"The official test of {taken + test:,} images is divided, by class with seed {seed}: {taken:,} validate "
        f"(`{WRITTEN}`), the other {test:,} are the test. No image of the training part validates. Scores on the test "
        f"are of {share} of the official test: they are no scores of the whole of it."
    )
