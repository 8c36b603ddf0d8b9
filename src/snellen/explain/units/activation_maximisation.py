"""Which picture drives a unit most, among those with pixels from 0 to 1 that are no brighter than pictures usually are.

Brightness is the norm of all pixels together; the limit is its mean over training pictures. Without it most units would
be shown black and white noise: it makes each pixel count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.units.layer import UnitLayer, drive_of, pixel_weights, pooled

STEPS = 40
FIRST_STEP, LAST_STEP = 0.5, 0.02
"""Steps of the ascent, as parts of the largest norm; they shrink geometrically."""
PICTURES_AT_ONCE = 512
STARTS = 4
"""The mean picture, the real picture that drives the unit most, and twice noise."""
HALVINGS = 26
"""Of the interval in which the multiplier of the norm is sought: to the precision of float32."""
FAR = 1e6
"""How far along the weights: those under a millionth of the largest do not count."""


@dataclass(frozen=True, eq=False)
class Maximal:
    """pictures: (U, H, W, C), 0..1, that drive units most. reached: (U, starts), the goal from each. way: in words."""

    pictures: np.ndarray
    reached: np.ndarray
    way: str


def maximal(model: TrainedModel, layer: UnitLayer, starts_SUHWC: np.ndarray, norm: float) -> Maximal:
    """By the closed form where the drive is a weighted sum of pixels, else by gradient ascent from every start."""
    if layer.affine:
        return by_weights(model, layer, norm)
    return by_ascent(model, layer, starts_SUHWC, norm)


def goal(model: TrainedModel, layer: UnitLayer, x: Tensor) -> Tensor:
    """(n, U), what is maximised: of a unit its drive, whose gradient never dies; of a filter its mean activation.

    The mean drive of a first filter is a sum over all pixels inside, each with every weight: its maximum shows the edge
    of the picture and nothing else.
    """
    drive = drive_of(model, layer, x)
    return pooled(layer.activate(drive.clone())) if layer.convolutional else drive


def by_weights(model: TrainedModel, layer: UnitLayer, norm: float) -> Maximal:
    """In closed form: pixels in proportion to their weights where these are positive, cut off at 1, else 0."""
    weights = torch.from_numpy(pixel_weights(model, layer)).to(model.images.device)
    pictures = heaviest(weights, norm)
    with torch.inference_mode():
        reached = goal(model, layer, pictures).diagonal()
    return Maximal(pictures.cpu().numpy(), reached.cpu().numpy()[:, None], "closed form")


def heaviest(weights: Tensor, norm: float) -> Tensor:
    """(n, H, W, C), the x in [0, 1] of norm at most `norm` that maximises the sum of weights * x.

    It is min(1, c w) for positive weights and 0 for others, with the largest c that the norm allows: what the nearest
    allowed picture is of a point far away along the weights.
    """
    largest = weights.flatten(1).amax(1).clamp(min=1e-30)[:, None, None, None]
    return project(FAR * weights / largest, norm)


def by_ascent(model: TrainedModel, layer: UnitLayer, starts_SUHWC: np.ndarray, norm: float) -> Maximal:
    """The best of S projected gradient ascents, all units and starts as rows of the same passes."""
    starts, units = starts_SUHWC.shape[:2]
    flat = torch.from_numpy(starts_SUHWC.reshape(-1, *starts_SUHWC.shape[2:]).astype(np.float32))
    wanted = torch.arange(units).repeat(starts)
    device = model.images.device
    parts = [
        _ascend(model, layer, x.to(device), which.to(device), norm)
        for x, which in zip(flat.split(PICTURES_AT_ONCE), wanted.split(PICTURES_AT_ONCE), strict=True)
    ]
    pictures, reached = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
    reached = reached.reshape(starts, units)
    best = pictures.reshape(starts_SUHWC.shape)[reached.argmax(0), np.arange(units)]
    return Maximal(best, reached.T, f"gradient ascent of {STEPS} steps from {starts} starts")


def _ascend(model: TrainedModel, layer: UnitLayer, x: Tensor, units: Tensor, norm: float) -> tuple[Tensor, Tensor]:
    """The best picture (n, H, W, C) of each row's path and the goal (n,) that it reached."""
    x = project(x, norm)
    best, reached = x, torch.full((len(x),), -torch.inf, device=x.device)
    for size in [*np.geomspace(FIRST_STEP, LAST_STEP, STEPS), 0.0]:
        value, gradient = _slope(model, layer, x, units)
        better = value > reached
        best, reached = torch.where(better[:, None, None, None], x, best), torch.where(better, value, reached)
        length = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
        x = project(x + size * norm * gradient / length, norm)
    return best, reached


def _slope(model: TrainedModel, layer: UnitLayer, x: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """The goal (n,) of each row's unit, and its gradient (n, H, W, C)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = goal(model, layer, x).gather(1, units[:, None])[:, 0]
        [gradient] = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


def project(x: Tensor, norm: float) -> Tensor:
    """The nearest (n, H, W, C) with values from 0 to 1 and norms of at most `norm`: clip(x / (1 + m), 0, 1)."""
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
    """(STARTS, U, H, W, C) to climb from."""
    noise = np.random.Generator(np.random.Philox(seed)).random((2, *strongest_UHWC.shape), np.float32)
    return np.stack([np.broadcast_to(mean_HWC, strongest_UHWC.shape), strongest_UHWC, *noise])
