"""The study that would train an imported network, with the optimizer of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snellen.keras_import.layers import shortest
from snellen.models.layers import LAYERS
from snellen.train.optimizers import OPTIMIZERS

OWN_NAMES = {name.lower(): name for name in OPTIMIZERS}
"""Keras's classes in lower case are the names here."""
KEPT = ("momentum", "nesterov", "rho", "beta_1", "beta_2", "epsilon", "initial_accumulator_value")
CROSS_ENTROPIES = ("crossentropy", "CategoricalCrossentropy", "BinaryCrossentropy")


def study_text(name: str, file: str, layers: tuple[Any, ...], training: Mapping[str, Any] | None) -> str:
    """A study file. layers: the last one, to the classes, included: a study leaves it out."""
    train, notes = _train(training or {})
    return "\n".join(
        [
            f"# The network of {file}, to be trained on your images: its layers, not its weights.",
            *(f"# {note}" for note in notes),
            f"study: {name}",
            "data: {source: PATH-OF-YOUR-IMAGES}",
            "models:",
            f"  {name}:",
            "    layers:",
            *_lines(layers[:-1], "      "),
            f"train: {_flow(train)}",
            "",
        ]
    )


def _lines(layers: tuple[Any, ...] | list[Any], indent: str) -> Iterator[str]:
    """A layer a line; branches below their layer."""
    if not layers:
        yield f"{indent}[]"
    for layer in layers:
        [(kind, arguments)] = layer.items() if isinstance(layer, dict) else [(layer, None)]
        if not isinstance(arguments, list):
            yield f"{indent}- {_layer(layer)}"
            continue
        yield f"{indent}- {kind}:"
        for branch in arguments:
            yield f"{indent}    - {_flow([_short(each) for each in branch])}"


def _layer(layer: Any) -> str:
    """A layer without the arguments that are as usual, and without braces around it: an item of a list has none."""
    text = _flow(_short(layer))
    return text[1:-1] if text.startswith("{") else text


def _short(layer: Any) -> Any:
    if isinstance(layer, str):
        return layer
    [(kind, arguments)] = layer.items()
    if isinstance(arguments, list):
        return {kind: [[_short(each) for each in branch] for branch in arguments]}
    fields, shorthand = LAYERS[kind].model_fields, LAYERS[kind].shorthand
    kept = {key: value for key, value in arguments.items() if value != fields[key].default}
    if not kept:
        return kind
    return {kind: kept[shorthand] if shorthand and set(kept) == {shorthand} else kept}


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _train(training: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The section `train`, and what the file does not say or says otherwise."""
    notes = ["Epochs, batch size and the split are not in a file of Keras: see to them."]
    stored = training.get("optimizer") or training.get("optimizer_config")
    settings: dict[str, Any] = {"epochs": 20, "batch_size": 32}
    if isinstance(stored, Mapping) and isinstance(stored.get("config"), Mapping):
        class_name = str(stored.get("class_name")).removeprefix("Custom>")
        name, config = OWN_NAMES.get(class_name.lower()), stored["config"]
        if name is None:
            notes.append(f"Its optimizer, {class_name[:80]}, is not known here: Adam stands for it.")
        else:
            settings = {**_optimizer(name, config), **settings}
        if not isinstance(config.get("learning_rate"), (int, float)):
            notes.append("Its learning rate follows a schedule: write it as `schedule`.")
    loss = training.get("loss")
    loss_name = loss.get("class_name") if isinstance(loss, Mapping) else loss
    if loss_name is not None and not str(loss_name).endswith(CROSS_ENTROPIES):
        notes.append(f"Its loss is {str(loss_name)[:80]}; here it is the cross-entropy.")
    return settings, notes


def _optimizer(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    usual = OPTIMIZERS[name]
    arguments = {
        key: shortest(config[key])
        for key in KEPT
        if key in usual.model_fields
        and isinstance(config.get(key), (int, float))
        and shortest(config[key]) != usual.model_fields[key].default
    }
    settings: dict[str, Any] = {"optimizer": {name: arguments} if arguments else name}
    for key in ("learning_rate", "weight_decay"):
        if isinstance(config.get(key), (int, float)) and not isinstance(config[key], bool):
            settings[key] = shortest(config[key])
    return settings
