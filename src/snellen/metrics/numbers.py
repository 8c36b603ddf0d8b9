"""Measures of classes that are numbers, such as digits: how far the answered number is from the true one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
"""What counts as a number in a class name; 15 digits are exact in a float64."""


@dataclass(frozen=True)
class NumberMetric:
    """of_mean(mean over images of cost(true, answered)); both functions work on arrays, and smaller is better."""

    cost: Callable[[np.ndarray, np.ndarray], np.ndarray]
    of_mean: Callable[[np.ndarray], np.ndarray]

    def costs(self, numbers: np.ndarray) -> np.ndarray:
        """(K, K) the cost of each answer [true class, answered class]; numbers: (K,), that of each class."""
        return self.cost(numbers[:, None], numbers[None, :])

    def function(self, true: np.ndarray, answered: np.ndarray) -> float:
        """The measure of (N,) true and answered numbers, N >= 1."""
        return float(self.of_mean(np.mean(self.cost(true, answered))))


def class_numbers(classes: Sequence[str]) -> np.ndarray | None:
    """(K,) float64, the number that each class is called; None unless all are plain decimal numbers."""
    if not all(NUMBER.fullmatch(name) for name in classes):
        return None
    return np.array([float(name) for name in classes])


def _squared_error(true: np.ndarray, answered: np.ndarray) -> np.ndarray:
    return np.asarray((answered - true) ** 2)


NUMBER_METRICS: Mapping[str, NumberMetric] = {
    "rmse": NumberMetric(_squared_error, np.sqrt),
}
