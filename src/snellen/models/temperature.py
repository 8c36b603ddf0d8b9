"""Probabilities after a temperature: what evaluation, `snellen predict` and exports apply to those of the network."""

from __future__ import annotations

import numpy as np


def with_temperature(probabilities_NK: np.ndarray, temperature: float | None) -> np.ndarray:
    """(N, K) float64, softmax(logits / temperature), computed from the probabilities of the network; unchanged where
    there is no temperature. The order of the classes stays the same, so no answer changes: float64 keeps float32
    probabilities apart that differ by one bit."""
    if temperature is None:
        return probabilities_NK
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities_NK.astype(np.float64)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
