"""Activations cut off at fixed values, and sigmoid and silu in straight lines."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import torch.nn.functional as functional
from torch import Tensor

from snellen.models.elementwise import Elementwise
from snellen.models.inference_graph import InferenceGraph, Value


@final
class Relu6(Elementwise):
    """min(max(x, 0), 6)."""

    kind: Literal["relu6"] = "relu6"

    def values(self, x: Tensor) -> Tensor:
        return functional.relu6(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.clip(x, 0.0, 6.0)

    def overwrite(self, y: Tensor) -> Tensor:
        return functional.relu6(y, inplace=True)


@final
class HardSigmoid(Elementwise):
    """relu6(x + 3) / 6: sigmoid in three straight lines."""

    kind: Literal["hard_sigmoid"] = "hard_sigmoid"
    sign: ClassVar = "squasher"

    def values(self, x: Tensor) -> Tensor:
        return functional.hardsigmoid(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.clip(graph.shift(graph.scale(x, 1 / 6), 0.5), 0.0, 1.0)


@final
class HardSilu(Elementwise):
    """x * hard_sigmoid(x), also called hard swish (Howard et al. 2019)."""

    kind: Literal["hard_silu"] = "hard_silu"

    def values(self, x: Tensor) -> Tensor:
        return functional.hardswish(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        gate = graph.clip(graph.shift(graph.scale(x, 1 / 6), 0.5), 0.0, 1.0)
        return graph.pair("multiply", x, gate)


@final
class HardTanh(Elementwise):
    """min(max(x, -1), 1)."""

    kind: Literal["hard_tanh"] = "hard_tanh"
    sign: ClassVar = "squasher"

    def values(self, x: Tensor) -> Tensor:
        return functional.hardtanh(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.clip(x, -1.0, 1.0)

    def overwrite(self, y: Tensor) -> Tensor:
        return functional.hardtanh(y, inplace=True)
