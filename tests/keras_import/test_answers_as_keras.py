"""Protects the promise that an imported model answers as Keras does, for every layer that is known, from both kinds of
file, without Keras."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import needs

import snellen
from snellen.keras_import.layers import CONVERSIONS, RANDOM_IMAGES
from snellen.study.document import parse

GOLDEN = Path(__file__).parents[1] / "golden"
TOLERANCE = 1e-6

pytestmark = [
    needs("h5py"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras on torch, of h5py's call
]


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_of_keras_2(ending: str, tmp_path: Path) -> None:
    """Its files have no names of layers, or not those of nested models: weights of the same shape could be mixed up."""
    expected = json.loads((GOLDEN / "keras-2.json").read_text(encoding="utf-8"))
    snellen.import_keras(GOLDEN / f"keras-2.{ending}", tmp_path / "model", pixels="0-1")
    answers = snellen.load_bundle(tmp_path / "model").predict(np.array(expected["images"], np.uint8))
    np.testing.assert_allclose(answers, expected["answers"], atol=TOLERANCE)
    assert np.ptp(answers, axis=0).min() > 0.02, "answers that differ"


def _sequential(*layers: Callable[[Any], Any], shape: tuple[int, ...] = (9, 8, 3)) -> Callable[[Any, Any], Any]:
    """A model of layers, each made by a function of keras.layers."""
    return lambda keras, L: keras.Sequential([keras.Input(shape), *(make(L) for make in layers)])


def _adapted(layer: Any, shape: tuple[int, ...]) -> Any:
    """A Normalization that has seen images."""
    layer.adapt(np.random.default_rng(3).random((20, *shape), dtype=np.float32))
    return layer


def _end(L: Any) -> Any:
    return L.Dense(3, activation="softmax")


def _inception(keras: Any, L: Any) -> Any:
    x = image = keras.Input((8, 8, 1))
    x = L.Conv2D(4, 3, padding="same", name="alpha")(L.Rescaling(1 / 255)(x))
    x = L.ReLU()(L.BatchNormalization(scale=False)(x))
    a = L.SeparableConv2D(4, 3, padding="same", activation="tanh")(x)
    b = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    x = keras.Sequential([L.Conv2D(5, 1), L.LeakyReLU()], name="inner")(L.Concatenate()([a, b, x]))
    weights = L.Conv2D(3, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(x))
    x = L.Multiply()([x, L.Conv2D(5, 1, activation="sigmoid")(weights)])
    return keras.Model(image, _end(L)(L.GlobalAveragePooling2D()(x)))


def _residual(keras: Any, L: Any) -> Any:
    """Blocks as functions make them, one of them a model called as a layer, and squeeze and excitation by Reshape."""
    image = keras.Input((9, 8, 3))
    x = L.Conv2D(4, 3, padding="same", use_bias=False)(image)
    for _ in range(2):
        inner = L.Conv2D(4, 3, padding="same", activation="elu")(x)
        x = L.Activation("relu")(L.Add()([L.BatchNormalization(center=False)(inner), x]))
    given = keras.Input((9, 8, 4))
    larger = L.Maximum()([given, L.Activation("tanh")(given)])
    x = keras.Model(given, L.Average()([L.Conv2D(4, 1)(given), given, larger]))(x)
    vector = L.Dense(4, activation="sigmoid")(L.Reshape((1, 1, 4))(L.GlobalMaxPooling2D()(x)))
    return keras.Model(image, _end(L)(L.Flatten()(L.Minimum()([x, vector]))))


def _equal_names(keras: Any, L: Any) -> Any:
    """Nested models, and a layer outside, whose layers have the same names; a sum that is an operation, no layer."""
    image = keras.Input((9, 8, 3))
    x = image
    for name in ("a", "b"):
        given = keras.Input((9, 8, 3))
        inner = L.BatchNormalization(name="norm")(L.Conv2D(3, 1, activation="tanh", name="same")(given))
        x = keras.Model(given, inner + given, name=name)(x)
    return keras.Model(image, L.Dense(3, activation="softmax", name="same")(L.GlobalAveragePooling2D()(x)))


MODELS: dict[str, Callable[[Any, Any], Any]] = {
    "inception": _inception,
    "residual": _residual,
    "equal names": _equal_names,
    "other reshapings": _sequential(
        lambda L: L.LayerNormalization(scale=False, center=False),
        lambda L: L.Conv2D(4, 3),
        lambda L: L.Reshape((7, 6, -1)),
        lambda L: L.Reshape((-1,)),
        lambda L: L.Dense(6),
        lambda L: L.BatchNormalization(axis=1),
        lambda L: L.Reshape((1, 1, -1)),
        lambda L: L.Conv2D(5, 1, activation="relu"),
        lambda L: L.Flatten(),
        _end,
    ),
    "conv": _sequential(
        lambda L: L.Conv2D(4, 3, strides=2, padding="same", activation="silu"),
        lambda L: L.ZeroPadding2D(((0, 1), (2, 1))),
        lambda L: L.Conv2D(3, 2, activation="leaky_relu", use_bias=False),
        lambda L: L.MaxPooling2D(2, strides=1, padding="same"),
        lambda L: L.AveragePooling2D(2, padding="same"),
        lambda L: L.LayerNormalization(),
        lambda L: L.ELU(0.7),
        lambda L: L.Dropout(0.3),
        lambda L: L.GlobalMaxPooling2D(),
        _end,
    ),
    "dense on images": _sequential(
        lambda L: L.Rescaling(1 / 127.5, -1.0),
        lambda L: L.RandomFlip("horizontal"),
        lambda L: L.Dense(4, activation="relu"),
        lambda L: L.ReLU(negative_slope=0.1),
        lambda L: L.Activation("linear"),
        lambda L: L.Identity(),
        lambda L: L.ActivityRegularization(0.1),
        lambda L: L.Activation("gelu"),
        lambda L: L.Flatten(),
        lambda L: L.Dense(3),
        lambda L: L.Softmax(),
    ),
    "windows": _sequential(
        lambda L: L.Conv2D(6, (3, 2), strides=(2, 1), padding="same", groups=3, activation="relu"),
        lambda L: L.Conv2D(6, 2, dilation_rate=(2, 1), kernel_regularizer="l1"),
        lambda L: L.DepthwiseConv2D((1, 2), depth_multiplier=2),
        lambda L: L.SeparableConv2D(5, (2, 1), padding="same", dilation_rate=2),
        lambda L: L.MaxPooling2D((1, 2), strides=(1, 1)),
        lambda L: L.Flatten(),
        _end,
    ),
    "normalised": _sequential(
        lambda L: _adapted(L.Normalization(), (9, 8, 3)),
        lambda L: L.Conv2D(4, 3),
        lambda L: L.PReLU(shared_axes=[1, 2]),
        lambda L: L.SpatialDropout2D(0.2),
        lambda L: _adapted(L.Normalization(axis=None), (7, 6, 4)),
        lambda L: L.Conv2D(4, 3, activation="relu6"),
        lambda L: L.PReLU(),
        lambda L: L.Normalization(mean=0.5, variance=2.0),
        lambda L: L.GaussianNoise(0.1),
        lambda L: L.ReLU(max_value=6.0),
        lambda L: L.Flatten(),
        lambda L: L.UnitNormalization(),
        lambda L: L.Dense(8, activation="mish"),
        lambda L: L.GaussianDropout(0.1),
        lambda L: L.Dense(8, activation="hard_swish"),
        lambda L: L.AlphaDropout(0.1),
        lambda L: L.Activation("selu"),
        _end,
    ),
    "vectors": _sequential(
        lambda L: L.Dense(5, activation="relu", kernel_regularizer="l2"), lambda L: L.Dense(3), shape=(64,)
    ),
    "vectors of bytes": _sequential(
        lambda L: L.Rescaling(1 / 255), lambda L: L.Dense(5, activation="tanh"), _end, shape=(64,)
    ),
    "bytes behind a margin": _sequential(
        lambda L: L.ZeroPadding2D(1), lambda L: L.Rescaling(1 / 127.5, -1.0), lambda L: L.Flatten(), _end
    ),
    "reshaped vectors": _sequential(
        lambda L: L.Reshape((8, 6, 1)), lambda L: L.Conv2D(3, 3), lambda L: L.GlobalAveragePooling2D(), shape=(48,)
    ),
    "images without channels": _sequential(
        lambda L: L.Reshape((8, 6, 1)), lambda L: L.Conv2D(2, 3), lambda L: L.Flatten(), _end, shape=(8, 6)
    ),
    "two classes": _sequential(lambda L: L.Flatten(), lambda L: L.Dense(1, activation="sigmoid")),
    "two classes, its sigmoid apart": _sequential(
        lambda L: L.Flatten(), lambda L: L.Dense(1, use_bias=False), lambda L: L.Activation("sigmoid")
    ),
}


def answered(model: Any, images: np.ndarray, is_bytes: bool) -> np.ndarray:
    """What Keras answers, as probabilities of all classes."""
    given = images.astype(np.float32) if is_bytes else images / np.float32(255)
    answers = np.asarray(model.predict(given.reshape(len(given), *model.input_shape[1:]), verbose=0), np.float64)
    if answers.shape[1] == 1:
        return np.concatenate([1 - answers, answers], axis=1)
    if not np.allclose(answers.sum(1), 1, atol=1e-4):
        answers = np.exp(answers - answers.max(1, keepdims=True))
    return np.asarray(answers / answers.sum(1, keepdims=True))


@needs("keras")
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", MODELS)
def test_answers(name: str, ending: str, tmp_path: Path) -> None:
    import keras

    model, random = MODELS[name](keras, keras.layers), np.random.default_rng(1)
    for weight in model.weights:
        if "count" not in weight.path:
            low = 0.5 if "variance" in weight.path or "gamma" in weight.path else -0.4
            weight.assign(random.uniform(low, low + 0.8, weight.shape))
    model.save(tmp_path / f"given.{ending}")
    imported = snellen.import_keras(tmp_path / f"given.{ending}", tmp_path / "model")
    images = random.integers(0, 256, (7, *imported.network.input_shape), dtype=np.uint8)
    answers = snellen.load_bundle(tmp_path / "model").predict(images)
    expected = answered(model, images, "Rescaling" in str(model.get_config()))
    np.testing.assert_allclose(answers, expected, atol=TOLERANCE)
    assert np.ptp(answers, axis=0).min() > 1e-4, "answers that differ"
    study = parse(imported.study.read_text(encoding="utf-8"), "study.yaml").study()
    assert len(study.models["model"].layers) >= len(imported.network.layers) - 2  # the last, and a rescaling by 1


def _custom(keras: Any, L: Any) -> Any:
    class ReLU(L.ReLU):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * x

    return _sequential(lambda L: ReLU(), lambda L: L.Flatten(), _end)(keras, L)


def _summed_with_a_number(keras: Any, L: Any) -> Any:
    image = keras.Input((9, 8, 3))
    return keras.Model(image, _end(L)(L.Flatten()(image + 1.0)))


def _rows_joined(keras: Any, L: Any) -> Any:
    image = keras.Input((9, 8))
    return keras.Model(image, _end(L)(L.Flatten()(L.Concatenate()([image, L.ReLU()(image)]))))


OTHERWISE: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a class of the user with a name of Keras": (_custom, "no such layer"),
    "a number added": (_summed_with_a_number, "is called with 1.0"),
    "rows joined": (_rows_joined, "images without channels"),
    "rows normalised": (
        _sequential(lambda L: L.UnitNormalization(), lambda L: L.Flatten(), _end, shape=(9, 8)),
        "images without channels",
    ),
    "a column": (
        _sequential(
            *(lambda L: L.Flatten(), lambda L: L.Dense(4), lambda L: L.Reshape((4, 1))),
            *(lambda L: L.UnitNormalization(), lambda L: L.Flatten(), _end),
        ),
        "images without channels",
    ),
    "channels first in Flatten": (
        _sequential(lambda L: L.Conv2D(4, 3), lambda L: L.Flatten(data_format="channels_first"), _end),
        "channels first",
    ),
    "softmax along axis 1": (
        _sequential(
            lambda L: L.Conv2D(3, 1), lambda L: L.GlobalAveragePooling2D(keepdims=True), lambda L: L.Softmax(axis=1)
        ),
        "another axis",
    ),
    "relu before the sigmoid": (
        _sequential(lambda L: L.Flatten(), lambda L: L.Dense(1, activation="relu"), lambda L: L.Activation("sigmoid")),
        "a sigmoid at the end",
    ),
    "two sigmoids": (
        _sequential(
            lambda L: L.Flatten(), lambda L: L.Dense(1, activation="sigmoid"), lambda L: L.Activation("sigmoid")
        ),
        "a sigmoid at the end",
    ),
    "numbers of 16 bits": (
        _sequential(lambda L: L.Flatten(), lambda L: L.Dense(3, dtype="bfloat16")),
        "stored as bfloat16",
    ),
}


@needs("keras")
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", OTHERWISE)
def test_what_would_answer_otherwise_is_refused(name: str, ending: str, tmp_path: Path) -> None:
    import keras

    make, words = OTHERWISE[name]
    if ending == "h5" and make is _custom:
        pytest.skip("HDF5 files name classes without their modules")
    make(keras, keras.layers).save(tmp_path / f"given.{ending}")
    with pytest.raises(snellen.errors.SnellenError, match=words):
        snellen.import_keras(tmp_path / f"given.{ending}", tmp_path / "model")
    assert not (tmp_path / "model").exists()


@needs("keras")
def test_that_keras_computed_in_16_bits_is_said(tmp_path: Path) -> None:
    import keras

    model = _sequential(lambda L: L.Flatten(), lambda L: L.Dense(3, dtype="mixed_float16"))(keras, keras.layers)
    model.save(tmp_path / "given.keras")
    imported = snellen.import_keras(tmp_path / "given.keras", tmp_path / "model")
    assert any("1 layers in 16 bits" in remark for remark in imported.remarks)


@needs("keras")
def test_every_layer_that_is_known_is_in_one_of_these_models() -> None:
    import keras

    configs = [make(keras, keras.layers).get_config() for make in MODELS.values()]
    used = {layer["class_name"] for config in configs for layer in _layers(config)}
    known = CONVERSIONS.keys() - set(RANDOM_IMAGES)
    assert known <= used


def _layers(config: Any) -> list[Any]:
    found = config.get("layers", [])
    return [each for layer in found for each in (layer, *_layers(layer["config"]))]


@needs("keras")
def test_the_study_has_the_optimizer_of_the_file(tmp_path: Path) -> None:
    import keras

    model = MODELS["two classes"](keras, keras.layers)
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True), "mean_squared_error")
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"{ending}.{ending}")
        text = snellen.import_keras(tmp_path / f"{ending}.{ending}", tmp_path / ending).study.read_text("utf-8")
        assert "optimizer: {sgd: {momentum: 0.9, nesterov: true}}, learning_rate: 0.02" in text
        assert "# Its loss is mean_squared_error; here it is the cross-entropy." in text
