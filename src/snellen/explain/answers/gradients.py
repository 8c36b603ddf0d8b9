"""Attribution by gradients: integrated gradients, Grad-CAM, and plain gradients.

The explained quantity is the margin: the logit of the predicted class minus the logit of its rival, which is log(p / q)
of their probabilities. A single logit does not determine the prediction, because softmax does not change when the same
number is added to all logits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Logits = Callable[[Tensor], Tensor]
"""(n, ...) images or outputs of a layer -> (n, K) logits, differentiable."""

TOLERANCE = 1e-3
"""Integrated gradients must add up to the change of the margin, with a relative error below this (an absolute error
below this if the change is less than 1)."""

POINTS_AT_ONCE = 128
"""Images of one forward and backward pass."""


@dataclass(frozen=True, eq=False)
class Integrated:
    """attribution: (H, W, C). change: margin of the image minus margin of the baseline. gap: sum of the attributions
    minus the change. points: number of gradients that were computed."""

    attribution: np.ndarray
    change: float
    gap: float
    points: int

    @property
    def share(self) -> float:
        """The relative gap, which TOLERANCE limits."""
        return abs(self.gap) / max(1.0, abs(self.change))

    @property
    def is_complete(self) -> bool:
        """Whether the relative gap is within TOLERANCE."""
        return self.share <= TOLERANCE


def margins(logits: Logits, x: Tensor, answers: Tensor, rivals: Tensor) -> Tensor:
    """(n,) of inputs (n, ...): the logit of the answer minus the logit of the rival."""
    values, rows = logits(x), torch.arange(len(x), device=x.device)
    return values[rows, answers] - values[rows, rivals]


def margin_gradients(logits: Logits, x: Tensor, answers: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor]:
    """Margins (n,), and their gradients with respect to x, in its shape."""
    with torch.enable_grad():
        place = x.detach().clone().requires_grad_()
        margin = margins(logits, place, answers, rivals)
        [gradient] = torch.autograd.grad(margin.sum(), place)
    return margin.detach(), gradient


def integrated_gradients(
    logits: Logits, x: Tensor, baseline: Tensor, answer: int, rival: int, first: int = 33, most: int = 1_025
) -> Integrated:
    """Integrated gradients of one image x (H, W, C) from a baseline of its shape (Sundararajan, Taly and Yan, ICML
    2017).

    The trapezoidal rule, first with `first` points on the straight line between them. The error of each trapezoid is
    known, because the margin at its ends is. Points are added where the error is largest, until the sum is complete or
    there are `most` points.
    """
    places = np.linspace(0, 1, first)
    values, gradients = _along(logits, x, baseline, answer, rival, places)
    while True:
        errors = _errors(places, values, gradients, x - baseline)
        change = float(values[-1] - values[0])
        if abs(errors.sum()) <= TOLERANCE / 2 * max(1.0, abs(change)) or len(places) >= most:
            break
        worst = np.sort(np.argsort(-np.abs(errors))[: min(len(places) // 2, most - len(places))])
        between = (places[worst] + places[worst + 1]) / 2
        new_values, new_gradients = _along(logits, x, baseline, answer, rival, between)
        places = np.insert(places, worst + 1, between)
        values = np.insert(values, worst + 1, new_values)
        gradients = np.insert(gradients, worst + 1, new_gradients, axis=0)
    widths = np.diff(places, prepend=0) / 2 + np.diff(places, append=1) / 2
    attribution = np.tensordot(widths, gradients, 1) * (x - baseline).double().cpu().numpy()
    return Integrated(attribution, change, float(attribution.sum()) - change, len(places))


def _errors(places: np.ndarray, values: np.ndarray, gradients: np.ndarray, direction: Tensor) -> np.ndarray:
    """(P - 1,) for each trapezoid: its area minus the change of the margin over it."""
    slope = gradients.reshape(len(places), -1) @ direction.double().cpu().numpy().ravel()
    areas = (slope[1:] + slope[:-1]) / 2 * np.diff(places)
    return np.asarray(areas - np.diff(values))


def _along(
    logits: Logits, x: Tensor, baseline: Tensor, answer: int, rival: int, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Margins (P,) and gradients (P, H, W, C) float64 at `places`: 0 is the baseline, 1 the image."""
    shares = torch.as_tensor(places, dtype=x.dtype, device=x.device).view(-1, *(1,) * x.dim())
    results = []
    for part in shares.split(POINTS_AT_ONCE):
        pair = (torch.full((len(part),), each, device=x.device) for each in (answer, rival))
        results.append(margin_gradients(logits, baseline + part * (x - baseline), *pair))
    margin, gradient = (torch.cat(parts).double().cpu().numpy() for parts in zip(*results))
    return margin, gradient


def grad_cam(after: Logits, values: Tensor, answers: Tensor) -> Tensor:
    """Grad-CAM maps (n, h, w) from the activations (n, h, w, channels) of a layer (Selvaraju et al., ICCV 2017, eq. 1
    and 2): the ReLU of the sum of channels, each weighted by its mean gradient of the answer's logit.

    after: the logits as a function of these activations.
    """
    with torch.enable_grad():
        place = values.detach().clone().requires_grad_()
        of_answer = after(place)[torch.arange(len(values), device=values.device), answers]
        [gradient] = torch.autograd.grad(of_answer.sum(), place)
    weights = gradient.mean((1, 2), keepdim=True)
    return (weights * values).sum(-1).relu()


def enlarged(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (n, h, w) enlarged to (n, height, width), bilinear."""
    shape = [height, width]
    grown = torch.nn.functional.interpolate(maps.unsqueeze(1), shape, mode="bilinear", align_corners=False)
    return grown.squeeze(1)
