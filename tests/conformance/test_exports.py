"""Protects exports of every layer: the inference graph, run by torch and written as ONNX, gives what the layer gives in
evaluation, and a layer without an export is refused by name."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from conformance.test_layers import CASES, Case
from graph_module import OPERATIONS as TORCH_OPERATIONS
from graph_module import GraphModule
from pydantic import TypeAdapter
from torch import Tensor

from snellen.deploy.model import Model
from snellen.errors import ExportError
from snellen.export.gate import Answers, answers_of, expect_equal_answers, real_pictures
from snellen.export.onnx_file import OPERATIONS as ONNX_OPERATIONS
from snellen.export.onnx_file import export_onnx, onnx_answers, onnx_bytes
from snellen.models import chain
from snellen.models.build import Network, assemble, build, parse_layers
from snellen.models.bundle import Description, Input
from snellen.models.bundle_optional_sections import Sections
from snellen.models.features import FEATURES, AnyFeature
from snellen.models.fit import fit
from snellen.models.inference_graph import InferenceGraph
from snellen.models.layer import Layer, Shape, Step, Tensors
from snellen.models.views import Views

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{json.dumps(case.written)} on {case.input}")
TOLERANCES = {"reference": 2e-6, "runtime": 1e-5}
"""ONNX Runtime has a tanh of its own."""
STEPS: dict[str, Any] = {
    "standardise": "standardise",
    "pca": {"pca": 4},
    "whiten": "whiten",
    "whiten_patches": {"whiten_patches": {"kernel": 2, "keep": 3, "padding": "same"}},
    "top_pixels": {"top_pixels": {"count": 5, "by": "anova"}},
}


def _network(case: Case) -> Network:
    """The layer in a network for images; where it takes vectors, they are flattened first."""
    before = [] if len(case.input) == 3 else ["flatten"]
    shape = case.input if len(case.input) == 3 else (1, case.input[0], 1)
    return build([*before, case.written, "flatten"], shape, 3)


def _values(network: Network) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Moved from their start, so that zeros and ones cannot hide an error."""
    random = torch.Generator().manual_seed(5)
    parameters, state = network.init((7,))
    moved = [
        {name: value + 0.5 * torch.rand(value.shape, generator=random) for name, value in each.items()}
        for each in (parameters, state)
    ]
    return moved[0], moved[1]


def _model(network: Network, values: tuple[dict[str, Tensor], dict[str, Tensor]], **sections: Any) -> Model:
    height, width, channels = network.input_shape
    description = Description(
        name="m",
        study="s",
        job="j",
        input=Input(height=height, width=width, channels=channels, pixel_range=(-0.5, 1.5)),
        classes=("a", "b", "c"),
        layers=[placed.layer.model_dump(mode="json") for placed in network.layers],
        weights_sha256=hashlib.sha256(b"").hexdigest(),
        **sections,
    )
    return Model(description, network, *values)


def _images(network: Network, rows: int = 7) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.5, 1.5, (rows, *network.input_shape)).astype(np.float32)


@every_case
def test_the_graph_gives_what_the_layer_gives(case: Case) -> None:
    """Run by torch, in float32, on negative values too."""
    parameters, state = ({name: value.float() for name, value in each.items()} for each in case.values((7,)))
    graph = InferenceGraph(case.input)
    arrays = {name: value[0].numpy() for name, value in {**parameters, **state}.items()}
    found = chain.add_to(graph, [case.placed()], graph.image, arrays)
    assert found.shape == case.output
    x = case.images((7,)).float()
    expected, _ = chain.apply([case.placed()], parameters, state, x, Step("evaluate"))
    torch.testing.assert_close(GraphModule(graph)(x[0]), expected[0], rtol=1e-5, atol=2e-6)


@every_case
@pytest.mark.parametrize("run_by", ["reference", "runtime"])
def test_onnx_answers_as_the_model_does(case: Case, run_by: Literal["reference", "runtime"]) -> None:
    network = _network(case)
    model = _model(network, _values(network))
    answers = onnx_answers(onnx_bytes(model), run_by)
    expect_equal_answers(model, answers, _images(network), "the file", TOLERANCES[run_by])


@pytest.mark.parametrize("views", [["flip"], ["shift"], ["flip", "shift"]])
@pytest.mark.parametrize("run_by", ["reference", "runtime"])
def test_views_are_inside(views: list[str], run_by: Literal["reference", "runtime"]) -> None:
    layers = parse_layers([{"conv": {"filters": 2, "kernel": 3}}, "flatten", {"dense": 3}])
    network = assemble((Views(views=views), *layers), (5, 6, 2), 3)
    model = _model(network, _values(network))
    expect_equal_answers(
        model, onnx_answers(onnx_bytes(model), run_by), _images(network), "the file", TOLERANCES[run_by]
    )


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("run_by", ["reference", "runtime"])
def test_feature_steps_are_inside(name: str, run_by: Literal["reference", "runtime"]) -> None:
    step = TypeAdapter(AnyFeature).validate_python(STEPS[name])
    network = assemble((step, *parse_layers(["flatten", {"dense": 3}])), (5, 6, 2), 3)
    training = np.random.default_rng(4).uniform(-0.5, 1.5, (60, 5, 6, 2)).astype(np.float32)
    fitted = fit(network, training, np.arange(60) % 3, (-0.5, 1.5), 0)
    parameters, state = network.init((7,))
    state |= {name: torch.as_tensor(value, dtype=torch.float32) for name, value in fitted.items()}
    model = _model(network, (parameters, state))
    expect_equal_answers(
        model, onnx_answers(onnx_bytes(model), run_by), _images(network), "the file", TOLERANCES[run_by]
    )


@pytest.mark.parametrize("run_by", ["reference", "runtime"])
def test_temperature_and_thresholds_are_inside(run_by: Literal["reference", "runtime"]) -> None:
    """Answers above the threshold of their class and of any class, and below one or the other, are all there."""
    network = build(["flatten"], (5, 6, 2), 3)
    measured = {"measure": "precision", "target": 0.9, "provable": 0.9, "delta": 0.1, "hits": 9, "accepted": 10}
    thresholds = [{**measured, "class_name": "c", "threshold": 0.45}, {**measured, "threshold": 0.4}]
    temperature = {"value": 1.5, "role": "validation", "images": 10}
    sections = Sections.model_validate({"temperature": temperature, "thresholds": thresholds})
    model = _model(network, _values(network), sections=sections)
    images = _images(network, 1000)
    answers = onnx_answers(onnx_bytes(model), run_by)
    expect_equal_answers(model, answers, images, "the file")
    found, top = answers(images), answers_of(model, images).probabilities.max(1)
    assert found.answered is not None
    seen = {(bool(found.classes[row] == 2), bool(found.answered[row])) for row in range(len(images))}
    assert seen == {(True, True), (True, False), (False, True), (False, False)}
    np.testing.assert_array_equal(found.answered, top >= np.where(found.classes == 2, 0.45, 0.4))


def test_every_operation_is_known_to_every_export_and_made_by_some_layer() -> None:
    made = set()
    for case in CASES:
        network = _network(case)
        made |= {each.kind for each in network.inference_graph(*_values(network)).operations}
    assert made | {"select", "unflatten"} == set(ONNX_OPERATIONS) == set(TORCH_OPERATIONS)


class Doubled(Layer):
    """A layer that does not say what it is in an export."""

    kind: Literal["doubled"] = "doubled"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return 2 * x, {}


def test_a_layer_without_an_export_is_refused_by_name() -> None:
    network = assemble((Doubled(), *parse_layers(["flatten", {"dense": 3}])), (5, 6, 2), 3)
    with pytest.raises(ExportError, match="layer doubled_1: `doubled` cannot be exported"):
        network.inference_graph(*_values(network))


def test_the_gate_sees_a_wrong_file() -> None:
    """A bias that differs, and answers of the wrong class at equal probabilities."""
    network = build([{"conv": {"filters": 2, "kernel": 3}}, "flatten"], (5, 6, 2), 3)
    parameters, state = _values(network)
    model = _model(network, (parameters, state))
    other = _model(network, ({**parameters, "conv_1.bias": parameters["conv_1.bias"] + 0.01}, state))
    with pytest.raises(ExportError, match="does not answer as the model does: nothing was written"):
        expect_equal_answers(model, onnx_answers(onnx_bytes(other)), _images(network), "the file")
    right = onnx_answers(onnx_bytes(model))

    def turned(pictures: np.ndarray) -> Answers:
        found = right(pictures)
        return Answers(found.probabilities, (found.classes + 1) % 3)

    with pytest.raises(ExportError, match="another class"):
        expect_equal_answers(model, turned, _images(network), "the file")


def test_the_pictures_of_the_gate_fit_every_contract() -> None:
    for height, width, channels, pixel_range in ((8, 8, 1, (0, 16)), (32, 20, 3, (0, 255)), (9, 9, 4, (-1, 1))):
        contract = Input(height=height, width=width, channels=channels, pixel_range=pixel_range)
        pictures = real_pictures(contract)
        assert pictures.shape[1:] == (height, width, channels) and len(pictures) >= 200
        assert pictures.min() >= pixel_range[0] and pictures.max() <= pixel_range[1]
        assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) >= 200


def test_a_file_is_written_after_it_has_answered_as_the_model_does(tmp_path: Path) -> None:
    network = build([{"conv": {"filters": 2, "kernel": 3}}, "flatten"], (5, 6, 2), 3)
    model = _model(network, _values(network))
    assert export_onnx(model, tmp_path / "m.onnx") <= 1e-5
    answers = onnx_answers((tmp_path / "m.onnx").read_bytes())
    expect_equal_answers(model, answers, _images(network), "the file")


def test_a_wrong_file_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build([{"conv": {"filters": 2, "kernel": 3}}, "tanh", "flatten"], (5, 6, 2), 3)
    monkeypatch.setitem(ONNX_OPERATIONS, "tanh", ONNX_OPERATIONS["sigmoid"])
    with pytest.raises(ExportError, match="nothing was written"):
        export_onnx(_model(network, _values(network)), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_one_sentence(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build(["flatten"], (5, 6, 2), 3)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExportError, match=f"needs the package {package}.*pip install onnx onnxruntime"):
        export_onnx(_model(network, _values(network)), tmp_path / "m.onnx")
