"""Updates of optimizers by the compiled library, each in one pass over float32 parameters on the CPU."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from snellen.kernels.library import Lanes, library


def fits(theta: Tensor, *others: Tensor) -> bool:
    """Whether there is a library, and these tensors, all (L, P), have the same layout in memory."""
    alike = all(each.dtype == torch.float32 and each.stride() == theta.stride() for each in (theta, *others))
    return alike and theta.stride(1) == 1 and theta.device.type == "cpu" and library() is not None


def adam(
    theta: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    rate: Tensor,
    betas: tuple[float, float],
    epsilon: float,
) -> None:
    """epsilon is added to the root of the square. rate: (L, 1), with the bias correction."""
    _call("adam", rate, theta, gradient, mean, square, *betas, epsilon)


def rmsprop(
    theta: Tensor,
    gradient: Tensor,
    square: Tensor,
    velocity: Tensor | None,
    rate: Tensor,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    """epsilon is added inside the root. velocity: where there is momentum."""
    _call("rmsprop", rate, theta, gradient, square, velocity, rho, momentum, epsilon)


def sgd(
    theta: Tensor, gradient: Tensor, velocity: Tensor | None, rate: Tensor, momentum: float, nesterov: bool
) -> None:
    """velocity: where there is momentum."""
    _call("sgd", rate, theta, gradient, velocity, momentum, int(nesterov))


def _call(name: str, rate: Tensor, theta: Tensor, *values: Tensor | float | None) -> None:
    rates = rate.to(theta.dtype).contiguous()
    lanes = Lanes(*theta.shape, theta.stride(0), rates.data_ptr())
    arguments = [each.data_ptr() if isinstance(each, Tensor) else each for each in (theta, *values)]
    getattr(library(), f"snellen_{name}")(ctypes.byref(lanes), *arguments)
