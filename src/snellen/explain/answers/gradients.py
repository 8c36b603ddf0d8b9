"""Where an answer comes from in a picture, by gradients: integrated gradients, Grad-CAM, sensitivity.

What is explained is a margin: the logit of the answer minus that of its rival, log(p / q) of their probabilities.
Softmax is blind to a number added to all logits, so a single logit says nothing of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Logits = Callable[[Tensor], Tensor]
"""(n, ...) values of pictures or of a layer -> (n, K), differentiable."""

TOLERANCE = 1e-3
"""Integrated gradients must add up to the change of the margin within this share of it (of 1 where it is smaller)."""

POINTS_AT_ONCE = 128
"""Pictures of one pass there and back."""


@dataclass(frozen=True, eq=False)
class Integrated:
    """(H, W, C) attribution of each value. change: margin of the picture minus that of the baseline. gap: what the
    attributions add up to, minus the change. points: gradients that were taken."""

    attribution: np.ndarray
    change: float
    gap: float
    points: int

    @property
    def share(self) -> float:
        """The gap as TOLERANCE measures it."""
        return abs(self.gap) / max(1.0, abs(self.change))

    @property
    def is_complete(self) -> bool:
        """Whether it holds to TOLERANCE."""
        return self.share <= TOLERANCE


def margins(logits: Logits, x: Tensor, answers: Tensor, rivals: Tensor) -> Tensor:
    """(n,) of (n, ...): the logit of the answer minus that of the rival."""
    found, rows = logits(x), torch.arange(len(x), device=x.device)
    return found[rows, answers] - found[rows, rivals]


def slopes(logits: Logits, x: Tensor, answers: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor]:
    """Margins (n,), and their gradients in the shape of x."""
    with torch.enable_grad():
        place = x.detach().clone().requires_grad_()
        found = margins(logits, place, answers, rivals)
        [gradient] = torch.autograd.grad(found.sum(), place)
    return found.detach(), gradient


def integrated_gradients(
    logits: Logits, x: Tensor, baseline: Tensor, answer: int, rival: int, first: int = 33, most: int = 1_025
) -> Integrated:
    """Of one picture x (H, W, C) against a baseline of its shape (Sundararajan, Taly and Yan, ICML 2017).

    Trapezoids over `first` points of the straight line between them. Each trapezoid's own error is known, because the
    margin at its ends is: where it is largest, points are put between, until all is complete or there are `most`.
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


def _errors(places: np.ndarray, values: np.ndarray, gradients: np.ndarray, way: Tensor) -> np.ndarray:
    """(P - 1,) of each trapezoid: its area minus the change of the margin over it."""
    slope = gradients.reshape(len(places), -1) @ way.double().cpu().numpy().ravel()
    areas = (slope[1:] + slope[:-1]) / 2 * np.diff(places)
    return np.asarray(areas - np.diff(values))


def _along(
    logits: Logits, x: Tensor, baseline: Tensor, answer: int, rival: int, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Margins (P,) and gradients (P, H, W, C) float64 at `places`, 0 the baseline and 1 the picture."""
    shares = torch.as_tensor(places, dtype=x.dtype, device=x.device).view(-1, *(1,) * x.dim())
    found = []
    for part in shares.split(POINTS_AT_ONCE):
        both = (torch.full((len(part),), each, device=x.device) for each in (answer, rival))
        found.append(slopes(logits, baseline + part * (x - baseline), *both))
    margin, gradient = (torch.cat(parts).double().cpu().numpy() for parts in zip(*found))
    return margin, gradient


def grad_cam(after: Logits, values: Tensor, answers: Tensor) -> Tensor:
    """(n, h, w) of the activations (n, h, w, channels) of a convolution (Selvaraju et al., ICCV 2017, eq. 1 and 2).

    Each channel weighs its mean gradient of the answer's logit; what is negative in their sum becomes 0.
    """
    with torch.enable_grad():
        place = values.detach().clone().requires_grad_()
        of_answer = after(place)[torch.arange(len(values), device=values.device), answers]
        [gradient] = torch.autograd.grad(of_answer.sum(), place)
    weights = gradient.mean((1, 2), keepdim=True)
    return (weights * values).sum(-1).relu()


def enlarged(maps: Tensor, height: int, width: int) -> Tensor:
    """(n, height, width) of (n, h, w), bilinear."""
    shape = [height, width]
    grown = torch.nn.functional.interpolate(maps.unsqueeze(1), shape, mode="bilinear", align_corners=False)
    return grown.squeeze(1)
