"""From stored pictures to class probabilities: the one way, in training, after it, and in `snellen predict`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from snellen.limits import PREDICTION_BATCH
from snellen.models.build import Network
from snellen.models.layer import Tensors
from snellen.models.threads import one_thread, pool


def resident(images: np.ndarray, device: str = "cpu") -> Tensor:
    """The stored pictures (N, H, W, C) as a tensor that stays on the device, in their stored type."""
    return torch.from_numpy(np.array(images)).to(device)


def to_input(images: Tensor, pixel_range: tuple[float, float], dtype: torch.dtype = torch.float32) -> Tensor:
    """Stored pictures as what networks see: (value - low) / (high - low)."""
    low, high = pixel_range
    x = images.to(dtype, copy=True)
    return (x.sub_(low) if low else x).div_(high - low)


def _each(predict: Callable[[int], np.ndarray], starts: Sequence[int], threads: int) -> list[np.ndarray]:
    """predict of each start; whole batches are shared among threads, so that no bit depends on their number."""
    if threads == 1 or len(starts) < 2 * threads:
        return [predict(start) for start in starts]
    with pool(threads) as together:
        return list(together.map(predict, starts))


def predict_probabilities(
    network: Network,
    parameters: Tensors,
    state: Tensors,
    images: Tensor,
    pixel_range: tuple[float, float],
    rows: Tensor | None = None,
) -> np.ndarray:
    """(N, K) float32 probabilities of one lane, for all pictures or for `rows` of them, in the order given.

    Always PREDICTION_BATCH rows at a time, the last batch filled up, each batch on one thread: the rounding of a row
    does not depend on how many there are, nor on the machine's number of cores (2e-7 between 1 and 2 threads that share
    the rows of a batch, on digits). parameters, state: name -> (1, ...).
    """
    rows = torch.arange(len(images), device=images.device) if rows is None else rows
    dtype = next(iter(parameters.values())).dtype

    def predict(start: int) -> np.ndarray:
        batch = rows[start : start + PREDICTION_BATCH]
        filled = torch.nn.functional.pad(batch, (0, PREDICTION_BATCH - len(batch)))
        x = to_input(images[filled], pixel_range, dtype).unsqueeze(0)
        with torch.inference_mode():
            logits, _ = network.apply(parameters, state, x, "evaluate")
            probabilities: np.ndarray = logits[0, : len(batch)].softmax(-1).float().cpu().numpy()
        return probabilities

    with one_thread() as threads:
        parts = _each(predict, range(0, len(rows), PREDICTION_BATCH), threads if images.device.type == "cpu" else 1)
    return np.concatenate([np.zeros((0, network.classes), np.float32), *parts])
