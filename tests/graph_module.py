"""An inference graph run by torch: a second opinion on the graph, beside ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from snellen.models.inference_graph import InferenceGraph, Operation
from snellen.models.views import CHANGES

Arrays = dict[str, Tensor]


class GraphModule(nn.Module):
    """Logits (N, K) of images (N, H, W, C) with values from 0 to 1. The arrays are buffers: nothing is trained."""

    def __init__(self, graph: InferenceGraph) -> None:
        super().__init__()
        self.graph = graph
        for name, value in graph.arrays.items():
            self.register_buffer(_attribute(name), torch.from_numpy(value.copy()))

    def forward(self, images: Tensor) -> Tensor:
        """The mean over the views."""
        views = [images.unsqueeze(0)]
        for name in self.graph.views:
            views = [change(view) for view in views for change in CHANGES[name]]  # type: ignore[index]
        logits = [self._logits(view.squeeze(0)) for view in views]
        return logits[0] if len(logits) == 1 else torch.stack(logits).mean(0)

    def _logits(self, image: Tensor) -> Tensor:
        values = [image]
        for operation in self.graph.operations:
            arrays = {role: self.get_buffer(_attribute(name)) for role, name in operation.arrays.items()}
            inputs = [values[place] for place in operation.inputs]
            values.append(OPERATIONS[operation.kind](operation, arrays, *inputs))
        return values[-1]


def _attribute(name: str) -> str:
    return name.replace(".", "__")


def _dense(operation: Operation, arrays: Arrays, x: Tensor) -> Tensor:
    y = x @ arrays["kernel"]
    return y + arrays["bias"] if "bias" in arrays else y


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _margins(operation: Operation) -> list[int]:
    (above, below), (left, right) = _setting(operation, "pads")
    return [left, right, above, below]


def _setting(operation: Operation, name: str) -> Any:
    return operation.settings[name]


def _conv(operation: Operation, arrays: Arrays, x: Tensor) -> Tensor:
    padded = functional.pad(_channels_first(x), _margins(operation))
    strides, dilation, groups = (_setting(operation, name) for name in ("strides", "dilation", "groups"))
    kernel = _channels_first(arrays["kernel"])
    return _channels_last(functional.conv2d(padded, kernel, arrays.get("bias"), strides, 0, dilation, groups))


def _max_pool(operation: Operation, arrays: Arrays, x: Tensor) -> Tensor:
    padded = functional.pad(_channels_first(x), _margins(operation), value=-math.inf)
    return _channels_last(functional.max_pool2d(padded, _setting(operation, "window"), _setting(operation, "strides")))


def _average_pool(operation: Operation, arrays: Arrays, x: Tensor) -> Tensor:
    def means(x: Tensor) -> Tensor:
        padded = functional.pad(x, _margins(operation))
        return functional.avg_pool2d(padded, _setting(operation, "window"), _setting(operation, "strides"))

    first = _channels_first(x)
    return _channels_last(means(first) / means(torch.ones_like(first[:1, :1])))


def _pair(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def apply(operation: Operation, arrays: Arrays, a: Tensor, b: Tensor) -> Tensor:
        rank = max(a.dim(), b.dim())
        a, b = (x if x.dim() == rank else x[:, None, None] for x in (a, b))
        return function(a, b)

    return apply


def _each(function: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda operation, arrays, x: function(x)


def _standardise(operation: Operation, arrays: Arrays, x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=_setting(operation, "epsilon"))


OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "dense": _dense,
    "conv": _conv,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "global_max_pool": _each(lambda x: x.amax((1, 2))),
    "global_average_pool": _each(lambda x: x.mean((1, 2))),
    "zero_pad": lambda operation, arrays, x: functional.pad(x, [0, 0, *_margins(operation)]),
    "flatten": _each(lambda x: x.flatten(1)),
    "unflatten": lambda operation, arrays, x: x.unflatten(1, operation.shape),
    "select": lambda operation, arrays, x: x[:, arrays["places"]],
    "concatenate": lambda operation, arrays, *inputs: torch.cat(inputs, -1),
    "add": _pair(torch.add),
    "multiply": _pair(torch.mul),
    "divide": _pair(torch.div),
    "maximum": _pair(torch.maximum),
    "minimum": _pair(torch.minimum),
    "scale": lambda operation, arrays, x: x * arrays["factor"],
    "shift": lambda operation, arrays, x: x + arrays["offset"],
    "clip": lambda operation, arrays, x: x.clip(_setting(operation, "low"), _setting(operation, "high")),
    "elu": lambda operation, arrays, x: functional.elu(x, _setting(operation, "alpha")),
    "abs": _each(torch.abs),
    "erf": _each(torch.erf),
    "exp": _each(torch.exp),
    "relu": _each(torch.relu),
    "sigmoid": _each(torch.sigmoid),
    "softplus": _each(lambda x: functional.softplus(x, threshold=40.0)),
    "tanh": _each(torch.tanh),
    "standardise_channels": _standardise,
    "unit_length": lambda operation, arrays, x: functional.normalize(x, dim=-1, eps=_setting(operation, "least")),
}
