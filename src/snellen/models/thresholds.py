"""What is answered: thresholds on probabilities, as they are certified by a study and kept in the bundle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.models.bundle_optional_sections import Threshold


def accepted(probabilities_NK: np.ndarray, threshold: Threshold, classes: Sequence[str]) -> np.ndarray:
    """(N,) bool: whether the probability of its class, or of the answer where it is for any, reaches the threshold.
    probabilities: after the temperature."""
    column = None if threshold.class_name is None else classes.index(threshold.class_name)
    scores = probabilities_NK.max(1) if column is None else probabilities_NK[:, column]
    return np.asarray(scores.astype(np.float64) >= threshold.threshold)


def answered(probabilities_NK: np.ndarray, thresholds: Sequence[Threshold], classes: Sequence[str]) -> np.ndarray:
    """(N,) bool: whether the most probable class is given as the answer. It is not where its probability is below its
    own threshold, or below that for any answer."""
    top, given = probabilities_NK.argmax(1), np.ones(len(probabilities_NK), bool)
    for each in thresholds:
        concerned = np.ones(len(top), bool) if each.class_name is None else top == classes.index(each.class_name)
        given &= ~concerned | accepted(probabilities_NK, each, classes)
    return given
