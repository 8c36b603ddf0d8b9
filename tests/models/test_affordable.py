"""Protects the bounds of networks: what is trained can be loaded, and what would take memory or time without end is
refused by its layer list, in a bundle and before a study is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attack_cases as attacks
import numpy as np
import pytest
import torch
from needs import require
from pydantic import TypeAdapter
from runs import small_study
from torch.profiler import ProfilerActivity, profile

import snellen
from snellen import limits
from snellen.deploy.load_bundle import load_bundle
from snellen.errors import BundleError, ShapeError, SnellenError
from snellen.models.backbones.layer import Backbone
from snellen.models.build import Network, assemble
from snellen.models.features import Pca
from snellen.models.layer import Layer
from snellen.models.layers import Dense
from snellen.models.parts import AnyPart
from snellen.models.views import Views
from snellen.models.zoo import ZOO
from snellen.run import Settings
from snellen.run.check import check_study
from snellen.study.document import open_document, shipped_studies

PARTS: TypeAdapter[tuple[Layer, ...]] = TypeAdapter(tuple[AnyPart, ...])
VGG_16 = [
    *(
        layer
        for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
        for layer in (*[{"conv": {"filters": filters, "kernel": 3, "padding": "same"}}, "relu"] * count, "max_pool")
    ),
    *("flatten", {"dense": 4096}, "relu", {"dense": 4096}, "relu"),
]
BOTH = {"views": ["flip", "shift"]}
SHAPES = {"digits": (8, 8, 1), "cifar10": (32, 32, 3), "svhn": (32, 32, 3), "mnist": (28, 28, 1)}
SHAPES |= dict.fromkeys(("fashion-fine-tuned", "fashion-lenet-transfer", "fashion-transfer-cost"), (32, 32, 1))


def network(layers: list[Any], shape: tuple[int, int, int], classes: int = 10) -> Network:
    return assemble((*PARTS.validate_python(layers), Dense(units=classes)), shape, classes)


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_at_128_pixels_is_far_from_the_bounds(name: str) -> None:
    if name.startswith("cnn-fast"):
        found = network([{"whiten_patches": {"kernel": 2, "keep": 12, "strides": 2}}, *ZOO[name]], (128, 128, 3))
    else:
        found = network(ZOO[name], (128, 128, 3))
    assert 2 * found.activation_bytes < limits.MAX_ACTIVATION_BYTES
    assert 10 * found.operations < limits.MAX_OPERATIONS
    assert 10 * found.stored_count < limits.MAX_PARAMETERS


@pytest.mark.parametrize(
    ("layers", "side"), [(VGG_16, 128), ([BOTH, *VGG_16], 128), (VGG_16, 224), (["whiten", "flatten"], 96)]
)
def test_large_networks_that_are_meant_are_allowed(layers: list[Any], side: int) -> None:
    network(layers, (side, side, 3))


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_are_far_from_the_bounds(name: str) -> None:
    shape = next((each for start, each in SHAPES.items() if name.startswith(start)), (28, 28, 1))
    for model in open_document(name).study([]).models.values():
        views = (Views(views=model.views),) if model.views else ()
        steps = tuple(step if step.is_resolved else Pca(keep=784) for step in model.features)
        is_pretrained = isinstance(model.layers[0], Backbone)
        if is_pretrained:
            require("timm")
        found = assemble((*views, *steps, *model.layers, Dense(units=10)), shape, 10)
        assert 20 * found.activation_bytes < limits.MAX_ACTIVATION_BYTES
        assert (20 if is_pretrained else 200) * found.operations < limits.MAX_OPERATIONS  # ResNet-152 has 0.8e9


@pytest.mark.parametrize("name", [name for name in attacks.GROWING if not name.startswith("unknown")])
def test_networks_without_bounds_are_refused_by_their_layer_list(name: str) -> None:
    with pytest.raises(SnellenError, match=r"too many|at most") as refused:
        network([*attacks.GROWING[name], "flatten"], (512, 512, 1), 3)
    assert len(str(refused.value)) < 1_000


def test_operations_and_memory_count_every_view() -> None:
    plain, viewed = (network([*views, *ZOO["lenet-5"]], (32, 32, 3)) for views in ([], [BOTH]))
    assert viewed.operations > 6 * plain.operations
    assert viewed.activation_bytes > plain.activation_bytes + 6 * limits.PREDICTION_BATCH * 4 * 32 * 32 * 3


@pytest.mark.parametrize("name", ["vgg-small", "resnet-8", "lenet-5", "cnn-small", "views"])
def test_a_prediction_takes_as_much_memory_as_was_said(name: str) -> None:
    """As torch's profiler counts it: at most that, and at least half of it but for what flattening copies."""
    found = network([BOTH, *ZOO["lenet-5"]] if name == "views" else ZOO[name], (32, 32, 3))
    parameters, state = found.init((1,))
    x = torch.rand(1, limits.PREDICTION_BATCH, 32, 32, 3)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler, torch.inference_mode():
        found.apply(parameters, state, x, "evaluate")
    held = most = 4 * x.numel()
    for event in profiler.profiler.kineto_results.events():
        held += event.nbytes() if event.name() == "[memory]" else 0
        most = max(most, held)
    weights = 4 * found.stored_count
    assert found.activation_bytes / 2 < most < found.activation_bytes + 2 * weights + 2**17


@pytest.mark.parametrize(
    ("layers", "features", "problem"),
    [
        ([{"zero_pad": 512}, {"conv": {"filters": 64, "kernel": 1}}, "flatten"], [], "too many values"),
        ([{"zero_pad": 200}, {"max_pool": {"size": 100, "strides": 1}}, "flatten"], [], "too many operations"),
        ([{"conv": {"filters": 65_536, "kernel": 2}}, "flatten", {"dense": 400}], [], "too many weights"),
        (["relu"] * 1_000 + ["flatten"], [], "too many layers|1000 items"),
    ],
)
def test_a_study_whose_bundle_could_not_be_loaded_is_refused(
    layers: list[Any], features: list[Any], problem: str, tmp_path: Path
) -> None:
    study = small_study(models={"m": {"layers": layers, "features": features, "train": {"epochs": 1}}})
    with pytest.raises(ShapeError, match=f"model m: .*{problem}"):
        check_study(study.file, Settings(None, "cpu", 1, None))
    with pytest.raises(ShapeError, match=f"model m: .*{problem}"):
        study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    assert not (tmp_path / "run" / "jobs").exists()


def test_class_names_too_long_for_a_bundle_are_refused_before_training(tmp_path: Path) -> None:
    images, labels = np.random.default_rng(0).integers(0, 17, (40, 4, 4)), np.arange(40) % 2
    data = snellen.from_arrays(images, labels, class_names=["a" * 600_000, "b" * 600_000], pixel_range=(0, 16))
    study = snellen.Study(study="s", data=data, models={"m": {"layers": ["flatten"], "train": {"epochs": 1}}})
    with pytest.raises(BundleError, match="model m: the description of the model is too long"):
        study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)


def test_a_run_with_large_feature_steps_can_be_loaded(tmp_path: Path) -> None:
    """Their fitted numbers are thousands of times those that are trained."""
    random = np.random.default_rng(0)
    labels = np.arange(800) % 2
    images = random.integers(0, 200, (800, 26, 26)).astype(np.uint8)
    images[labels == 1, :13] //= 2
    data = snellen.from_arrays(images, labels)
    models = {
        name: {"features": [step], "layers": [*LAYERS_OF.get(name, []), "flatten"], "train": {"epochs": 1}}
        for name, step in (("whitened", "whiten"), ("components", {"pca": 500}))
    }
    study = snellen.Study(study="s", data=data, models=models)
    run = study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    for name in models:
        model = load_bundle(run.folder / "models" / name)
        assert (tmp_path / "run" / "models" / name / "model.safetensors").stat().st_size > 2**20
        assert model.predict(images[:3, ..., None]).shape == (3, 2)


LAYERS_OF: dict[str, list[Any]] = {"whitened": [{"conv": {"filters": 1, "kernel": 3}}]}
