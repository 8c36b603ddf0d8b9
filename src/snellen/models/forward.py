"""From stored pictures to class probabilities: the one way, in training, after it, and in `snellen predict`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from snellen.limits import PREDICTION_BATCH
from snellen.models.build import Network
from snellen.models.layer import Tensors


def resident(images: np.ndarray, device: str = "cpu") -> Tensor:
    """The stored pictures (N, H, W, C) as a tensor that stays on the device, in their stored type."""
    return torch.from_numpy(np.array(images)).to(device)


def to_input(images: Tensor, pixel_range: tuple[float, float], dtype: torch.dtype = torch.float32) -> Tensor:
    """Stored pictures as what networks see: (value - low) / (high - low)."""
    low, high = pixel_range
    x = images.to(dtype)
    return (x - low if low else x) / (high - low)


@contextmanager
def _one_thread() -> Iterator[None]:
    """How rows are shared between threads changes their rounding: 2e-7 between 1 and 2 threads on digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def predict_probabilities(
    network: Network,
    parameters: Tensors,
    state: Tensors,
    images: Tensor,
    pixel_range: tuple[float, float],
    rows: Tensor | None = None,
) -> np.ndarray:
    """(N, K) float32 probabilities of one lane, for all pictures or for `rows` of them, in the order given.

    Always PREDICTION_BATCH rows at a time, the last batch filled up, on one thread: the rounding of a row does not
    depend on how many there are, nor on the machine's number of cores. parameters, state: name -> (1, ...).
    """
    rows = torch.arange(len(images), device=images.device) if rows is None else rows
    dtype = next(iter(parameters.values())).dtype
    parts = [np.zeros((0, network.classes), np.float32)]
    with torch.inference_mode(), _one_thread():
        for start in range(0, len(rows), PREDICTION_BATCH):
            batch = rows[start : start + PREDICTION_BATCH]
            filled = torch.nn.functional.pad(batch, (0, PREDICTION_BATCH - len(batch)))
            x = to_input(images[filled], pixel_range, dtype).unsqueeze(0)
            logits, _ = network.apply(parameters, state, x, "evaluate")
            parts.append(logits[0, : len(batch)].softmax(-1).float().cpu().numpy())
    return np.concatenate(parts)
