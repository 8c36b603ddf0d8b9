"""Activation maximisation: the image, with pixels from 0 to 1 and a limited norm, that activates a unit most.

The limit is the mean norm of training images. Without it the result for most units is black and white noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.units.layer import UnitLayer, drive_of, pixel_weights, pooled
from snellen.models.build import Network
from snellen.phrases import plural

STEPS = 40
FIRST_STEP, LAST_STEP = 0.5, 0.02
"""Lengths of the first and the last step, relative to the largest norm; they shrink geometrically."""
IMAGES_AT_ONCE = 512
STARTS = 4
"""Starting points: the training image that activates the unit most, the mean image, and two images of noise."""
MULTIPLICATIONS, LEAST_STEPS = 2e12, 10
"""Of all ascents, half a minute: a network that is too large for it gets fewer starting points, then fewer steps."""
HALVINGS = 26
"""Bisection steps that find the multiplier of the norm constraint to the precision of float32."""
FAR = 1e6
"""Factor by which weights are scaled before projection: those below a millionth of the largest have no effect."""


@dataclass(frozen=True, eq=False)
class Maximal:
    """images: (U, H, W, C), 0..1, the maximising images. reached: (U, starts), the value of the objective from each
    start. method: in words."""

    images: np.ndarray
    reached: np.ndarray
    method: str


def maximal(model: TrainedModel, layer: UnitLayer, starts_SUHWC: np.ndarray, norm: float) -> Maximal:
    """In closed form if the input of the activation function is a weighted sum of pixels, else by gradient ascent."""
    if layer.affine:
        return by_weights(model, layer, norm)
    return by_ascent(model, layer, starts_SUHWC, norm)


def objective(model: TrainedModel, layer: UnitLayer, x: Tensor) -> Tensor:
    """(n, U), the objective: for a unit the input of its activation function, whose gradient does not vanish; for a
    filter its mean activation.

    The mean input of a filter of the first layer is a sum over all inner pixels, each with every weight, so its maximum
    would show only the edge of the image.
    """
    drive = drive_of(model, layer, x)
    return pooled(layer.activate(drive.clone())) if layer.convolutional else drive


def by_weights(model: TrainedModel, layer: UnitLayer, norm: float) -> Maximal:
    """In closed form: pixels proportional to their weights, clipped to 0..1."""
    weights = torch.from_numpy(pixel_weights(model, layer)).to(model.images.device)
    images = heaviest(weights, norm)
    with torch.inference_mode():
        reached = objective(model, layer, images).diagonal()
    return Maximal(images.cpu().numpy(), reached.cpu().numpy()[:, None], "closed form")


def heaviest(weights: Tensor, norm: float) -> Tensor:
    """(n, H, W, C), the x in [0, 1] with a norm of at most `norm` that maximises the sum of weights * x.

    It is min(1, c w) for positive weights and 0 for others, with the largest c that the norm allows. That is the
    projection of a point far away in the direction of the weights.
    """
    largest = weights.flatten(1).amax(1).clamp(min=1e-30)[:, None, None, None]
    return project(FAR * weights / largest, norm)


def by_ascent(model: TrainedModel, layer: UnitLayer, starts_SUHWC: np.ndarray, norm: float) -> Maximal:
    """The best of S projected gradient ascents; all units and starts are rows of the same batches."""
    units = starts_SUHWC.shape[1]
    starts, steps = affordable(model.network, units)
    starts_SUHWC = starts_SUHWC[:starts]
    flat = torch.from_numpy(starts_SUHWC.reshape(-1, *starts_SUHWC.shape[2:]).astype(np.float32))
    unit_of_row = torch.arange(units).repeat(starts)
    device = model.images.device
    parts = [
        _ascend(model, layer, x.to(device), which.to(device), norm, steps)
        for x, which in zip(flat.split(IMAGES_AT_ONCE), unit_of_row.split(IMAGES_AT_ONCE), strict=True)
    ]
    images, reached = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
    reached = reached.reshape(starts, units)
    best = images.reshape(starts_SUHWC.shape)[reached.argmax(0), np.arange(units)]
    return Maximal(best, reached.T, f"gradient ascent of {steps} steps from {plural(starts, 'start')}")


def affordable(network: Network, units: int) -> tuple[int, int]:
    """Numbers of starting points and of steps of the ascents for this many units; a step goes forward and twice as far
    backward."""
    each = 3 * network.multiply_adds * units
    starts = min(STARTS, max(1, int(MULTIPLICATIONS / (each * STEPS))))
    return starts, STEPS if starts > 1 else min(STEPS, max(LEAST_STEPS, int(MULTIPLICATIONS / each)))


def _ascend(
    model: TrainedModel, layer: UnitLayer, x: Tensor, units: Tensor, norm: float, steps: int
) -> tuple[Tensor, Tensor]:
    """The best image (n, H, W, C) on the path of each row, and the value (n,) of its objective."""
    x = project(x, norm)
    best, reached = x, torch.full((len(x),), -torch.inf, device=x.device)
    for size in [*np.geomspace(FIRST_STEP, LAST_STEP, steps), 0.0]:
        value, gradient = _objective_gradient(model, layer, x, units)
        better = value > reached
        best, reached = torch.where(better[:, None, None, None], x, best), torch.where(better, value, reached)
        length = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
        x = project(x + size * norm * gradient / length, norm)
    return best, reached


def _objective_gradient(model: TrainedModel, layer: UnitLayer, x: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """The objective (n,) of the unit of each row, and its gradient (n, H, W, C)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = objective(model, layer, x).gather(1, units[:, None])[:, 0]
        [gradient] = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


def project(x: Tensor, norm: float) -> Tensor:
    """The projection of x (n, H, W, C) to values from 0 to 1 and norms of at most `norm`: clip(x / (1 + m), 0, 1)."""
    flat = x.flatten(1)
    outside = flat.clamp(0, 1).norm(dim=1, keepdim=True) > norm
    low = torch.zeros_like(flat[:, :1])
    high = flat.clamp(min=0).norm(dim=1, keepdim=True) / norm
    for _ in range(HALVINGS if bool(outside.any()) else 0):
        middle = (low + high) / 2
        fits = (flat / (1 + middle)).clamp(0, 1).norm(dim=1, keepdim=True) <= norm
        low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
    scale = torch.where(outside, 1 + high, torch.ones_like(high))
    return (flat / scale).clamp(0, 1).reshape(x.shape)


def starts(mean_HWC: np.ndarray, strongest_UHWC: np.ndarray, seed: int = 0) -> np.ndarray:
    """(STARTS, U, H, W, C), the starting points of the ascents."""
    noise = np.random.Generator(np.random.Philox(seed)).random((2, *strongest_UHWC.shape), np.float32)
    return np.stack([strongest_UHWC, np.broadcast_to(mean_HWC, strongest_UHWC.shape), *noise])
