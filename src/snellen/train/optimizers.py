"""Optimizers of flat parameters (L, P); all but Muon with Keras 3's update rules.

Every tensor has the lane axis; learning rate and weight decay are (L, 1). Weight decay is decoupled, as in Keras:
p -= learning_rate * weight_decay * p, before the update.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import torch
from pydantic import Field
from torch import Tensor

from snellen.models.named import Named, one_of
from snellen.train import fused_optimizers
from snellen.train.layout import Layout
from snellen.train.orthogonal import divide, orthogonalised

Slots = dict[str, Tensor]
Count = int | Tensor
"""Of steps, from 1; a tensor where a GPU reads it."""
Decay = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0, le=1)]


class Optimizer(Named):
    """Base of all optimizers: which tensors they keep between steps, and one step in place.

    A new optimizer needs its file and a line in OPTIMIZERS; `fused_update` is optional.
    """

    default_learning_rate: ClassVar[float] = 1e-3
    default_weight_decay: ClassVar[float] = 0.0
    is_elementwise: ClassVar[bool] = True
    """Whether the update of a parameter depends on its own gradient and slots alone, so that threads can share it."""

    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the tensors, shaped like the parameters and zero at first, that it keeps from step to step."""

    @abstractmethod
    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        """Changes theta (L, P) and the slots in place, by torch. rate: (L, 1); layout: where each parameter lies in
        theta."""

    def fused_update(
        self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout
    ) -> None:
        """The same by the compiled library, where `fused_optimizers.fits`; by default torch."""
        self.update(theta, gradient, slots, step, rate, layout)

    def init(self, theta: Tensor) -> dict[str, Tensor]:
        """The slots before the first step."""
        return {name: torch.zeros_like(theta) for name in self.slots()}

    def step(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: Slots,
        step: Count,
        rate: Tensor,
        weight_decay: Tensor | None,
        layout: Layout,
    ) -> None:
        """Weight decay (L, 1) where there is any, then the update."""
        if weight_decay is not None:
            theta.mul_(1 - rate * weight_decay)
        fused = fused_optimizers.fits(theta, gradient, *slots.values())
        (self.fused_update if fused else self.update)(theta, gradient, slots, step, rate, layout)


@final
class Sgd(Optimizer):
    """Gradient descent, with classical or Nesterov momentum."""

    kind: Literal["sgd"] = "sgd"
    default_learning_rate: ClassVar[float] = 1e-2
    momentum: Decay = 0.0
    nesterov: bool = False

    def slots(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        move = gradient * -rate
        if self.momentum:
            velocity = slots["momentum"].mul_(self.momentum).add_(move)
            move = torch.add(move, velocity, alpha=self.momentum) if self.nesterov else velocity
        theta.add_(move)

    def fused_update(
        self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout
    ) -> None:
        fused_optimizers.sgd(theta, gradient, slots.get("momentum"), rate, self.momentum, self.nesterov)


class AdamRule(Optimizer):
    """The update that Adam and AdamW share (Kingma and Ba 2015); epsilon stands outside the bias correction.

    amsgrad: divides by the root of the largest mean square so far (Reddi, Kale and Kumar 2018).
    """

    identity_baseline: ClassVar = {"amsgrad": False}
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Epsilon = 1e-7
    amsgrad: bool = False

    def slots(self) -> tuple[str, ...]:
        return ("mean", "square", "largest") if self.amsgrad else ("mean", "square")

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        mean = slots["mean"].lerp_(gradient, 1 - self.beta_1)
        square = slots["square"].mul_(self.beta_2).addcmul_(gradient, gradient, value=1 - self.beta_2)
        if self.amsgrad:
            square = torch.maximum(slots["largest"], square, out=slots["largest"])
        theta.sub_((mean * (rate * self._correction(step))).div_(square.sqrt().add_(self.epsilon)))

    def fused_update(
        self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout
    ) -> None:
        betas, corrected = (self.beta_1, self.beta_2), rate * self._correction(step)
        if self.amsgrad:
            self.update(theta, gradient, slots, step, rate, layout)
        else:
            fused_optimizers.adam(theta, gradient, slots["mean"], slots["square"], corrected, betas, self.epsilon)

    def _correction(self, step: Count) -> float | Tensor:
        """Of the bias of mean and square towards zero in the first steps."""
        correction: float | Tensor = (1 - self.beta_2**step) ** 0.5 / (1 - self.beta_1**step)
        return correction


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

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        square = slots["square"].mul_(self.rho).addcmul_(gradient, gradient, value=1 - self.rho)
        move = (gradient * rate).mul_((square + self.epsilon).rsqrt_())
        if self.momentum:
            move = slots["momentum"].mul_(self.momentum).add_(move)
        theta.sub_(move)

    def fused_update(
        self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout
    ) -> None:
        velocity, numbers = slots.get("momentum"), (self.rho, self.momentum, self.epsilon)
        fused_optimizers.rmsprop(theta, gradient, slots["square"], velocity, rate, *numbers)


@final
class Nadam(Optimizer):
    """Adam with Nesterov momentum, whose share rises over the first steps (Dozat 2016)."""

    kind: Literal["nadam"] = "nadam"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("mean", "square", "momenta")

    def init(self, theta: Tensor) -> dict[str, Tensor]:
        """momenta: the product of the momenta of all steps so far; 1 before the first."""
        return super().init(theta) | {"momenta": torch.ones_like(theta)}

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        now, following = self._momentum(step), self._momentum(step + 1)
        momenta = slots["momenta"].mul_(now)
        mean = slots["mean"].lerp_(gradient, 1 - self.beta_1)
        square = slots["square"].mul_(self.beta_2).addcmul_(gradient, gradient, value=1 - self.beta_2)
        ahead = mean * following / (1 - momenta * following) + gradient * (1 - now) / (1 - momenta)
        root = (square / (1 - self.beta_2**step)).sqrt_().add_(self.epsilon)
        theta.sub_((ahead * rate).div_(root))

    def _momentum(self, step: Count) -> float | Tensor:
        """Of one step: from about half of beta_1 towards beta_1."""
        momentum: float | Tensor = self.beta_1 * (1 - 0.5 * 0.96**step)
        return momentum


@final
class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root of the mean square (Kingma and Ba 2015)."""

    kind: Literal["adamax"] = "adamax"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("mean", "largest")

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        mean = slots["mean"].lerp_(gradient, 1 - self.beta_1)
        largest = slots["largest"].mul_(self.beta_2)
        torch.maximum(largest, gradient.abs(), out=largest)
        theta.sub_((mean * (rate / (1 - self.beta_1**step))).div_(largest + self.epsilon))


@final
class Adagrad(Optimizer):
    """Steps that shrink with the sum of all squared gradients so far (Duchi, Hazan and Singer 2011)."""

    kind: Literal["adagrad"] = "adagrad"
    initial_accumulator_value: Annotated[float, Field(ge=0, le=1_000)] = 0.1
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("accumulator",)

    def init(self, theta: Tensor) -> dict[str, Tensor]:
        return {"accumulator": torch.full_like(theta, self.initial_accumulator_value)}

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        accumulator = slots["accumulator"].addcmul_(gradient, gradient)
        theta.sub_((gradient * rate).mul_((accumulator + self.epsilon).rsqrt_()))


@final
class Adadelta(Optimizer):
    """Steps as large as the recent steps, over the recent gradients (Zeiler 2012). The paper's learning rate is 1."""

    kind: Literal["adadelta"] = "adadelta"
    rho: Decay = 0.95
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("square", "moved")

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        square = slots["square"].mul_(self.rho).addcmul_(gradient, gradient, value=1 - self.rho)
        move = gradient * (slots["moved"] + self.epsilon).sqrt_() * (square + self.epsilon).rsqrt_()
        slots["moved"].mul_(self.rho).addcmul_(move, move, value=1 - self.rho)
        theta.sub_(move.mul_(rate))


@final
class Lion(Optimizer):
    """Steps of the learning rate against the sign of the momentum (Chen et al. 2023)."""

    kind: Literal["lion"] = "lion"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.99

    def slots(self) -> tuple[str, ...]:
        return ("momentum",)

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        theta.sub_(torch.lerp(slots["momentum"], gradient, 1 - self.beta_1).sign_().mul_(rate))
        slots["momentum"].lerp_(gradient, 1 - self.beta_2)


AS_ADAM = 0.2
"""Root mean square of Adam's usual step, as a share of the learning rate (Liu et al. 2025, Muon is Scalable)."""


@final
class Muon(Optimizer):
    """The kernels of convolutions and dense layers, except depthwise ones and the output layer's, are updated by their
    momentum with all singular values brought near 1 (Jordan et al. 2024); other parameters by Adam at the same rate.

    A step is 0.2 sqrt(longer side) x rate x the orthogonalised momentum: as large as Adam's. iterations: of
    Newton-Schulz.
    """

    kind: Literal["muon"] = "muon"
    is_elementwise: ClassVar[bool] = False
    momentum: Decay = 0.95
    nesterov: bool = True
    iterations: Annotated[int, Field(ge=1, le=20)] = 5
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Epsilon = 1e-7

    def slots(self) -> tuple[str, ...]:
        return ("mean", "square")

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        division = divide(layout)
        for matrix in division.matrices:
            mean = slots["mean"][:, matrix.span].lerp_(gradient[:, matrix.span], 1 - self.momentum)
            move = gradient[:, matrix.span].lerp(mean, self.momentum) if self.nesterov else mean
            step_size = rate * (AS_ADAM * math.sqrt(max(matrix.rows, matrix.columns)))
            theta[:, matrix.span].sub_(orthogonalised(matrix.shaped(move), self.iterations).flatten(1) * step_size)
        adam = Adam(beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)
        for span in division.others:
            own = {name: slot[:, span] for name, slot in slots.items()}
            adam.step(theta[:, span], gradient[:, span], own, step, rate, None, layout)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": Sgd,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RmsProp,
    "nadam": Nadam,
    "adamax": Adamax,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "lion": Lion,
    "muon": Muon,
}

if TYPE_CHECKING:
    AnyOptimizer = Optimizer
else:
    AnyOptimizer = one_of(OPTIMIZERS, "optimizer")
