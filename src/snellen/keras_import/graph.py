"""The layers of a saved model and how they are connected: nested models unfolded, one input, one output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from snellen.errors import BundleError
from snellen.limits import MAX_LAYERS

Config = Mapping[str, Any]
INPUT = 0
"""The node of the input."""

MODELS = ("Sequential", "Functional", "Model")
KERAS = ("keras", "tf_keras", "tensorflow")
MERGING_OPERATIONS = ("Add", "Multiply", "Maximum", "Minimum", "Concatenate")
"""Operations of keras.ops, such as the sum `x + y`, that compute what the layer of their name does."""

MAX_NESTING = 16
SHAPE_KEYS = ("batch_shape", "batch_input_shape", "build_input_shape")


@dataclass(frozen=True)
class Node:
    """A layer and the nodes whose outputs it gets. path: names of nested models and of the layer. stored: the same by
    class and number ("#conv2d_1"), for files of Keras 2 that have no names."""

    path: str
    stored: str
    class_name: str
    config: Config
    inputs: tuple[int, ...]


@dataclass
class Graph:
    """nodes: in an order in which each comes after its inputs; the first is the input. output: the last node's number.
    input_shape: without the batch axis. problems: what cannot be followed, a sentence each."""

    nodes: list[Node] = field(default_factory=list)
    output: int = INPUT
    input_shape: tuple[int, ...] = ()
    problems: list[str] = field(default_factory=list)


def read_graph(model: Config) -> Graph:
    """The graph of a configuration {"class_name", "config"}. Raises BundleError for what is no model of layers."""
    graph = Graph(nodes=[Node("input", "input", "InputLayer", {}, ())])
    try:
        graph.output = _add_model(graph, model, INPUT, "", "", 0)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError("the configuration of the model is not as Keras writes it", found=str(error)) from error
    return graph


def class_of(entry: Config) -> str:
    """The class of a layer; of one that is not Keras's own layer with its module, as it computes what its code says."""
    name, module = str(entry["class_name"]), str(entry.get("module") or KERAS[0])
    registered = str(entry.get("registered_name"))
    if ">" in registered:
        return registered
    first, *inner = module.split(".")
    if first in KERAS and ("ops" not in inner or name in MERGING_OPERATIONS):
        return name
    return f"{module}.{name}"


def _add_model(graph: Graph, model: Config, given: int, path: str, stored: str, depth: int) -> int:
    """Adds the layers of a model whose input is node `given`; the number of its output."""
    kind = class_of(model)
    if kind not in MODELS or depth > MAX_NESTING:
        raise BundleError(
            "a model of a class of its own" if kind not in MODELS else "models nested too deep",
            found=kind,
            expected="Sequential or Functional",
            hint="The layers of a subclassed model are in its code, which is not in the file.",
        )
    config = model["config"]
    layers = config if isinstance(config, list) else config["layers"]
    if len(layers) > MAX_LAYERS:
        raise BundleError("too many layers", found=f"{len(layers):,}", expected=f"at most {MAX_LAYERS:,}")
    names = _stored_names(layers)
    prefixes = path, stored
    if kind == "Sequential":
        _note_input(graph, config if isinstance(config, dict) else {}, given)
        for layer, name in zip(layers, names, strict=True):
            given = _add_layer(graph, layer, name, (given,), prefixes, depth)
        return given
    stored_names = dict(zip(map(_name, layers), names, strict=True))
    return _add_functional(graph, config, stored_names, given, prefixes, depth)


def _add_functional(
    graph: Graph, config: Config, names: Mapping[str, str], given: int, prefixes: tuple[str, str], depth: int
) -> int:
    layers = {_name(layer): layer for layer in config["layers"]}
    inputs = {name: _inputs(layer.get("inbound_nodes", []), name) for name, layer in layers.items()}
    (first,), (last,) = (_histories(config[key], "the model") for key in ("input_layers", "output_layers"))
    if first not in layers:
        raise KeyError(first)
    needed = _all_before(last, inputs)
    done: dict[str, int] = {}
    for name in _in_order({name: inputs[name] for name in layers if name in needed}):
        calls = len(layers[name].get("inbound_nodes", []))
        if calls > 1:
            graph.problems.append(f"`{name}` is called {calls} times: its weights are shared")
        for value in _constants(layers[name].get("inbound_nodes", [])):
            graph.problems.append(f"`{name}` is called with {str(value)[:80]}, which is no output of a layer")
            break
        numbers = tuple(done[each] for each in inputs[name]) or (given,)
        done[name] = _add_layer(graph, layers[name], names[name], numbers, prefixes, depth)
    return done[last]


def _all_before(last: str, inputs: Mapping[str, Sequence[str]]) -> set[str]:
    """A layer and all that it is computed from."""
    found, waiting = {last}, [last]
    while waiting:
        new = set(inputs[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def _in_order(inputs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Names, each after those of its inputs."""
    waiting = dict(inputs)
    while waiting:
        ready = [name for name, before in waiting.items() if not waiting.keys() & set(before)]
        if not ready:
            raise BundleError("layers in a circle", found=", ".join(list(waiting)[:5]))
        for name in ready:
            del waiting[name]
        yield from ready


def _add_layer(
    graph: Graph, layer: Config, stored: str, inputs: tuple[int, ...], prefixes: tuple[str, str], depth: int
) -> int:
    kind, config = class_of(layer), layer["config"]
    if not isinstance(config, dict) and kind not in MODELS:
        raise TypeError(f"{_name(layer)} has no configuration")
    path, stored = f"{prefixes[0]}{_name(layer)}", f"{prefixes[1]}{stored}"
    if kind == "InputLayer":
        _note_input(graph, config, inputs[0])
        return inputs[0]
    if kind in MODELS:
        if len(inputs) != 1:
            graph.problems.append(f"`{path}` is a model with {len(inputs)} inputs")
        return _add_model(graph, layer, inputs[0], f"{path}/", f"{stored}/", depth + 1)
    _note_input(graph, config, inputs[0])
    if len(graph.nodes) > MAX_LAYERS:
        raise BundleError("too many layers", expected=f"at most {MAX_LAYERS:,}")
    graph.nodes.append(Node(path, stored, kind, config, inputs))
    return len(graph.nodes) - 1


def _note_input(graph: Graph, config: Config, given: int) -> None:
    """The shape of the input, where a configuration has it: of the input layer, or of the first layer."""
    shape = next((config[key] for key in SHAPE_KEYS if config.get(key)), None)
    if shape is not None and given == INPUT and not graph.input_shape:
        if not all(type(size) is int and size > 0 for size in shape[1:]):
            raise BundleError("the model takes images of any size", found=str(shape), expected="a size that is fixed")
        graph.input_shape = tuple(shape[1:])


def _name(layer: Config) -> str:
    return str(layer.get("name") or layer["config"]["name"])


def _histories(value: Any, owner: str) -> list[str]:
    """Names of layers in a list of ["name", node, tensor], or in one of these."""
    if isinstance(value, dict) or not value:
        raise BundleError("inputs and outputs by name", where=owner, expected="one input and one output")
    items = [value] if isinstance(value[0], str) else value
    if len(items) != 1:
        raise BundleError(f"{owner} has several inputs or outputs", found=len(items), expected="one of each")
    return [str(item[0]) for item in items]


def _inputs(calls: Sequence[Any], name: str) -> Sequence[str]:
    """The layers whose outputs the first call of a layer gets: {"args", "kwargs"} of Keras 3, or
    [["name", node, tensor, {}], ...]. Empty for an input layer."""
    if not calls:
        return []
    if isinstance(calls[0], dict):
        return [str(each[0]) for each in _tensors([calls[0]["args"], calls[0].get("kwargs", {})])]
    items = [calls[0]] if calls[0] and isinstance(calls[0][0], str) else calls[0]
    if not items:
        raise BundleError("a layer without input", where=name)
    return [str(item[0]) for item in items]


def _constants(calls: Sequence[Any]) -> Iterator[Any]:
    """What the first call of a layer gets beside the outputs of layers, without what has no effect: None, and, in files
    of Keras 3, `training`, over which its `predict` decides."""
    if calls and isinstance(calls[0], dict):
        kwargs = {key: value for key, value in calls[0].get("kwargs", {}).items() if key != "training"}
        yield from _leaves([calls[0]["args"], kwargs])
    elif calls:
        items = [calls[0]] if isinstance(calls[0][0], str) else calls[0]
        given = [value for item in items for more in item[3:] for value in more.values()]
        yield from (value for value in given if value not in (None, False))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def _tensors(value: Any) -> Iterator[Sequence[Any]]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield value["config"]["keras_history"]
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def _stored_names(layers: Sequence[Config]) -> list[str]:
    """How Keras numbers layers of a class: "#conv2d", "#conv2d_1"."""
    counts: Counter[str] = Counter()
    names = []
    for layer in layers:
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", str(layer["class_name"]))
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
        names.append(f"#{kind}_{counts[kind]}" if counts[kind] else f"#{kind}")
        counts[kind] += 1
    return names
