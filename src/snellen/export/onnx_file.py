"""A model as one ONNX file: stored images in, probabilities, classes and whether they are given as answers out.

Built from the inference graph by `onnx.helper`, in opset 13: no operation of a later one is needed. Images are
(N, C, H, W) inside, the layout of ONNX's operators.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from snellen import __version__
from snellen.deploy.model import Model
from snellen.errors import ExportError
from snellen.export.gate import Answers, expect_equal_answers, real_pictures
from snellen.files.atomic import write_bytes
from snellen.models.inference_graph import InferenceGraph, Operation
from snellen.models.inference_graph import Shape as ValueShape

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

OPSET, IR_VERSION = 13, 7
BYTES = (0.0, 255.0)
LAST = -(2**63)
"""The end of a slice that runs backwards to the first."""
INPUT, PROBABILITIES, CLASS, ANSWERED = "images", "probabilities", "class", "answered"


def export_onnx(model: Model, path: Path) -> float:
    """Writes the ONNX file of a model, after ONNX Runtime has answered with it as the model does on real pictures; the
    largest difference of a probability. Raises ExportError, and writes nothing, where it does not, for a layer that
    cannot be exported, and where a package is missing."""
    for package in ("onnx", "onnxruntime"):
        try:
            import_module(package)
        except ImportError as error:
            hint = "Install both: pip install onnx onnxruntime"
            raise ExportError(f"an export to ONNX needs the package {package}", hint=hint) from error
    content = onnx_bytes(model)
    difference = expect_equal_answers(
        model, onnx_answers(content), real_pictures(model.description.input), "the ONNX file"
    )
    write_bytes(path, content)
    return difference


def onnx_bytes(model: Model) -> bytes:
    """The ONNX file. images: (N, H, W, C), uint8 where black and white are 0 and 255, else float32, in the size of
    the input contract. Outputs: probabilities (N, K) float32 after the temperature, class (N,) int64, and, where the
    model has thresholds, answered (N,) bool.

    Raises ExportError for a layer that cannot be exported.
    """
    graph = model.network.inference_graph(model.parameters, model.state)
    content: bytes = _Writer(graph).model(model).SerializeToString(deterministic=True)
    return content


def onnx_answers(
    content: bytes, run_by: Literal["reference", "runtime"] = "runtime"
) -> Callable[[np.ndarray], Answers]:
    """The file as a function of pictures (N, H, W, C): run by ONNX Runtime, or by the reference evaluator of onnx,
    which is slow and written by other people."""
    run = _by_runtime(content) if run_by == "runtime" else _by_reference(content)

    def answers(pictures: np.ndarray) -> Answers:
        found = run(pictures)
        return Answers(found[0], found[1], found[2] if len(found) > 2 else None)

    return answers


def _by_runtime(content: bytes) -> Callable[[np.ndarray], Sequence[np.ndarray]]:
    from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda pictures: list(session.run(None, {INPUT: pictures}))


def _by_reference(content: bytes) -> Callable[[np.ndarray], Sequence[np.ndarray]]:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(content)
    return lambda pictures: list(evaluator.run(None, {INPUT: pictures}))


class _Writer:
    """Nodes and initializers as they are written."""

    def __init__(self, graph: InferenceGraph) -> None:
        self.graph = graph
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.num_views = 1

    def model(self, model: Model) -> ModelProto:
        """The whole file."""
        from onnx import helper

        logits = self._logits(self._input(model.description.input.pixel_range))
        outputs = self._answers(logits, model)
        graph = helper.make_graph(self.nodes, "snellen", [_input_of(model)], outputs, self.initializers)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        made.producer_name, made.producer_version = "snellen", __version__
        helper.set_model_props(made, metadata(model))
        return made

    def node(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        """Appends a node with one output; its name."""
        from onnx import helper

        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"node_{len(self.nodes)}", **attributes))
        return name

    def constant(self, name: str, values: np.ndarray) -> str:
        """Appends an initializer; its name, which must be new."""
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, value: float) -> str:
        """A float32 number."""
        return self.constant(f"number_{len(self.initializers)}", np.array(value, np.float32))

    def integers(self, values: Sequence[int]) -> str:
        """A list of int64 numbers."""
        return self.constant(f"integers_{len(self.initializers)}", np.array(values, np.int64))

    def array(self, operation: Operation, role: str) -> str:
        """An array of an operation; "" where it has none."""
        name = operation.arrays.get(role)
        return self.constant(name, self.graph.arrays[name]) if name else ""

    def _input(self, pixel_range: tuple[float, float]) -> str:
        """Values from 0 to 1, channels first, all views of an image along the first axis."""
        from onnx import TensorProto

        low, high = pixel_range
        x = self.node("Cast", [INPUT], to=TensorProto.FLOAT)
        x = self.node("Sub", [x, self.number(low)]) if low else x
        x = self.node("Div", [x, self.number(high - low)])
        views = [self.node("Transpose", [x], perm=[0, 3, 1, 2])]
        for name in self.graph.views:
            views = [changed for view in views for changed in VIEWS[name](self, view)]
        self.num_views = len(views)
        return views[0] if len(views) == 1 else self.node("Concat", views, axis=0)

    def _logits(self, image: str) -> str:
        values = [image]
        for operation in self.graph.operations:
            inputs = [values[place] for place in operation.inputs]
            values.append(OPERATIONS[operation.kind](self, operation, *inputs))
        return self._mean_of_views(values[-1])

    def _mean_of_views(self, logits: str) -> str:
        if not self.graph.views:
            return logits
        apart = self.node("Reshape", [logits, self.integers([self.num_views, -1, *self.graph.operations[-1].shape])])
        return self.node("ReduceMean", [apart], axes=[0], keepdims=0)

    def _answers(self, logits: str, model: Model) -> list[ValueInfoProto]:
        from onnx import TensorProto, helper

        if model.temperature is not None:
            logits = self.node("Div", [logits, self.number(model.temperature)])
        self.node("Softmax", [logits], PROBABILITIES, axis=1)
        self.node("ArgMax", [PROBABILITIES], CLASS, axis=1, keepdims=0)
        found = [
            helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["N", len(model.classes)]),
            helper.make_tensor_value_info(CLASS, TensorProto.INT64, ["N"]),
        ]
        if model.thresholds:
            self._answered(model)
            found.append(helper.make_tensor_value_info(ANSWERED, TensorProto.BOOL, ["N"]))
        return found

    def _answered(self, model: Model) -> None:
        """Whether the largest probability reaches the threshold of its class, and that for any answer."""
        from onnx import TensorProto

        any_answer = max((each.threshold for each in model.thresholds if each.class_name is None), default=0.0)
        own = {each.class_name: each.threshold for each in model.thresholds if each.class_name is not None}
        least = np.array([max(own.get(name, 0.0), any_answer) for name in model.classes], np.float64)
        needed = self.node("Gather", [self.constant("thresholds", least), CLASS])
        top = self.node("ReduceMax", [PROBABILITIES], axes=[1], keepdims=0)
        self.node("GreaterOrEqual", [self.node("Cast", [top], to=TensorProto.DOUBLE), needed], ANSWERED)


def _input_of(model: Model) -> ValueInfoProto:
    from onnx import TensorProto, helper

    contract = model.description.input
    stored = TensorProto.UINT8 if contract.pixel_range == BYTES else TensorProto.FLOAT
    return helper.make_tensor_value_info(INPUT, stored, ["N", contract.height, contract.width, contract.channels])


def metadata(model: Model) -> dict[str, str]:
    """What another program must know beside the numbers, each value as JSON."""
    about = model.description
    values = {
        "classes": list(about.classes),
        "input": about.input.model_dump(mode="json"),
        "temperature": model.temperature,
        "thresholds": [each.model_dump(mode="json") for each in model.thresholds],
        "name": about.name,
        "study": about.study,
        "job": about.job,
        "weights_sha256": about.weights_sha256,
        "data_sha256": about.data_sha256,
        "snellen": __version__,
    }
    return {f"snellen.{name}": json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in values.items()}


def _flipped(writer: _Writer, x: str) -> list[str]:
    ends = [writer.integers([-1]), writer.integers([LAST]), writer.integers([3]), writer.integers([-1])]
    return [x, writer.node("Slice", [x, *ends])]


def _shifted(writer: _Writer, x: str) -> list[str]:
    height, width, _ = writer.graph.input_shape
    around = writer.node("Pad", [x, writer.integers([0, 0, 1, 1, 0, 0, 1, 1])], mode="edge")
    axes, found = writer.integers([2, 3]), [x]
    for begin in (2, 0):
        ends = [writer.integers([begin, begin]), writer.integers([begin + height, begin + width]), axes]
        found.append(writer.node("Slice", [around, *ends]))
    return found


VIEWS: dict[str, Callable[[_Writer, str], list[str]]] = {"flip": _flipped, "shift": _shifted}
"""As `CHANGES` of models/views.py, in the same order."""


def _edges(operation: Operation) -> list[int]:
    """Pads as ONNX has them: above, left, below, right."""
    (above, below), (left, right) = _setting(operation, "pads")
    return [above, left, below, right]


def _setting(operation: Operation, name: str) -> Any:
    return operation.settings[name]


def _listed(operation: Operation, name: str) -> list[int]:
    return list(_setting(operation, name))


def _dense(writer: _Writer, operation: Operation, x: str) -> str:
    arrays = [writer.array(operation, "kernel"), writer.array(operation, "bias")]
    return writer.node("Gemm", [x, *filter(None, arrays)])


def _conv(writer: _Writer, operation: Operation, x: str) -> str:
    name = operation.arrays["kernel"]
    kernel = writer.graph.arrays[name].transpose(0, 3, 1, 2)
    inputs = [x, writer.constant(name, kernel), writer.array(operation, "bias")]
    return writer.node(
        "Conv",
        [*filter(None, inputs)],
        kernel_shape=list(kernel.shape[2:]),
        strides=_listed(operation, "strides"),
        pads=_edges(operation),
        dilations=_listed(operation, "dilation"),
        group=_setting(operation, "groups"),
    )


def _max_pool(writer: _Writer, operation: Operation, x: str) -> str:
    window, strides = _listed(operation, "window"), _listed(operation, "strides")
    return writer.node("MaxPool", [x], kernel_shape=window, strides=strides, pads=_edges(operation))


def _average_pool(writer: _Writer, operation: Operation, x: str) -> str:
    window, strides, pads = _listed(operation, "window"), _listed(operation, "strides"), _edges(operation)
    return writer.node("AveragePool", [x], kernel_shape=window, strides=strides, pads=pads, count_include_pad=0)


def _global(kind: str) -> Callable[..., str]:
    return lambda writer, operation, x: writer.node("Flatten", [writer.node(kind, [x])], axis=1)


def _zero_pad(writer: _Writer, operation: Operation, x: str) -> str:
    above, left, below, right = _edges(operation)
    return writer.node("Pad", [x, writer.integers([0, 0, above, left, 0, 0, below, right])])


def _flatten(writer: _Writer, operation: Operation, x: str) -> str:
    return writer.node("Flatten", [writer.node("Transpose", [x], perm=[0, 2, 3, 1])], axis=1)


def _unflatten(writer: _Writer, operation: Operation, x: str) -> str:
    last = writer.node("Reshape", [x, writer.integers([0, *operation.shape])])
    return writer.node("Transpose", [last], perm=[0, 3, 1, 2])


def _select(writer: _Writer, operation: Operation, x: str) -> str:
    return writer.node("Gather", [x, writer.array(operation, "places")], axis=1)


def _concatenate(writer: _Writer, operation: Operation, *inputs: str) -> str:
    return writer.node("Concat", inputs, axis=1)


def _pair(kind: str) -> Callable[..., str]:
    def write(writer: _Writer, operation: Operation, *inputs: str) -> str:
        shapes = [_shape(writer.graph, place) for place in operation.inputs]
        rank = len(operation.shape)
        return writer.node(kind, [_spread(writer, x, shape, rank) for x, shape in zip(inputs, shapes, strict=True)])

    return write


def _shape(graph: InferenceGraph, place: int) -> ValueShape:
    return graph.operations[place - 1].shape if place else graph.input_shape


def _spread(writer: _Writer, x: str, shape: ValueShape, rank: int) -> str:
    """A vector beside images stands at every position."""
    return x if len(shape) == rank else writer.node("Unsqueeze", [x, writer.integers([2, 3])])


def _with_array(kind: str, role: str) -> Callable[..., str]:
    def write(writer: _Writer, operation: Operation, x: str) -> str:
        name = operation.arrays[role]
        values = _channels_first(writer.graph.arrays[name], len(operation.shape))
        return writer.node(kind, [x, writer.constant(name, values)])

    return write


def _channels_first(values: np.ndarray, rank: int) -> np.ndarray:
    """Numbers of values of `rank` axes, or of their last: (C,) as (C, 1, 1) beside images."""
    if rank < 3 or not values.ndim:
        return values
    return values.reshape((1,) * (3 - values.ndim) + values.shape).transpose(2, 0, 1)


def _clip(writer: _Writer, operation: Operation, x: str) -> str:
    low, high = _setting(operation, "low"), _setting(operation, "high")
    return writer.node("Clip", [x, writer.number(low), writer.number(high)])


def _each(kind: str) -> Callable[..., str]:
    return lambda writer, operation, x: writer.node(kind, [x])


def _standardise_channels(writer: _Writer, operation: Operation, x: str) -> str:
    centred = writer.node("Sub", [x, writer.node("ReduceMean", [x], axes=[1])])
    variance = writer.node("ReduceMean", [writer.node("Mul", [centred, centred])], axes=[1])
    deviation = writer.node("Sqrt", [writer.node("Add", [variance, writer.number(_setting(operation, "epsilon"))])])
    return writer.node("Div", [centred, deviation])


def _unit_length(writer: _Writer, operation: Operation, x: str) -> str:
    length = writer.node("ReduceL2", [x], axes=[1])
    return writer.node("Div", [x, writer.node("Max", [length, writer.number(_setting(operation, "least"))])])


OPERATIONS: dict[str, Callable[..., str]] = {
    "dense": _dense,
    "conv": _conv,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "global_max_pool": _global("GlobalMaxPool"),
    "global_average_pool": _global("GlobalAveragePool"),
    "zero_pad": _zero_pad,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "select": _select,
    "concatenate": _concatenate,
    "add": _pair("Add"),
    "multiply": _pair("Mul"),
    "divide": _pair("Div"),
    "maximum": _pair("Max"),
    "minimum": _pair("Min"),
    "scale": _with_array("Mul", "factor"),
    "shift": _with_array("Add", "offset"),
    "clip": _clip,
    "elu": lambda writer, operation, x: writer.node("Elu", [x], alpha=_setting(operation, "alpha")),
    "abs": _each("Abs"),
    "erf": _each("Erf"),
    "exp": _each("Exp"),
    "relu": _each("Relu"),
    "sigmoid": _each("Sigmoid"),
    "softplus": _each("Softplus"),
    "tanh": _each("Tanh"),
    "standardise_channels": _standardise_channels,
    "unit_length": _unit_length,
}
