"""One network of Snellen from a model that Keras saved: its layers, its values, and what its images must be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from snellen.errors import BundleError, StudyError
from snellen.keras_import.chains import Chains, Item, target_of
from snellen.keras_import.graph import INPUT, Graph, Node, read_graph
from snellen.keras_import.layers import (
    POINTWISE,
    RANDOM_IMAGES,
    RESHAPE,
    SIGMOID,
    SOFTMAX,
    Arrays,
    NoCounterpart,
    converted_layers,
)
from snellen.keras_import.saved_model import SavedModel
from snellen.models.build import parse_layers
from snellen.models.layer import Shape
from snellen.models.merge import MERGES

Pixels = Literal["0-1", "0-255"]
"""What the images were when Keras got them."""

WHITE = 255.0
CHANNELS = (1, 3, 4)
SCALE_STAYS = ("flatten", "zero_pad", "dropout", "spatial_dropout", "gaussian_noise", "gaussian_dropout")
"""Layers behind which pixels still have the scale that the model got."""
LARGE_SCALE = 3.0
"""A rescaling by 1/255 or 1/127.5 is for bytes: times 255 it is below this."""


WRONG_TYPES = (KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What Python raises for a configuration that is not as Keras writes it."""


@dataclass(frozen=True)
class Converted:
    """layers: as a study writes them, the one to the classes included. values: by full name, (…) float32. remarks: what
    was assumed and what differs, a sentence each."""

    layers: tuple[Any, ...]
    values: Arrays
    image_shape: tuple[int, int, int]
    classes: int
    remarks: tuple[str, ...]


def convert(saved: SavedModel, pixels: Pixels | None = None, size: tuple[int, int, int] | None = None) -> Converted:
    """The network that answers as the saved model does.

    pixels: what the images were when the model got them; None: found from its first layers, else 0 to 1. size: height,
    width and channels, for a model of vectors. Raises BundleError that names all that has no counterpart.
    """
    graph = read_graph(saved.model)
    _expect_counterparts(graph)
    chains = Chains(graph, saved.weights)
    shape, as_vectors = _image_shape(graph, size)
    items, output = chains.between(INPUT, graph.output, (math.prod(shape),) if as_vectors else shape)
    items = [Item("flatten"), *items] if as_vectors else items
    items, remarks = _with_pixels(items, pixels)
    items, classes, more = _with_logits(items, output)
    half = [node.path for node in graph.nodes if "float16" in _policy(node)]
    if half:
        more.append(
            f"Keras computes {len(half)} layers in 16 bits, such as `{half[0]}`, and Snellen in float32: answers "
            "differ by its rounding, by up to 1e-2."
        )
    left_out = [f"`{node.path}`" for node in graph.nodes if node.class_name in RANDOM_IMAGES]
    if left_out:
        more.append(
            f"{', '.join(left_out)} {'change' if len(left_out) > 1 else 'changes'} images in training only and "
            f"{'are' if len(left_out) > 1 else 'is'} left out: write `augment` in the study."
        )
    return Converted(
        tuple(item.as_written() for item in items), dict(_named_values(items)), shape, classes, (*remarks, *more)
    )


def _expect_counterparts(graph: Graph) -> None:
    """Raises BundleError with all layers that have none."""
    problems = [*graph.problems, *_without_channels(graph)]
    for node in graph.nodes[1:]:
        try:
            _expect_floats(node)
            written = converted_layers(node.class_name, node.config)
            parse_layers([each for each in written if isinstance(each, dict) or each not in (SOFTMAX, *MERGES)])
        except (NoCounterpart, StudyError, ValidationError, *WRONG_TYPES) as error:
            problems.append(f"`{node.path}` ({node.class_name}): {_reason(error)}")
    if problems:
        raise BundleError(
            "this model cannot be written here:\n  " + "\n  ".join(problems),
            hint="docs/from-keras.md lists what can. Nothing was written.",
        )


def _expect_floats(node: Node) -> None:
    policy = _policy(node)
    if policy == "bfloat16" or "int" in policy or "float8" in policy:
        raise NoCounterpart(f"its weights are stored as {policy}: save the model in float32")


def _policy(node: Node) -> str:
    """Its data types as Keras calls them, such as "float32" or "mixed_float16"."""
    given = node.config.get("dtype")
    inner = given.get("config") if isinstance(given, dict) else None
    return str(inner.get("name") if isinstance(inner, dict) else given or "float32")


def _without_channels(graph: Graph) -> Iterator[str]:
    """Images (height, width) get a channel here: what works along the last axis would be another thing then."""
    flat = {INPUT} if len(graph.input_shape) == 2 else set[int]()
    for number, node in enumerate(graph.nodes[1:], 1):
        target = node.config.get("target_shape")
        gets_flat = [each in flat for each in node.inputs]
        if node.class_name == RESHAPE and isinstance(target, list) and len(target) == 2 and target[0] != 1:
            flat.add(number)
        elif any(gets_flat) and node.class_name not in (RESHAPE, "Flatten"):
            flat.add(number)
            if node.class_name not in POINTWISE or not all(gets_flat):
                yield f"`{node.path}` ({node.class_name}): it gets images without channels; use Reshape before it"


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"`{'.'.join(str(part) for part in first['loc'] if not isinstance(part, int))}`: {first['msg']}"
    if isinstance(error, KeyError):
        return f"its configuration has no {error}"
    return str(error)


def _image_shape(graph: Graph, size: tuple[int, int, int] | None) -> tuple[tuple[int, int, int], bool]:
    """(height, width, channels) of images, and whether the model gets them as vectors."""
    found = graph.input_shape
    if not found:
        raise BundleError("the model does not say what its input is", hint="Build it on one batch before saving it.")
    reshaped = _first_reshape(graph)
    if len(found) == 1 and reshaped is not None:
        return _as_image(reshaped), False
    if len(found) > 1:
        return _as_image(found), False
    side = math.isqrt(found[0])
    shape = size or ((side, side, 1) if side * side == found[0] else None)
    if shape is None or math.prod(shape) != found[0]:
        raise BundleError(
            "the model gets vectors, not images",
            found=f"{found[0]:,} values",
            expected="as many as the image has" if size else "the size of the image",
            hint="Give it as HEIGHTxWIDTHxCHANNELS, such as 32x32x3.",
        )
    return shape, True


def _first_reshape(graph: Graph) -> tuple[int, ...] | None:
    """The target of a reshaping of the input, the only layer that gets it."""
    users = [node for node in graph.nodes[1:] if INPUT in node.inputs]
    if len(users) != 1 or users[0].class_name != RESHAPE:
        return None
    target = target_of(users[0], math.prod(graph.input_shape))
    return target if len(target) > 1 else None


def _as_image(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) != 3:
        raise BundleError("the model gets no images", found=f"shape {tuple(shape)}", expected="height, width, channels")
    if shape[2] not in CHANNELS:
        hint = "Images have their channels last." if shape[0] in CHANNELS else None
        raise BundleError("not the channels of images", found=shape[2], expected="1, 3 or 4", hint=hint)
    return shape[0], shape[1], shape[2]


def _with_pixels(items: list[Item], pixels: Pixels | None) -> tuple[list[Item], list[str]]:
    """The layers for images between 0 and 1, as networks here get them."""
    at = next((place for place, item in enumerate(items) if item.kind not in SCALE_STAYS), len(items) - 1)
    found = _pixels_of(items[at])
    remarks = []
    if pixels is None:
        why = f"as its first layer, `{items[at].kind}`, expects" if found else "which the file does not say"
        other = "0-1" if found == "0-255" else "0-255"
        words = "0 to 255" if found == "0-255" else "0 to 1"
        remarks = [f"Pixels went into the model as numbers from {words}, {why}; if not: --pixels {other}."]
    if (pixels or found) != "0-255":
        return items, remarks
    if at > 0 or items[0].kind != "rescale":
        return [Item({"rescale": {"scale": WHITE}}), *items], remarks
    scale, offset = items[0].written["rescale"]["scale"] * WHITE, items[0].written["rescale"]["offset"]
    if (scale, offset) == (1.0, 0.0):
        return items[1:], remarks
    return [Item({"rescale": {"scale": scale, "offset": offset}}), *items[1:]], remarks


def _pixels_of(first: Item) -> Pixels | None:
    """What images a layer expects that scales them; None of other layers."""
    if first.kind == "rescale":
        return "0-255" if abs(first.written["rescale"]["scale"]) * WHITE < LARGE_SCALE else "0-1"
    if first.kind == "batch_norm":
        means = first.values["moving_mean"]
    elif first.kind == "normalization":
        means = np.asarray(first.written["normalization"]["mean"])
    else:
        return None
    return "0-255" if float(np.abs(means).max()) > LARGE_SCALE else "0-1"


def _with_logits(items: list[Item], shape: Shape) -> tuple[list[Item], int, list[str]]:
    """The layers up to the logits of the classes, the number of classes, and what differs."""
    remarks = []
    kinds = [item.kind for item in _flat(items)]
    if SOFTMAX in kinds[:-1] or (SOFTMAX in kinds and items[-1].kind != SOFTMAX):
        raise BundleError("a softmax before other layers", hint="Remove it in Keras: probabilities are no features.")
    if len(shape) != 1:
        raise BundleError("the output is no vector of classes", found=f"shape {shape}")
    ends_with_sigmoid = _activation(items[-1]) == SIGMOID
    if shape[0] == 1:
        if not ends_with_sigmoid:
            raise BundleError("one output without sigmoid: not a classifier", found=items[-1].kind)
        remarks.append("One output with a sigmoid is two classes here; the sigmoid is the probability of the second.")
        return _two_classes(items), 2, remarks
    if ends_with_sigmoid:
        raise BundleError(
            "a sigmoid for each class", found=f"{shape[0]} outputs", hint="Snellen's models give one class an image."
        )
    if items[-1].kind == SOFTMAX:
        items = items[:-1]
    else:
        remarks.append("The model gives logits; here probabilities are answered, their softmax.")
    if items[-1].kind != "dense" or _activation(items[-1]) not in (None, "linear"):
        remarks.append("A dense layer that changes nothing is added: networks here end with one.")
        identity = {"kernel": np.eye(shape[0], dtype=np.float32)}
        items = [*items, Item({"dense": {"units": shape[0], "use_bias": False}}, identity)]
    return items, shape[0], remarks


def _activation(item: Item) -> str | None:
    """The activation function of a layer, or the function that it is."""
    arguments = item.written[item.kind] if isinstance(item.written, dict) else {}
    named = arguments.get("activation") if isinstance(arguments, dict) else None
    return named or (SIGMOID if item.kind == SIGMOID else None)


def _two_classes(items: list[Item]) -> list[Item]:
    """softmax(0, z) is (1 - sigmoid(z), sigmoid(z))."""
    if items[-1].kind == SIGMOID:
        items = items[:-1]
        if not items or items[-1].kind != "dense" or _activation(items[-1]) not in (None, "linear"):
            found = f"{items[-1].kind} ({_activation(items[-1])})" if items else "nothing"
            expected = "a dense layer without activation function"
            raise BundleError("not what a sigmoid at the end may follow", found=found, expected=expected)
    last = items[-1]
    values = {name: np.concatenate([np.zeros_like(value), value], axis=-1) for name, value in last.values.items()}
    return [*items[:-1], Item({"dense": {**last.written["dense"], "units": 2, "activation": "linear"}}, values)]


def _flat(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        for branch in item.branches:
            yield from _flat(branch)
        yield item


def _named_values(items: Sequence[Item], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """All values by their full names, such as "concatenate_1.branch_2.conv_1.kernel"."""
    counts: Counter[str] = Counter()
    for item in items:
        counts[item.kind] += 1
        name = f"{prefix}{item.kind}_{counts[item.kind]}."
        yield from ((f"{name}{each}", np.ascontiguousarray(value)) for each, value in item.values.items())
        for number, branch in enumerate(item.branches, 1):
            yield from _named_values(branch, f"{name}branch_{number}.")
