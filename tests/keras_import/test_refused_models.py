"""Protects a user from a wrong import, and from a stranger's file: what has no counterpart is named, all at once, and
nothing is written, nothing is executed, no other file is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import needs

import snellen
from snellen.errors import SnellenError
from snellen.keras_import.convert import convert
from snellen.keras_import.graph import read_graph
from snellen.keras_import.saved_model import SavedModel, Weight, read_saved_model

GOLDEN = Path(__file__).parents[1] / "golden"
IMAGE = [None, 8, 8, 1]

pytestmark = needs("h5py")


def layer(class_name: str, name: str, *inputs: str, **config: Any) -> dict[str, Any]:
    """A layer of a functional model, in the form of Keras 2."""
    calls = [[[each, 0, 0, {}] for each in inputs]] if inputs else []
    return {"class_name": class_name, "name": name, "config": {"name": name, **config}, "inbound_nodes": calls}


def functional(*layers: dict[str, Any], output: str = "out") -> dict[str, Any]:
    first = layer("InputLayer", "in", batch_shape=IMAGE)
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [[output, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": [first, *layers], **ends}}


def out(*inputs: str, units: int = 3) -> tuple[dict[str, Any], ...]:
    return (
        layer("Flatten", "flat", *inputs),
        layer("Dense", "out", "flat", units=units, activation="softmax", use_bias=False),
    )


def weights(**arrays: Any) -> dict[str, list[Weight]]:
    return {name: [Weight("kernel", np.ones(shape, np.float32))] for name, shape in arrays.items()}


def converted(model: dict[str, Any], **arrays: Any) -> Any:
    return convert(SavedModel(model, None, weights(**arrays)))


def test_a_functional_model_of_branches() -> None:
    found = converted(functional(layer("Add", "add", "in", "in"), *out("add")), out=(64, 3))
    assert found.layers[0] == {"add": [[], []]}
    assert list(found.values) == ["dense_1.kernel"]


def test_all_that_has_no_counterpart_is_named_at_once() -> None:
    model = functional(
        layer("Lambda", "code", "in", function=["4wEAAAA=", None, None]),
        layer("Conv2D", "first", "code", filters=2, kernel_size=[3, 3], data_format="channels_first"),
        layer("Activation", "odd", "first", activation="my_function"),
        layer("ReLU", "clipped", "odd", max_value=3.0),
        layer("Reshape", "good", "clipped", target_shape=[8, 8, 2]),
        layer("my_package>Attention", "own", "good"),
        *out("own"),
    )
    with pytest.raises(SnellenError) as caught:
        converted(model)
    said = str(caught.value)
    for name in ("`code` (Lambda)", "`first` (Conv2D)", "`odd` (Activation)", "`clipped` (ReLU)", "`own` (my_package"):
        assert name in said
    assert "good" not in said and "`out`" not in said


CONV = {"filters": 1, "kernel_size": 1, "use_bias": False, "padding": "same"}
MANY = {"units": 3, "activation": "sigmoid", "use_bias": False}
TWICE = {**layer("Dropout", "drop", "in", rate=0.1), "inbound_nodes": [[["in", 0, 0]], [["drop", 0, 0]]]}
CROSSED = functional(
    layer("Conv2D", "a", "in", **CONV),
    layer("Conv2D", "b", "in", **CONV),
    layer("Add", "one", "a", "b"),
    layer("Multiply", "two", "one", "a"),
    *out("two"),
)
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a number in a call of Keras 2": (
        functional({**layer("Add", "add"), "inbound_nodes": [[["in", 0, 0, {"y": 1.0}]]]}, *out("add")),
        "is called with 1.0",
    ),
    "subclassed": ({"class_name": "MyModel", "config": {}}, "class of its own"),
    "no list of layers": ({"class_name": "Sequential", "config": {"layers": 3}}, "not as Keras writes it"),
    "shared": (functional(TWICE, *out("drop")), "`drop` is called 2 times"),
    "in a circle": (functional(layer("ReLU", "a", "b"), layer("ReLU", "b", "a"), *out("b")), "layers in a circle"),
    "ten thousand layers": (
        functional(*(layer("ReLU", f"r{n}", f"r{n + 1}") for n in range(10_000)), *out("r0")),
        "too many layers",
    ),
    "unknown input": (functional(*out("nothing")), "not as Keras writes it"),
    "branches that cross": (CROSSED, "used in several branches"),
    "softmax inside": (
        functional(layer("Softmax", "soft", "in"), *out("soft")),
        "a softmax before other layers",
    ),
    "no vector": (functional(layer("ReLU", "out", "in")), "no vector of classes"),
    "one number": (
        functional(layer("Flatten", "flat", "in"), layer("Dense", "out", "flat", units=1, use_bias=False)),
        "one output without sigmoid",
    ),
    "labels of their own": (
        functional(layer("Flatten", "flat", "in"), layer("Dense", "out", "flat", **MANY)),
        "a sigmoid for each class",
    ),
    "a joined axis": (functional(layer("Concatenate", "join", "in", "in", axis=1), *out("join")), "joins along axis 1"),
    "a reshaping": (functional(layer("Reshape", "turn", "in", target_shape=[4, 16, 1]), *out("turn")), "a reshaping"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    model, words = CASES[name]
    units = 1 if name == "one number" else 3
    arrays: dict[str, Any] = {"out": (64, units), "a": (1, 1, 1, 1), "b": (1, 1, 1, 1)}
    if name == "no vector":
        arrays = {}
    with pytest.raises(SnellenError, match=words):
        converted(model, **arrays)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "out: not the weights of this layer; found 0 arrays; expected kernel"),
        ({"out": (64, 4)}, "dense_1.kernel"),
        ({"out": (3,)}, "dense_1.kernel"),
    ],
)
def test_weights_that_are_not_those_of_the_layers(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(SnellenError, match=words):
        made(tmp_path, functional(*out("in")), arrays)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.keras"]


def unchanged(file: Any) -> None:
    """What `made` does to the weights by default."""


def made(folder: Path, model: dict[str, Any], arrays: dict[str, Any], change: Callable[[Any], None] = unchanged) -> Any:
    """Imports a `.keras` file of a configuration and arrays, whose HDF5 file is then changed."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for number, (name, shape) in enumerate(arrays.items()):
            group = file.create_group(f"layers/dense_{number}/vars")
            group.attrs["name"] = name
            group["0"] = np.full(shape, 0.5, np.float32)
        change(file)
    with zipfile.ZipFile(folder / "given.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", content.getvalue())
    return snellen.import_keras(folder / "given.keras", folder / "model")


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros((64, 3), np.float32)

    def external(file: Any) -> None:
        del file["layers/dense_0/vars/0"]
        file["layers/dense_0/vars/0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/layers/dense/vars/0")

    def virtual(file: Any) -> None:
        del file["layers/dense_0/vars/0"]
        layout = h5py.VirtualLayout((64, 3), np.float32)
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "/layers/dense/vars/0", (64, 3))
        file["layers/dense_0/vars"].create_virtual_dataset("0", layout)

    def folder(file: Any) -> None:
        del file["layers/dense_0"]
        file["layers/dense_0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/layers/dense")

    def circle(file: Any) -> None:
        file["layers/dense_0/layers"] = file["layers"]

    for change in (external, virtual, folder, circle):
        with pytest.raises(SnellenError):
            made(tmp_path, functional(*out("in")), {"out": (64, 3)}, change)
        assert not (tmp_path / "model").exists()
    assert made(tmp_path, functional(*out("in")), {"out": (64, 3)}).classes == ("0", "1", "2")


def test_numbers_that_are_none(tmp_path: Path) -> None:
    def spoil(file: Any) -> None:
        file["layers/dense_0/vars/0"][0, 0] = np.nan

    with pytest.raises(SnellenError, match="finite"):
        made(tmp_path, functional(*out("in")), {"out": (64, 3)}, spoil)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("length", [0, 4, 100, 20_000, 43_000])
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_file_that_is_cut(length: int, ending: str, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes((GOLDEN / f"keras-2.{ending}").read_bytes()[:length])
    if ending == "h5" and length > 40_000:
        return  # it is whole
    with pytest.raises(SnellenError, match="cut"):
        read_saved_model(tmp_path / "cut")


def test_one_array_with_many_names_takes_no_more_memory(tmp_path: Path) -> None:
    """Its file is 1 MB; as many arrays as it declares would be 500 MB."""

    def again(file: Any) -> None:
        for number in range(1, 500):
            file[f"layers/dense_0/vars/{number}"] = file["layers/dense_0/vars/0"]

    with pytest.raises(SnellenError, match="too many weights"):
        made(tmp_path, functional(*out("in")), {"out": (512, 512)}, again)


def test_a_configuration_of_any_length_is_not_read(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "long.h5", "w", libver="latest") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "x" * 2**21, "config": {}})
    with pytest.raises(SnellenError, match="configuration is too long"):
        read_saved_model(tmp_path / "long.h5")


@pytest.mark.parametrize("value", [None, "x", -1, [], {}, [None], [-1, -1], 1e300])
@pytest.mark.parametrize(
    "place",
    [("target_shape",), ("units",), ("activation",), ("dtype",), ("name",), ("axis",), ("config",), ("module",)],
)
def test_values_of_a_wrong_type(place: str, value: Any) -> None:
    """Nothing but a SnellenError, whatever a value is."""
    model = functional(layer("Reshape", "turn", "in", target_shape=[64]), *out("turn"))
    for each in model["config"]["layers"]:
        (each if place in ("config", "module") else each["config"])[place] = value
    with suppress(SnellenError):
        converted(model, out=(64, 3))


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros(3)
    with pytest.raises(SnellenError, match=r"only arrays.*save_weights"):
        read_saved_model(tmp_path / "weights.h5")


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text("mine")
    with pytest.raises(SnellenError, match="is there already"):
        snellen.import_keras(GOLDEN / "keras-2.h5", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model.yaml"]


def test_a_name_for_each_class(tmp_path: Path) -> None:
    with pytest.raises(SnellenError, match="found 2; expected 3 class names"):
        snellen.import_keras(GOLDEN / "keras-2.h5", tmp_path / "model", classes=["a", "b"])
    imported = snellen.import_keras(GOLDEN / "keras-2.h5", tmp_path / "model", classes=["a", "b", "c"])
    assert snellen.load_bundle(imported.bundle).classes == ("a", "b", "c")


def test_pixels_that_were_bytes(tmp_path: Path) -> None:
    images = np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8, 1)
    answers = {}
    for pixels in ("0-1", "0-255"):
        snellen.import_keras(GOLDEN / "keras-2.h5", tmp_path / pixels, pixels=pixels)
        answers[pixels] = snellen.load_bundle(tmp_path / pixels).predict(images)
    assert np.abs(answers["0-1"] - answers["0-255"]).max() > 0.01
    layers = json.loads((tmp_path / "0-255" / "model.json").read_text("utf-8"))["layers"]
    assert layers[0] == {"rescale": {"scale": 255.0, "offset": 0.0}} and layers[1].keys() == {"conv"}


def test_a_graph_in_a_model_that_is_nested_too_deep() -> None:
    model: dict[str, Any] = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
    for _ in range(40):
        model = {"class_name": "Sequential", "config": {"name": "s", "layers": [model]}}
    with pytest.raises(SnellenError, match="nested too deep"):
        read_graph(model)


def test_a_function_that_keras_2_computes_otherwise_is_refused() -> None:
    """0.2 x + 0.5 there, x / 6 + 0.5 in Keras 3, whose files have the data type as an object."""
    policy = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    of_keras_3 = layer("Activation", "a", "in", activation="hard_sigmoid", dtype=policy)
    assert converted(functional(of_keras_3, *out("a")), out=(64, 3)).layers[0] == "hard_sigmoid"
    of_keras_2 = layer("Activation", "a", "in", activation="hard_sigmoid", dtype="float32")
    with pytest.raises(SnellenError, match="of Keras 2"):
        converted(functional(of_keras_2, *out("a")))


def test_penalties_stay_where_a_convolution_becomes_a_dense_layer() -> None:
    penalty = {"class_name": "L2", "config": {"l2": 0.01}}
    pool = layer("GlobalMaxPooling2D", "pool", "in", keepdims=True)
    conv = layer("Conv2D", "c", "pool", filters=2, kernel_size=1, use_bias=False, kernel_regularizer=penalty)
    found = converted(functional(pool, conv, *out("c")), c=(1, 1, 1, 2), out=(2, 3))
    assert found.layers[1]["dense"]["l2"] == 0.01
