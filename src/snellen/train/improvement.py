"""Whether a validation measure has improved, for early stopping, the kept epoch and `reduce_on_plateau`."""

from __future__ import annotations

from typing import Literal

Measure = Literal["loss", "accuracy"]


def improves(measure: Measure, value: float, reference: float, min_delta: float = 0.0) -> bool:
    """Whether `value` is better than `reference` by more than `min_delta`: a loss smaller, an accuracy larger; Keras's
    MonitorCallback."""
    return value + min_delta < reference if measure == "loss" else value - min_delta > reference
