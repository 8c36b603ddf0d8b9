"""Writes tests/golden/keras_curves.json: the losses Keras gets from the networks and batches of tests/keras_cases.py.

Run by hand, where keras and tensorflow-cpu are installed, from the top of the repository (ten minutes on 2 cores):

    PYTHONPATH=src:tests python scripts/keras_curves.py

With names of networks it makes only their curves, and those that are missing, and keeps the others.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import keras_cases as cases
import numpy as np
import tensorflow as tf

GOLDEN = Path("tests/golden/keras_curves.json")

COMMAND = "PYTHONPATH=src:tests python scripts/keras_curves.py"

OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "nadam": keras.optimizers.Nadam,
    "adamax": keras.optimizers.Adamax,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "lion": keras.optimizers.Lion,
}


def leaky_relu(name: str, **arguments: float) -> Any:
    """keras.layers.LeakyReLU, without TensorFlow's rounding of the slope to float32 whatever the precision."""
    slope = keras.layers.LeakyReLU(**arguments).negative_slope
    return keras.layers.Activation(lambda x: keras.ops.where(x < 0, slope * x, x), name=name)


def gelu(x: Any) -> Any:
    """keras.activations.gelu, without TensorFlow's rounding of the root of 2 to float32 whatever the precision."""
    return 0.5 * x * (1 + keras.ops.erf(x / tf.constant(2**0.5, x.dtype)))


EXACT = {"gelu": gelu}


def celu(name: str, alpha: float = 1.0) -> Any:
    """keras.activations.celu as a layer."""
    return keras.layers.Activation(lambda x: keras.activations.celu(x, alpha=alpha), name=name)


def function(activation: str) -> Any:
    """A layer that is one of Keras's activation functions."""
    return lambda name: keras.layers.Activation(EXACT.get(activation, activation), name=name)


LAYERS: dict[str, tuple[Any, str]] = {
    "flatten": (keras.layers.Flatten, ""),
    "dense": (keras.layers.Dense, "units"),
    "conv": (keras.layers.Conv2D, "filters"),
    "depthwise_conv": (keras.layers.DepthwiseConv2D, ""),
    "separable_conv": (keras.layers.SeparableConv2D, ""),
    "zero_pad": (keras.layers.ZeroPadding2D, "padding"),
    "max_pool": (keras.layers.MaxPooling2D, "pool_size"),
    "average_pool": (keras.layers.AveragePooling2D, "pool_size"),
    "global_max_pool": (keras.layers.GlobalMaxPooling2D, ""),
    "global_average_pool": (keras.layers.GlobalAveragePooling2D, ""),
    "dropout": (keras.layers.Dropout, "rate"),
    "spatial_dropout": (keras.layers.SpatialDropout2D, "rate"),
    "gaussian_noise": (keras.layers.GaussianNoise, "stddev"),
    "gaussian_dropout": (keras.layers.GaussianDropout, "rate"),
    "alpha_dropout": (keras.layers.AlphaDropout, "rate"),
    "batch_norm": (keras.layers.BatchNormalization, ""),
    "layer_norm": (keras.layers.LayerNormalization, ""),
    "unit_norm": (keras.layers.UnitNormalization, ""),
    "normalization": (keras.layers.Normalization, ""),
    "rescale": (keras.layers.Rescaling, "scale"),
    "relu": (keras.layers.ReLU, ""),
    "leaky_relu": (leaky_relu, "negative_slope"),
    "elu": (keras.layers.ELU, "alpha"),
    "prelu": (keras.layers.PReLU, "shared_axes"),
    "celu": (celu, "alpha"),
    **{name: (function(name), "") for name in ("gelu", "silu", "tanh", "sigmoid")},
    **{name: (function(name), "") for name in cases.MORE_FUNCTIONS if name != "celu"},
}
"""Kind -> layer and the argument that may stand alone."""

MERGES = {
    "add": keras.layers.Add,
    "average": keras.layers.Average,
    "concatenate": keras.layers.Concatenate,
    "maximum": keras.layers.Maximum,
    "minimum": keras.layers.Minimum,
    "multiply": keras.layers.Multiply,
}
"""Layers of several branches."""

RENAMED = {"kernel": "kernel_size", "size": "pool_size", "dilation": "dilation_rate"}
"""Arguments that Keras calls otherwise."""

WITHOUT = "initializer"
"""The argument that changes nothing here, for the weights are given."""


def chain(items: Iterable[Any], x: Any, prefix: str = "") -> Any:
    """The output of the layers for input `x`; they are named "conv_1", "skip_1.conv_1" ... as Snellen names them."""
    count: Counter[str] = Counter()
    for item in items:
        kind, given = next(iter(item.items())) if isinstance(item, dict) else (item, {})
        count[kind] += 1
        name = f"{prefix}{kind}_{count[kind]}"
        if kind == "skip":
            x = skip(given, x, f"{name}.")
        elif kind in MERGES:
            x = MERGES[kind]()([chain(each, x, f"{name}.branch_{place}.") for place, each in enumerate(given, 1)])
        else:
            x = layer(kind, given, name)(x)
    return x


def skip(given: Any, x: Any, prefix: str) -> Any:
    """The sum of both branches; an empty shortcut is x."""
    both = given if isinstance(given, dict) else {"layers": given}
    beside = chain(both.get("shortcut", []), x, f"{prefix}shortcut.")
    return keras.layers.Add()([beside, chain(both["layers"], x, prefix)])


def layer(kind: str, given: Any, name: str) -> Any:
    """One Keras layer; `given` is a dict of arguments, or the one that stands alone."""
    make, alone = LAYERS[kind]
    arguments = dict(given) if isinstance(given, dict) else {alone: given}
    penalties = {key: arguments.pop(key) for key in ("l1", "l2") if key in arguments}
    if penalties:
        arguments["kernel_regularizer"] = keras.regularizers.L1L2(**penalties)
    if "activation" in arguments:
        arguments["activation"] = EXACT.get(arguments["activation"], arguments["activation"])
    return make(**{RENAMED.get(key, key): value for key, value in arguments.items() if key != WITHOUT}, name=name)


def build(network: str) -> Any:
    """The Keras model with its initial weights set."""
    definition = cases.NETWORKS[network]
    x = keras.Input(definition.input_shape)
    model = keras.Model(x, chain([*definition.layers, {"dense": cases.CLASSES}], x))
    for weight in model.weights:
        weight.assign(cases.initial(network, weight.path.replace("/", "."), weight.shape))
    return model


def optimizer(network: str, name: str) -> Any:
    """The Keras optimizer. In float64 its numbers are NumPy's, because Keras casts a Python float by way of float32."""
    kind, values = cases.settings(network, name, keras.config.floatx())
    built = OPTIMIZERS[kind](**values)
    if keras.config.floatx() == "float64":
        for key, value in vars(built).items():
            if type(value) is float:
                setattr(built, key, np.float64(value))
    return built


def curve(network: str, optimizer_name: str, dtype: str) -> tuple[list[float], list[float]]:
    """Loss of every training step, without penalties, and the mean logits (K,), afterwards, of the batch that is only
    predicted."""
    keras.backend.clear_session()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    model, chosen = build(network), optimizer(network, optimizer_name)
    loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses: list[np.floating] = []
    for step in range(cases.STEPS[dtype]):
        images, labels = cases.batch(network, step % cases.ROUND)
        with tf.GradientTape() as tape:
            loss = loss_function(labels, model(images.astype(dtype), training=True))
            with_penalties = sum(model.losses, loss)
        chosen.apply(tape.gradient(with_penalties, model.trainable_variables), model.trainable_variables)
        losses.append(loss.numpy())
    images, _ = cases.batch(network, cases.ROUND)
    logits = model(images.astype(dtype), training=False).numpy()
    check(network, model)
    return digits(losses), digits(logits.mean(axis=0))


def digits(values: Iterable[np.floating]) -> list[float]:
    """The values with no more digits than tell them apart in their own precision."""
    return [float(str(value)) for value in values]


def check(network: str, model: Any) -> None:
    """Refuses a curve that would prove little: a weight that never moved belongs to a dead unit."""
    for weight in model.weights:
        if np.array_equal(weight, cases.initial(network, weight.path.replace("/", "."), weight.shape)):
            raise SystemExit(f"{network}: {weight.path} never moved; change SEED in tests/keras_cases.py")


def entry(network: str, optimizer_name: str) -> dict[str, list[float]]:
    """One case in both precisions."""
    float64, logits = curve(network, optimizer_name, "float64")
    float32, _ = curve(network, optimizer_name, "float32")
    print(network, optimizer_name, float64[0], "->", float64[-1], file=sys.stderr)
    return {"float64": float64, "logits": logits, "float32": float32}


def kept(made_with: dict[str, str], networks: list[str]) -> dict[str, dict[str, list[float]]]:
    """The stored curves of all networks but these; none may come from other versions."""
    if not networks:
        return {}
    stored = json.loads(GOLDEN.read_text(encoding="utf-8"))
    if stored["made with"] != made_with:
        raise SystemExit(f"stored curves were made with {stored['made with']}, not {made_with}: make them all anew")
    return {name: values for name, values in stored["curves"].items() if name.split(" / ")[0] not in networks}


def main() -> None:
    """Every network with every optimizer; of the stored curves, those of the networks named as arguments anew."""
    made_with = {"command": COMMAND, "keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
    stored = kept(made_with, sys.argv[1:])
    curves = {f"{name} / {by}": stored.get(f"{name} / {by}") or entry(name, by) for name, by in cases.CASES}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in curves.items())
    text = f'{{"made with": {json.dumps(made_with)},\n"curves": {{\n{lines}\n}}}}\n'
    GOLDEN.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
