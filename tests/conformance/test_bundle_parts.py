"""Protects bundles of every feature step, layer and view: saved and loaded they answer with the same bits, and files
that do not hold what their layers say are refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import attack_cases as attacks
import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch.profiler import ProfilerActivity, profile

from snellen.deploy.load_bundle import load_bundle
from snellen.errors import BundleError
from snellen.files import tensors
from snellen.limits import PREDICTION_BATCH
from snellen.models.activations import ACTIVATIONS
from snellen.models.build import Network, assemble
from snellen.models.bundle import DESCRIPTION, WEIGHTS, Description, Input, save_bundle
from snellen.models.features import FEATURES
from snellen.models.fit import fit
from snellen.models.forward import predict_probabilities, resident
from snellen.models.importances import IMPORTANCES
from snellen.models.layer import Layer
from snellen.models.layers import LAYERS, Dense, Flatten
from snellen.models.parts import AnyPart
from snellen.models.views import CHANGES, View

RANDOM = np.random.default_rng(4)
SHAPE, CLASSES, RANGE = (9, 8, 3), ("a", "b", "c"), (0.0, 255.0)
IMAGES = RANDOM.integers(0, 256, (150, *SHAPE), dtype=np.uint8)
LABELS = RANDOM.integers(0, 3, 150)
ONE_PIXEL = {"filters": 4, "kernel": 1}
PARTS: dict[str, list[Any]] = {
    "standardise": ["standardise"],
    "pca": [{"pca": 20}],
    "whiten": ["whiten"],
    "whiten_patches": [{"whiten_patches": {"kernel": 3, "keep": 5, "strides": 2, "padding": "same"}}],
    "top_pixels": [{"top_pixels": {"count": 9, "by": name}} for name in IMPORTANCES],
    "views": [{"views": list(names)} for names in (("flip",), ("shift",), ("flip", "shift"), ("shift", "flip"))],
    "dense": [{"dense": {"units": 5, "activation": "gelu"}}],
    "conv": [
        {"conv": {"filters": 5, "kernel": 3, "strides": 2, "padding": "same"}},
        {"conv": {"filters": 6, "kernel": [2, 3], "strides": [2, 1], "groups": 3, "dilation": 2, "padding": "same"}},
    ],
    "depthwise_conv": [{"depthwise_conv": {"kernel": 2, "depth_multiplier": 2}}],
    "separable_conv": [{"separable_conv": {"filters": 4, "kernel": 3}}],
    "max_pool": [{"max_pool": {"size": 3, "strides": 1, "padding": "same"}}],
    "average_pool": [{"average_pool": {"size": 2, "padding": "same"}}],
    "global_max_pool": ["global_max_pool"],
    "global_average_pool": ["global_average_pool"],
    "flatten": ["flatten"],
    "zero_pad": [{"zero_pad": [[0, 1], [2, 3]]}],
    "dropout": [{"dropout": 0.5}],
    "spatial_dropout": [{"spatial_dropout": 0.5}],
    "gaussian_noise": [{"gaussian_noise": 0.5}],
    "gaussian_dropout": [{"gaussian_dropout": 0.5}],
    "alpha_dropout": [{"alpha_dropout": 0.5}],
    "batch_norm": ["batch_norm"],
    "layer_norm": ["layer_norm"],
    "unit_norm": ["unit_norm"],
    "normalization": [{"normalization": {"mean": [0.4, 0.5, 0.6], "variance": 0.1}}],
    **{name: [name] for name in ACTIVATIONS},
    "prelu": [{"prelu": {"shared_axes": [1, 2], "alpha_initializer": 0.3}}],
    "rescale": [{"rescale": {"scale": 2.0, "offset": -1.0}}],
    "skip": [{"skip": {"layers": [{"conv": ONE_PIXEL}, "batch_norm"], "shortcut": [{"conv": ONE_PIXEL}, "relu"]}}],
    **{
        name: [{name: [[{"conv": ONE_PIXEL}, "relu"], [{"conv": ONE_PIXEL}, "batch_norm"]]}]
        for name in ("add", "multiply", "average", "maximum", "minimum")
    },
    "concatenate": [{"concatenate": [[], [{"conv": ONE_PIXEL}, "batch_norm"]]}],
}
CASES = [written for name in PARTS for written in PARTS[name]]
each_part = pytest.mark.parametrize("written", CASES, ids=json.dumps)
ADAPTER: TypeAdapter[Layer] = TypeAdapter(AnyPart)


def test_every_part_of_a_network_and_every_setting_of_views_has_a_case() -> None:
    assert PARTS.keys() == {**FEATURES, **LAYERS, "views": None}.keys()
    assert set(CHANGES) == set(get_args(View)) == {name for case in PARTS["views"] for name in case["views"]}


@dataclass(frozen=True, eq=False)
class Case:
    """A network with one part of interest, and its numbers as training would leave them."""

    network: Network
    layers: tuple[Layer, ...]
    arrays: dict[str, np.ndarray]

    @property
    def answers(self) -> np.ndarray:
        """Probabilities before anything was saved."""
        values = {name: torch.from_numpy(value)[None] for name, value in self.arrays.items()}
        return predict_probabilities(self.network, values, values, resident(IMAGES), RANGE)

    def save(self, folder: Path) -> Path:
        """A bundle of these numbers."""
        tensors.save(folder / "w", self.arrays, {"job": "j"})
        content = (folder / "w").read_bytes()
        height, width, channels = SHAPE
        description = Description(
            name="m",
            study="s",
            job="j",
            input=Input(height=height, width=width, channels=channels, pixel_range=RANGE),
            classes=CLASSES,
            layers=self.layers,
            weights_sha256=hashlib.sha256(content).hexdigest(),
        )
        save_bundle(folder / "bundle", description, content, "# m\n")
        return folder / "bundle"


@cache
def case_of(text: str) -> Case:
    part = ADAPTER.validate_python(json.loads(text))
    before: tuple[Layer, ...] = (Flatten(),) if isinstance(part, Dense) else ()
    layers = (*before, part, Flatten(), Dense(units=3))
    network = assemble(layers, SHAPE, 3)
    parameters, state = network.init((5,))
    moved = {name: _moved(value[0].numpy()) for name, value in {**parameters, **state}.items()}
    fitted = fit(network, IMAGES, LABELS, RANGE, 0)
    return Case(network, layers, {**moved, **{name: value[0].astype(np.float32) for name, value in fitted.items()}})


def _moved(value: np.ndarray) -> np.ndarray:
    return (value + np.random.default_rng(value.size).uniform(0, 0.5, value.shape)).astype(np.float32)


@each_part
def test_a_bundle_answers_as_before_it_was_saved(written: Any, tmp_path: Path) -> None:
    """To the bit, as a folder and as a zip; the number of its stored numbers is what the limits count."""
    case = case_of(json.dumps(written))
    bundle = case.save(tmp_path)
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in bundle.iterdir():
            archive.write(file, file.name)
    for path in (bundle, tmp_path / "b.zip"):
        model = load_bundle(path)
        np.testing.assert_array_equal(model.predict(IMAGES), case.answers)
        assert model.description.layers == case.layers
    assert case.network.stored_count == sum(value.size for value in case.arrays.values())


@each_part
def test_a_prediction_takes_no_more_memory_than_was_said(written: Any) -> None:
    """As torch's profiler counts it; oneDNN's own scratch space is at most twice the weights and 128 KiB."""
    case = case_of(json.dumps(written))
    values = {name: torch.from_numpy(value)[None] for name, value in case.arrays.items()}
    x = torch.from_numpy(IMAGES[:PREDICTION_BATCH]).float()[None]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler, torch.inference_mode():
        case.network.apply(values, values, x, "evaluate")
    held = most = 4 * x.numel()
    for event in profiler.profiler.kineto_results.events():
        held += event.nbytes() if event.name() == "[memory]" else 0
        most = max(most, held)
    assert most <= case.network.activation_bytes + 8 * case.network.stored_count + 2**17


@each_part
def test_weights_that_are_not_those_of_the_layers_are_refused(written: Any, tmp_path: Path) -> None:
    case = case_of(json.dumps(written))
    bundle = case.save(tmp_path)
    stored = json.loads((bundle / DESCRIPTION).read_bytes())
    for name, content in hostile(case.arrays):
        (bundle / WEIGHTS).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        (bundle / DESCRIPTION).write_bytes(attacks.sealed({**stored, "weights_sha256": sha256}))
        with pytest.raises(BundleError):
            load_bundle(bundle)
            pytest.fail(f"loaded: {name}")


def hostile(arrays: dict[str, np.ndarray]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of weights files that are well formed, and wrong in one tensor."""
    from safetensors.numpy import save

    wrong: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "an axis more": lambda a: a[None],
        "one more": lambda a: np.concatenate([a, a[:1]]),
        "one less": lambda a: a[1:],
        "flat and longer": lambda a: np.resize(a, a.size + 1),
        "none": lambda a: a[:0],
        "float64": lambda a: a.astype(np.float64),
        "float16": lambda a: a.astype(np.float16),
        "int32": lambda a: a.astype(np.int32),
        "bool": lambda a: a > 0,
        "NaN": lambda a: _with(a, np.nan),
        "infinite": lambda a: _with(a, -np.inf),
    }
    for name, array in arrays.items():
        for what, change in wrong.items():
            yield f"{name}: {what}", save({**arrays, name: np.ascontiguousarray(change(array))})
        if array.ndim > 1 and array.shape != array.T.shape:
            yield f"{name}: turned", save({**arrays, name: np.ascontiguousarray(array.T)})
        yield f"{name}: missing", save({key: value for key, value in arrays.items() if key != name})
        yield f"{name}: renamed", save({name + "_" if key == name else key: value for key, value in arrays.items()})
        for value in OUT_OF_RANGE.get(name.split(".")[-1], ()):
            yield f"{name}: {value}", save({**arrays, name: _with(array, value)})
        if name.endswith(".pixels"):
            yield f"{name}: one twice", save({**arrays, name: _with(array, array[-1])})
    yield "extra", save({**arrays, "evil": np.zeros(3, np.float32)})
    yield "extra, empty", save({**arrays, "evil": np.zeros(0, np.float32)})


OUT_OF_RANGE = {
    "pixels": (-1.0, 0.5, float(np.prod(SHAPE)), 2.0**31, 2.0**63, 1e30),
    "moving_variance": (-1.0, -3e38),
}


def _with(array: np.ndarray, value: float) -> np.ndarray:
    changed = array.copy()
    changed.flat[0] = value
    return changed


VALUES: tuple[Any, ...] = (-1, 0, 0.5, 10**30, -(10**400), 1e308, "1", "\ud800", "", None, True, [], [[]], {}, [1] * 99)


@each_part
def test_arguments_that_are_not_those_of_the_layer(written: Any, tmp_path: Path) -> None:
    """Refused, or answered with numbers: another argument of the same shapes is another network."""
    case = case_of(json.dumps(written))
    bundle = case.save(tmp_path)
    stored = json.loads((bundle / DESCRIPTION).read_bytes())
    refused = tried = 0
    for path in paths(stored["layers"], "layers"):
        for value in VALUES:
            (bundle / DESCRIPTION).write_bytes(attacks.sealed(attacks.at(stored, path, value)))
            tried += 1
            try:
                assert load_bundle(bundle).predict(IMAGES[:2]).shape == (2, 3)
            except BundleError:
                refused += 1
    assert refused > tried / 2


def paths(value: Any, path: str) -> Iterator[str]:
    """Places of all values in a list of layers, as `attacks.at` takes them."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield f"{path}.{key}"
        yield from paths(each, f"{path}.{key}")
