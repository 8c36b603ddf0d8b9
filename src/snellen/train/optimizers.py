"""Optimizers as functions over flat (L, P) parameters; all but Muon with Keras 3's update rules.

Every tensor has the lane axis; learning rate and weight decay are (L, 1). Weight decay is decoupled, as in Keras:
p -= learning_rate * weight_decay * p, before the step.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import torch
from pydantic import Field
from torch import Tensor

from snellen.models.named import Named, one_of
from snellen.train.backend import fused_optimizers
from snellen.train.layout import Layout
from snellen.train.orthogonal import divide, orthogonalised

Decay = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0, le=1)]


class Optimizer(Named):
    """Base of all optimizers: which tensors it remembers, and one step in place."""

    default_learning_rate: ClassVar[float] = 1e-3
    default_weight_decay: ClassVar[float] = 0.0
    each_alone: ClassVar[bool] = True
    """Whether a parameter moves by its own gradient and slots alone, so that a step may be taken in pieces."""

    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the tensors, shaped like the parameters and zero at first, that it carries from step to step."""

    @abstractmethod
    def update(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        step: int | Tensor,
        rate: Tensor,
        layout: Layout,
    ) -> None:
        """Changes theta (L, P) and the slots in place; step counts from 1; rate: (L, 1)."""

    def init(self, theta: Tensor) -> dict[str, Tensor]:
        """The slots before the first step."""
        return {name: torch.zeros_like(theta) for name in self.slots()}

    def step(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        step: int | Tensor,
        rate: Tensor,
        weight_decay: Tensor | None,
        layout: Layout,
    ) -> None:
        """Weight decay (L, 1) where there is any, then the update. layout: where each parameter lies in theta."""
        if weight_decay is not None:
            theta.mul_(1 - rate * weight_decay)
        self.update(theta, gradient, slots, step, rate, layout)


@final
class Sgd(Optimizer):
    """Gradient descent, with momentum (Nesterov's when asked)."""

    kind: Literal["sgd"] = "sgd"
    default_learning_rate: ClassVar[float] = 1e-2
    momentum: Decay = 0.0
    nesterov: bool = False

    def slots(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def update(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        step: int | Tensor,
        rate: Tensor,
        layout: Layout,
    ) -> None:
        if fused_optimizers.suits(theta, gradient, *slots.values()):
            fused_optimizers.sgd(theta, gradient, slots.get("momentum"), rate, self.momentum, self.nesterov)
            return
        move = gradient * -rate
        if self.momentum:
            velocity = slots["momentum"].mul_(self.momentum).add_(move)
            move = torch.add(move, velocity, alpha=self.momentum) if self.nesterov else velocity
        theta.add_(move)


class AdamRule(Optimizer):
    """The update that Adam and AdamW share (Kingma and Ba 2015); epsilon stands outside the bias correction."""

    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("mean", "square")

    def update(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        step: int | Tensor,
        rate: Tensor,
        layout: Layout,
    ) -> None:
        if fused_optimizers.suits(theta, gradient, *slots.values()):
            betas, corrected = (self.beta_1, self.beta_2), rate * self._correction(step)
            fused_optimizers.adam(theta, gradient, slots["mean"], slots["square"], corrected, betas, self.epsilon)
        elif theta.device.type == "cpu":
            self._in_one_pass(theta, gradient, slots, int(step), rate)
        else:
            self._by_operations(theta, gradient, slots, step, rate)

    def _by_operations(
        self, theta: Tensor, gradient: Tensor, slots: dict[str, Tensor], step: int | Tensor, rate: Tensor
    ) -> None:
        mean = slots["mean"].lerp_(gradient, 1 - self.beta_1)
        square = slots["square"].mul_(self.beta_2).addcmul_(gradient, gradient, value=1 - self.beta_2)
        theta.sub_((mean * (rate * self._correction(step))).div_(square.sqrt().add_(self.epsilon)))

    def _correction(self, step: int | Tensor) -> float | Tensor:
        """Of the bias of mean and square towards zero in the first steps."""
        correction: float | Tensor = (1 - self.beta_2**step) ** 0.5 / (1 - self.beta_1**step)
        return correction

    def _in_one_pass(self, theta: Tensor, gradient: Tensor, slots: dict[str, Tensor], step: int, rate: Tensor) -> None:
        """torch's fused kernel, 2.5 to 10 times as fast; its epsilon stands inside the bias correction."""
        epsilon, taken = self.epsilon / (1 - self.beta_2**step) ** 0.5, [torch.tensor(float(step))]
        for lane, own in enumerate(rate.flatten().tolist()):
            torch._fused_adam_(
                [theta[lane]],
                [gradient[lane]],
                [slots["mean"][lane]],
                [slots["square"][lane]],
                [],
                taken,
                lr=float(own),
                beta1=self.beta_1,
                beta2=self.beta_2,
                weight_decay=0.0,
                eps=epsilon,
                amsgrad=False,
                maximize=False,
            )


@final
class Adam(AdamRule):
    """Adam, without weight decay unless the study asks for it."""

    kind: Literal["adam"] = "adam"


@final
class AdamW(AdamRule):
    """Adam with weight decay 0.004 unless the study says otherwise (Loshchilov and Hutter 2019; Keras's default)."""

    kind: Literal["adamw"] = "adamw"
    default_weight_decay: ClassVar[float] = 0.004


@final
class RmsProp(Optimizer):
    """RMSprop (Hinton's lecture 6e); epsilon stands inside the root, as in Keras."""

    kind: Literal["rmsprop"] = "rmsprop"
    rho: Decay = 0.9
    momentum: Decay = 0.0
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("square", "momentum") if self.momentum else ("square",)

    def update(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        step: int | Tensor,
        rate: Tensor,
        layout: Layout,
    ) -> None:
        if fused_optimizers.suits(theta, gradient, *slots.values()):
            carried, numbers = slots.get("momentum"), (self.rho, self.momentum, self.epsilon)
            fused_optimizers.rmsprop(theta, gradient, slots["square"], carried, rate, *numbers)
            return
        square = slots["square"].mul_(self.rho).addcmul_(gradient, gradient, value=1 - self.rho)
        move = (gradient * rate).mul_((square + self.epsilon).rsqrt_())
        if self.momentum:
            move = slots["momentum"].mul_(self.momentum).add_(move)
        theta.sub_(move)


AS_ADAM = 0.2
"""Root mean square of Adam's usual step, as a share of the learning rate (Liu et al. 2025, Muon is Scalable)."""


@final
class Muon(Optimizer):
    """Kernels of convolutions and dense layers, but depthwise ones and the output layer's, move along their momentum
    with all singular values near 1 (Jordan et al. 2024); the other parameters by Adam at the same rate.

    A step is 0.2 sqrt(longer side) x rate x the orthogonalised momentum: as large as Adam's. iterations: Newton-Schulz.
    """

    kind: Literal["muon"] = "muon"
    each_alone: ClassVar[bool] = False
    momentum: Decay = 0.95
    nesterov: bool = True
    iterations: Annotated[int, Field(ge=1, le=20)] = 5
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("mean", "square")

    def update(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        step: int | Tensor,
        rate: Tensor,
        layout: Layout,
    ) -> None:
        division = divide(layout)
        for matrix in division.matrices:
            mean = slots["mean"][:, matrix.span].lerp_(gradient[:, matrix.span], 1 - self.momentum)
            way = gradient[:, matrix.span].lerp(mean, self.momentum) if self.nesterov else mean
            step_size = rate * (AS_ADAM * math.sqrt(max(matrix.rows, matrix.columns)))
            theta[:, matrix.span].sub_(orthogonalised(matrix.shaped(way), self.iterations).flatten(1) * step_size)
        adam = Adam(beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)
        for span in division.others:
            own = {name: slot[:, span] for name, slot in slots.items()}
            adam.update(theta[:, span], gradient[:, span], own, step, rate, layout)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": Sgd,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RmsProp,
    "muon": Muon,
}

if TYPE_CHECKING:
    AnyOptimizer = Optimizer
else:
    AnyOptimizer = one_of(OPTIMIZERS, "optimizer")
