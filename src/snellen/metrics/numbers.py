"""Metrics for classes that are numbers, such as digits: the distance of the predicted from the true number."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
"""The class names that are numbers; 15 digits are exact in a float64."""


@dataclass(frozen=True)
class NumberMetric:
    """The metric of_mean(mean over images of cost(true, predicted)); both work on arrays, and smaller is better."""

    cost: Callable[[np.ndarray, np.ndarray], np.ndarray]
    of_mean: Callable[[np.ndarray], np.ndarray]

    def costs(self, numbers: np.ndarray) -> np.ndarray:
        """(K, K) cost of each [true class, predicted class]. numbers: (K,), the number of each class."""
        return self.cost(numbers[:, None], numbers[None, :])

    def function(self, true: np.ndarray, predicted: np.ndarray) -> float:
        """The metric of (N,) true and predicted numbers, N >= 1."""
        return float(self.of_mean(np.mean(self.cost(true, predicted))))


def class_numbers(classes: Sequence[str]) -> np.ndarray | None:
    """(K,) float64, the number that is the name of each class; None unless all names are decimal numbers."""
    if not all(NUMBER.fullmatch(name) for name in classes):
        return None
    return np.array([float(name) for name in classes])


def _squared_error(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.asarray((predicted - true) ** 2)


NUMBER_METRICS: Mapping[str, NumberMetric] = {
    "rmse": NumberMetric(_squared_error, np.sqrt),
}
