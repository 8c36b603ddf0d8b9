"""Layers one after another from a graph: where ways part and meet again, branches of a merging layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snellen.errors import BundleError, ShapeError
from snellen.keras_import.graph import INPUT, Graph, Node
from snellen.keras_import.layers import CONVERSIONS, OF_VECTORS, RESHAPE, SOFTMAX, Arrays, converted_layers
from snellen.keras_import.saved_model import Weight
from snellen.limits import MAX_BRANCH_DEPTH, MAX_LAYERS
from snellen.models.build import parse_layers
from snellen.models.layer import Shape
from snellen.models.merge import MERGES


@dataclass(frozen=True)
class Item:
    """A layer as a study writes it, and its values; of a merging layer its branches."""

    written: Any
    values: Arrays = field(default_factory=dict)
    branches: tuple[tuple[Item, ...], ...] = ()

    @property
    def kind(self) -> str:
        """Its name in a study."""
        return str(self.written if isinstance(self.written, str) else next(iter(self.written)))

    def as_written(self) -> Any:
        """With its branches."""
        if not self.branches:
            return self.written
        return {self.kind: [[each.as_written() for each in branch] for branch in self.branches]}


class Chains:
    """Makes layers of the nodes between two nodes of a graph."""

    def __init__(self, graph: Graph, weights: Mapping[str, list[Weight]]) -> None:
        self.graph, self.weights = graph, weights
        self.dominators = _dominators(graph)
        self.made: Counter[int] = Counter()

    def between(self, start: int, end: int, shape: Shape, depth: int = 0) -> tuple[list[Item], Shape]:
        """The layers behind `start`, up to `end`, for inputs of `shape`, and the shape of their output."""
        if depth > MAX_BRANCH_DEPTH:
            raise BundleError("branches inside branches", expected=f"at most {MAX_BRANCH_DEPTH} deep")
        path = [end]
        while path[-1] != start:
            path.append(self.dominators[path[-1]])
        items: list[Item] = []
        for before, at in zip(path[:0:-1], path[-2::-1], strict=True):
            added, shape = self._made(at, before, shape, depth)
            items += added
        return items, shape

    def _made(self, number: int, before: int, shape: Shape, depth: int) -> tuple[list[Item], Shape]:
        """The layers of one node, whose inputs all come from node `before`."""
        node = self.graph.nodes[number]
        self._expect_once(number, node)
        written = converted_layers(node.class_name, node.config)
        if written and isinstance(written[0], str) and written[0] in MERGES:
            branches, shapes = zip(*(self.between(before, each, shape, depth + 1) for each in node.inputs), strict=True)
            if len(branches) == 1:
                return list(branches[0]), shapes[0]
            item = Item(written[0], branches=tuple(map(tuple, branches)))
            return [item], _output(item, shape, node)
        if len(node.inputs) != 1:
            raise BundleError("a layer with several inputs", where=node.path, found=node.class_name)
        if node.class_name == RESHAPE:
            return _reshaped(node, shape)
        if len(shape) == 3 and node.config.get("axis") in (OF_VECTORS, [OF_VECTORS]):
            raise BundleError("normalises axis 1, not the channels", where=node.path)
        arrays = self._arrays(node)
        if node.class_name == "LayerNormalization" and not arrays:
            arrays = {"gamma": np.ones(shape[-1], np.float32)}
        conversion = CONVERSIONS[node.class_name]
        if conversion.numbers and arrays:
            written = [{next(iter(written[0])): conversion.numbers(arrays)}, *written[1:]]
        values = conversion.values(arrays) if arrays else {}
        items = [Item(each, values if place == 0 else {}) for place, each in enumerate(written)]
        if items:
            items[0] = _fitting(items[0], shape)
        for item in items:
            shape = shape if item.written == SOFTMAX else _output(item, shape, node)
        return items, shape

    def _expect_once(self, number: int, node: Node) -> None:
        self.made[number] += 1
        has_weights = bool(CONVERSIONS[node.class_name].weights(node.config))
        if (self.made[number] > 1 and has_weights) or self.made.total() > MAX_LAYERS:
            raise BundleError(
                "the output of this layer is used in several branches that meet in different places",
                where=node.path,
                hint="Branches are written as lists of layers on one input (docs/from-keras.md).",
            )

    def _arrays(self, node: Node) -> Arrays:
        """The weights of a layer, by Keras's names in Keras's order."""
        names = CONVERSIONS[node.class_name].weights(node.config)
        found = self.weights.get(node.path) or self.weights.get(node.stored) or self._by_own_name(node)
        if len(found) != len(names):
            raise BundleError(
                "not the weights of this layer",
                where=node.path,
                found=f"{len(found)} arrays",
                expected=", ".join(names) or "none",
            )
        arrays = {
            weight.name or name: weight.value.astype(np.float32) for weight, name in zip(found, names, strict=True)
        }
        if arrays.keys() != set(names):
            found_names, expected = ", ".join(arrays), ", ".join(names)
            raise BundleError("not the weights of this layer", where=node.path, found=found_names, expected=expected)
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise BundleError("weights that are not finite", where=node.path, hint="Training has diverged.")
        return {name: arrays[name] for name in names}

    def _by_own_name(self, node: Node) -> list[Weight]:
        """HDF5 files name the weights of a layer by the outermost layer, other names and its own. Layers of one name in
        several models are told apart by the outermost."""
        outermost, name = node.path.partition("/")[0], node.path.rpartition("/")[2]
        fitting = {path: weights for path, weights in self.weights.items() if path.rpartition("/")[2] == name}
        if len(fitting) > 1:
            fitting = {path: fitting[path] for path in fitting if path.partition("/")[0] == outermost}
        return next(iter(fitting.values())) if len(fitting) == 1 else []


def _dominators(graph: Graph) -> list[int]:
    """The nearest node through which every way from the input to a node leads (its immediate dominator)."""
    found = [INPUT] * len(graph.nodes)
    depths = [0] * len(graph.nodes)
    for number, node in enumerate(graph.nodes[1:], 1):
        common = node.inputs[0]
        for other in node.inputs[1:]:
            while common != other:
                if depths[common] >= depths[other]:
                    common = found[common]
                else:
                    other = found[other]
        found[number], depths[number] = common, depths[common] + 1
    return found


def _output(item: Item, shape: Shape, node: Node) -> Shape:
    try:
        return parse_layers([item.as_written()])[0].output_shape(shape)
    except ShapeError as error:
        error.places.append(node.path)
        raise


def target_of(reshape: Node, num_values: int) -> tuple[int, ...]:
    """The shape that a Reshape makes of so many values, -1 replaced; () if they do not fit."""
    target = reshape.config.get("target_shape")
    if not isinstance(target, list) or not all(type(size) is int for size in target):
        return ()
    if target.count(-1) == 1 and (others := -math.prod(target)) > 0:
        target = [num_values // others if size == -1 else size for size in target]
    return tuple(target) if math.prod(target) == num_values and min(target, default=0) > 0 else ()


def _reshaped(node: Node, shape: Shape) -> tuple[list[Item], Shape]:
    """Only what changes no order: images have a channel axis, and a vector is an image of one pixel."""
    whole = math.prod(shape)
    target = target_of(node, whole)
    if target in (shape, shape[:-1]) and (target == shape or shape[-1] == 1):
        return [], shape
    if target[-1:] == (whole,):
        return ([], shape) if len(shape) == 1 else ([Item("flatten")], (whole,))
    found = f"{shape} to {node.config.get('target_shape')}"
    raise BundleError("a reshaping", where=node.path, found=found, expected="the same axes, or vectors")


def _fitting(item: Item, shape: Shape) -> Item:
    """A dense layer on images is a convolution of one pixel, and the other way round on vectors."""
    if item.kind == "dense" and len(shape) == 3:
        arguments = dict(item.written["dense"])
        written = {"conv": {"filters": arguments.pop("units"), "kernel": 1, **arguments}}
        return Item(written, {**item.values, "kernel": item.values["kernel"].T[:, None, None, :]})
    if item.kind == "conv" and len(shape) == 1:
        arguments = dict(item.written["conv"])
        if arguments.pop("kernel") != 1 or arguments.get("groups", 1) != 1:
            return item
        kept = {key: arguments[key] for key in ("activation", "use_bias", "l1", "l2") if key in arguments}
        written = {"dense": {"units": arguments["filters"], **kept}}
        return Item(written, {**item.values, "kernel": item.values["kernel"][:, 0, 0, :].T})
    return item
