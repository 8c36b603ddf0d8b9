"""From stored images to class probabilities, for validation, stored predictions and `snellen predict` alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from snellen.kernels.library import library
from snellen.limits import PREDICTION_BATCH, PREDICTION_BYTES
from snellen.models import chain
from snellen.models.build import Network
from snellen.models.layer import Step, Tensors
from snellen.models.threads import one_thread, pool


def resident(images: np.ndarray, device: str = "cpu") -> Tensor:
    """The stored images (N, H, W, C) as a tensor that stays on the device, in their stored type."""
    return torch.from_numpy(np.array(images)).to(device)


def to_input(images: Tensor, pixel_range: tuple[float, float], dtype: torch.dtype = torch.float32) -> Tensor:
    """Stored images as the input of networks: (value - low) / (high - low)."""
    low, high = pixel_range
    x = images.to(dtype, copy=True)
    return (x.sub_(low) if low else x).div_(high - low)


def input_of(
    images: Tensor, rows: Tensor, pixel_range: tuple[float, float], dtype: torch.dtype = torch.float32
) -> Tensor:
    """The input for the images in `rows`, of any shape: (*rows.shape, H, W, C). By the compiled library in one pass
    over the bytes: the same bits in less than half of the time."""
    kernels, (low, high) = library(), pixel_range
    readable = images.dtype == torch.uint8 and images.device.type == "cpu" and images.is_contiguous()
    if kernels is None or not readable or dtype != torch.float32:
        return to_input(images[rows], pixel_range, dtype)
    rows = rows.contiguous()
    x = torch.empty((*rows.shape, *images.shape[1:]))
    stored = (images.data_ptr(), len(images), math.prod(images.shape[1:]))
    if not kernels.snellen_pictures(*stored, rows.data_ptr(), rows.numel(), low, high - low, x.data_ptr()):
        raise IndexError(f"a row that is none of {len(images)} images")
    return x


def _each(predict: Callable[[int], Tensor], starts: Sequence[int], threads: int) -> list[Tensor]:
    """predict(start) of each; threads compute whole batches, so that no bit depends on their number."""
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
    """(N, K) float32 probabilities of one lane, for all images or for `rows` of them, in the order given.

    Always PREDICTION_BATCH rows at a time, the last batch filled up, each batch on one thread: the rounding of a row
    does not depend on how many there are, nor on the machine's number of cores (2e-7 between 1 and 2 threads that share
    the rows of a batch, on digits). parameters, state: name -> (1, ...).
    """

    def probabilities(x: Tensor, count: int) -> Tensor:
        logits, _ = network.apply(parameters, state, x, "evaluate", sample_weight=_counting(x, count))
        return logits[0, :count].softmax(-1)

    return _in_batches(network, parameters, images, pixel_range, rows, (network.classes,), probabilities)


def probabilities_and_outputs(
    network: Network,
    parameters: Tensors,
    state: Tensors,
    images: Tensor,
    pixel_range: tuple[float, float],
    layer: str,
) -> tuple[np.ndarray, np.ndarray]:
    """What `predict_probabilities` and `layer_outputs` give for all images, of one pass where that is possible."""
    place = place_computed(network, layer)
    if place is None:
        found = predict_probabilities(network, parameters, state, images, pixel_range)
        return found, layer_outputs(network, parameters, state, images, pixel_range, layer)

    def both(x: Tensor, count: int) -> Tensor:
        logits, outputs = network.apply_keeping(parameters, state, x, place, _counting(x, count))
        return torch.cat([logits[0, :count].softmax(-1), outputs[0, :count].flatten(1)], 1)

    size = math.prod(network.computed[place].output_shape)
    found = _in_batches(network, parameters, images, pixel_range, None, (network.classes + size,), both)
    return np.ascontiguousarray(found[:, : network.classes]), found[:, network.classes :]


def place_computed(network: Network, layer: str) -> int | None:
    """After which of the layers, in the order in which they are computed, the outputs of `layer` are there; None for
    one whose activation is computed later (models/reordered.py)."""
    placed = next(placed for placed in network.layers if placed.name == layer)
    if placed not in network.computed:
        return None
    place = network.computed.index(placed)
    following = network.computed[place + 1 : place + 2]
    return place + 1 if following and following[0].name == f"{layer}.relu" else place


def layer_outputs(
    network: Network,
    parameters: Tensors,
    state: Tensors,
    images: Tensor,
    pixel_range: tuple[float, float],
    layer: str,
    rows: Tensor | None = None,
) -> np.ndarray:
    """(N, D) float32: the flattened outputs of the layer of this name, in batches as for `predict_probabilities`; of
    the unchanged image where the network has several views."""
    place = next(at for at, placed in enumerate(network.layers) if placed.name == layer)
    until = network.layers[: place + 1]

    def outputs(x: Tensor, count: int) -> Tensor:
        found, _ = chain.apply(until, parameters, state, x, Step("evaluate", sample_weight=_counting(x, count)))
        return found[0, :count].flatten(1)

    size = (math.prod(until[-1].output_shape),)
    return _in_batches(network, parameters, images, pixel_range, rows, size, outputs)


def _counting(x: Tensor, count: int) -> Tensor | None:
    """(1, N), 0 for the rows behind the first `count`, which only fill the batch; None where there are none."""
    return None if count == x.shape[1] else (torch.arange(x.shape[1], device=x.device) < count).to(x.dtype)[None]


def _in_batches(
    network: Network,
    parameters: Tensors,
    images: Tensor,
    pixel_range: tuple[float, float],
    rows: Tensor | None,
    shape: tuple[int, ...],
    compute: Callable[[Tensor, int], Tensor],
) -> np.ndarray:
    """(N, *shape) float32: compute(x, count) of each batch x (1, PREDICTION_BATCH, H, W, C), whose first `count` rows
    count."""
    rows = torch.arange(len(images), device=images.device) if rows is None else rows
    dtype = next(iter(parameters.values())).dtype if parameters else torch.float32

    def predict(start: int) -> Tensor:
        batch = rows[start : start + PREDICTION_BATCH]
        filled = torch.nn.functional.pad(batch, (0, PREDICTION_BATCH - len(batch)))
        x = to_input(images[filled], pixel_range, dtype).unsqueeze(0)
        with torch.inference_mode():
            return compute(x, len(batch)).float()

    with one_thread() as threads:
        threads = min(threads, max(1, PREDICTION_BYTES // network.activation_bytes))
        parts = _each(predict, range(0, len(rows), PREDICTION_BATCH), threads if images.device.type == "cpu" else 1)
    if not parts:
        return np.zeros((0, *shape), np.float32)
    with torch.inference_mode():
        found: np.ndarray = torch.cat(parts).cpu().numpy()  # a device is waited for once, not once a batch
    return found
