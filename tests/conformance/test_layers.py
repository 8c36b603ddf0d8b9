"""Protects the contract of layers, for every kind and several arguments each: shapes, addressed initial values, lanes
that never touch, purity, and a form in JSON that gives the same layer back."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from snellen.deploy.load_bundle import load_bundle
from snellen.errors import ShapeError
from snellen.limits import PREDICTION_BATCH
from snellen.models import chain
from snellen.models.activations import ACTIVATIONS, Activation
from snellen.models.build import build, parse_layers, to_tensors
from snellen.models.bundle import Description, Input, save_bundle
from snellen.models.chain import Placed
from snellen.models.forward import predict_probabilities
from snellen.models.keys import Key
from snellen.models.layer import Mode, Shape, Step
from snellen.models.layers import LAYERS, AnyLayer
from snellen.models.weights import save_weights

SEEDS, ROWS = (11, 5, 2), 4


@dataclass(frozen=True)
class Case:
    """A layer as a study writes it, the shape that goes in, the one that comes out, and how many numbers it holds."""

    written: Any
    input: Shape
    output: Shape
    trained: int = 0
    moving: int = 0

    def placed(self) -> Placed:
        return chain.place(parse_layers([self.written]), self.input)[0]

    def values(self, seeds: tuple[int, ...] = SEEDS) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and state in float64, moved from their start so that zeros and ones cannot hide an error."""
        parameters, state = chain.init([self.placed()], Key(seeds))
        moved = [{name: _moved(value, seeds) for name, value in each.items()} for each in (parameters, state)]
        return to_tensors(moved[0], torch.float64), to_tensors(moved[1], torch.float64)

    def images(self, seeds: tuple[int, ...] = SEEDS) -> Tensor:
        """(L, N, ...) that depend on each lane's seed alone."""
        return torch.stack(
            [torch.tensor(np.random.default_rng(seed).normal(size=(ROWS, *self.input))) for seed in seeds]
        )

    def apply(self, mode: Mode, seeds: tuple[int, ...] = SEEDS, weights: Tensor | None = None) -> list[Tensor]:
        """Outputs, gradients for inputs and parameters, and new state; every one with the lane axis."""
        parameters, state = self.values(seeds)
        x = self.images(seeds).requires_grad_()
        leaves = [value.requires_grad_() for value in parameters.values()]
        y, changed = chain.apply([self.placed()], parameters, state, x, Step(mode, Key(seeds, ("step",)), weights))
        upstream = torch.linspace(-1, 1, y[0].numel(), dtype=torch.float64).view(y[0].shape)
        gradients = torch.autograd.grad((y * upstream).sum(), [x, *leaves])
        return [y.detach(), *gradients, *(changed[name] for name in sorted(changed))]


def _moved(value: np.ndarray, seeds: tuple[int, ...]) -> np.ndarray:
    return np.stack(
        [lane + np.random.default_rng(seed).uniform(0, 0.5, lane.shape) for lane, seed in zip(value, seeds)]
    )


FUNCTIONS = tuple(name for name in ACTIVATIONS if name not in ("relu", "leaky_relu"))
CASES = [
    Case({"dense": 3}, (5,), (3,), 18),
    Case({"dense": {"units": 4, "activation": "relu", "use_bias": False, "initializer": "he_normal"}}, (5,), (4,), 20),
    Case({"conv": {"filters": 3, "kernel": 3}}, (6, 5, 2), (4, 3, 3), 57),
    Case({"conv": {"filters": 2, "kernel": 1, "use_bias": False}}, (4, 4, 3), (4, 4, 2), 6),
    Case({"conv": {"filters": 2, "kernel": 3, "padding": "same", "activation": "relu"}}, (5, 6, 1), (5, 6, 2), 20),
    Case({"conv": {"filters": 2, "kernel": 2, "padding": "same"}}, (5, 4, 2), (5, 4, 2), 18),
    Case({"conv": {"filters": 2, "kernel": 4, "strides": 3, "padding": "same"}}, (7, 8, 1), (3, 3, 2), 34),
    Case({"conv": {"filters": 2, "kernel": 2, "strides": 3}}, (8, 7, 2), (3, 2, 2), 18),
    Case({"conv": {"filters": 2, "kernel": [3, 2]}}, (6, 5, 2), (4, 4, 2), 26),
    Case(
        {"conv": {"filters": 2, "kernel": [2, 5], "strides": [3, 1], "padding": "same", "activation": "relu"}},
        (7, 4, 1),
        (3, 4, 2),
        22,
    ),
    Case({"conv": {"filters": 2, "kernel": 3, "dilation": [2, 1]}}, (6, 5, 2), (2, 3, 2), 38),
    Case({"conv": {"filters": 2, "kernel": 2, "dilation": 3, "padding": "same"}}, (5, 4, 2), (5, 4, 2), 18),
    Case({"conv": {"filters": 6, "kernel": 3, "groups": 2, "padding": "same"}}, (4, 3, 4), (4, 3, 6), 114),
    Case(
        {"conv": {"filters": 3, "kernel": [1, 3], "groups": 3, "dilation": 2, "strides": 2, "padding": "same"}},
        (5, 6, 3),
        (3, 3, 3),
        12,
    ),
    Case({"depthwise_conv": {"kernel": [3, 1], "dilation": [1, 2]}}, (6, 5, 2), (4, 5, 2), 8),
    Case(
        {"depthwise_conv": {"kernel": [2, 3], "strides": [2, 1], "padding": "same"}},
        (5, 4, 3),
        (3, 4, 3),
        21,
    ),
    Case({"separable_conv": {"filters": 4, "kernel": [3, 2], "dilation": 2}}, (6, 5, 2), (2, 3, 4), 12 + 8 + 4),
    Case({"max_pool": [3, 1]}, (7, 4, 2), (2, 4, 2)),
    Case({"max_pool": {"size": [2, 3], "strides": [1, 2], "padding": "same"}}, (4, 5, 2), (4, 3, 2)),
    Case({"average_pool": [1, 2]}, (3, 5, 2), (3, 2, 2)),
    Case({"average_pool": {"size": [3, 2], "strides": [2, 1], "padding": "same"}}, (4, 5, 2), (2, 5, 2)),
    Case({"depthwise_conv": {"kernel": 3}}, (6, 5, 2), (4, 3, 2), 20),
    Case({"depthwise_conv": {"kernel": 2, "strides": 2, "padding": "same"}}, (5, 4, 3), (3, 2, 3), 15),
    Case(
        {"depthwise_conv": {"kernel": 3, "padding": "same", "depth_multiplier": 2, "activation": "tanh"}},
        (4, 5, 3),
        (4, 5, 6),
        60,
    ),
    Case({"depthwise_conv": {"kernel": 1, "use_bias": False, "initializer": "he_normal"}}, (3, 3, 2), (3, 3, 2), 2),
    Case({"separable_conv": {"filters": 4, "kernel": 3}}, (6, 5, 2), (4, 3, 4), 18 + 8 + 4),
    Case(
        {"separable_conv": {"filters": 3, "kernel": 2, "strides": 2, "padding": "same", "depth_multiplier": 2}},
        (5, 4, 2),
        (3, 2, 3),
        16 + 12 + 3,
    ),
    Case(
        {"separable_conv": {"filters": 2, "kernel": 3, "padding": "same", "activation": "silu", "use_bias": False}},
        (4, 4, 1),
        (4, 4, 2),
        9 + 2,
    ),
    *(Case({"dense": {"units": 3, "activation": activation}}, (5,), (3,), 18) for activation in get_args(Activation)),
    *(
        Case({"conv": {"filters": 2, "kernel": 2, "activation": activation}}, (4, 3, 1), (3, 2, 2), 10)
        for activation in get_args(Activation)
    ),
    Case("max_pool", (6, 5, 2), (3, 2, 2)),
    Case({"max_pool": {"size": 3, "strides": 2}}, (7, 6, 1), (3, 2, 1)),
    Case({"max_pool": {"size": 2, "padding": "same"}}, (5, 4, 3), (3, 2, 3)),
    Case({"max_pool": {"size": 3, "strides": 1, "padding": "same"}}, (4, 5, 2), (4, 5, 2)),
    Case("average_pool", (6, 5, 2), (3, 2, 2)),
    Case({"average_pool": {"size": 3, "strides": 2}}, (7, 6, 1), (3, 2, 1)),
    Case({"average_pool": {"size": 2, "padding": "same"}}, (5, 4, 3), (3, 2, 3)),
    Case({"average_pool": {"size": 3, "strides": 1, "padding": "same"}}, (4, 5, 2), (4, 5, 2)),
    Case("global_average_pool", (4, 5, 3), (3,)),
    Case("global_max_pool", (4, 5, 3), (3,)),
    Case("zero_pad", (3, 4, 2), (5, 6, 2)),
    Case({"zero_pad": 3}, (2, 1, 1), (8, 7, 1)),
    Case({"zero_pad": [1, 0]}, (3, 4, 2), (5, 4, 2)),
    Case({"zero_pad": {"padding": [[0, 1], [2, 3]]}}, (3, 4, 2), (4, 9, 2)),
    Case("flatten", (3, 4, 2), (24,)),
    Case("flatten", (7,), (7,)),
    Case({"dropout": 0.5}, (20,), (20,)),
    Case({"dropout": {"rate": 0.2}}, (4, 4, 3), (4, 4, 3)),
    Case({"spatial_dropout": 0.4}, (4, 5, 3), (4, 5, 3)),
    Case({"gaussian_noise": 0.3}, (20,), (20,)),
    Case({"gaussian_noise": 0.3}, (4, 4, 3), (4, 4, 3)),
    Case({"gaussian_dropout": 0.3}, (4, 4, 3), (4, 4, 3)),
    Case({"alpha_dropout": 0.3}, (4, 4, 3), (4, 4, 3)),
    Case("batch_norm", (6,), (6,), 12, 12),
    Case({"batch_norm": {"momentum": 0.5, "epsilon": 0.1}}, (3, 4, 2), (3, 4, 2), 4, 4),
    Case("layer_norm", (6,), (6,), 12),
    Case({"layer_norm": {"epsilon": 0.1}}, (3, 5, 4), (3, 5, 4), 8),
    Case("unit_norm", (6,), (6,)),
    Case("unit_norm", (3, 5, 4), (3, 5, 4)),
    Case({"normalization": {"mean": 0.4, "variance": 0.09}}, (6,), (6,)),
    Case({"normalization": {"mean": [0.4, -1], "variance": [0.09, 0]}}, (3, 4, 2), (3, 4, 2)),
    *(Case(name, shape, shape) for name in FUNCTIONS for shape in ((9,), (3, 3, 2))),
    Case({"elu": 0.5}, (9,), (9,)),
    Case({"celu": 0.5}, (9,), (9,)),
    Case("prelu", (9,), (9,), 9),
    Case("prelu", (3, 4, 2), (3, 4, 2), 24),
    Case({"prelu": {"shared_axes": [1, 2], "alpha_initializer": 0.25}}, (3, 4, 2), (3, 4, 2), 2),
    Case({"prelu": [1, 2, 3]}, (3, 4, 2), (3, 4, 2), 1),
    Case({"rescale": 0.5}, (9,), (9,)),
    Case({"rescale": {"scale": 2.0, "offset": -1.0}}, (3, 2, 2), (3, 2, 2)),
    Case("relu", (3, 3, 2), (3, 3, 2)),
    Case("leaky_relu", (9,), (9,)),
    Case({"leaky_relu": 0.1}, (2, 3, 1), (2, 3, 1)),
    Case({"skip": [{"dense": 6}, "relu", {"dense": 6}, {"dropout": 0.5}]}, (6,), (6,), 84),
    Case(
        {"skip": [{"conv": {"filters": 2, "kernel": 3, "padding": "same"}}, "batch_norm", {"skip": ["relu"]}]},
        (4, 5, 2),
        (4, 5, 2),
        42,
        4,
    ),
    Case(
        {
            "skip": {
                "layers": [{"conv": {"filters": 3, "kernel": 3, "strides": 2, "padding": "same"}}, "batch_norm"],
                "shortcut": [{"conv": {"filters": 3, "kernel": 1, "strides": 2}}, "batch_norm", {"dropout": 0.5}],
            }
        },
        (5, 4, 2),
        (3, 2, 3),
        57 + 6 + 9 + 6,
        12,
    ),
    Case({"skip": {"layers": ["global_max_pool"], "shortcut": ["global_average_pool"]}}, (3, 4, 2), (2,)),
    Case({"concatenate": [[], [{"conv": {"filters": 3, "kernel": 1}}, "batch_norm"]]}, (3, 4, 2), (3, 4, 5), 9 + 6, 6),
    Case({"concatenate": {"branches": [[{"dense": 2}, {"dropout": 0.5}], [{"dense": 3}], ["relu"]]}}, (4,), (9,), 25),
    *(
        Case({name: [[{"dense": 3}], [{"dense": 3}, "tanh"], []]}, (3,), (3,), 24)
        for name in ("add", "multiply", "average", "maximum", "minimum")
    ),
    *(
        Case({name: [["global_average_pool", {"dense": 2}], [], [{"add": [[], ["tanh"]]}]]}, (3, 4, 2), (3, 4, 2), 6)
        for name in ("add", "multiply", "average", "maximum", "minimum")
    ),
]
SCHEMA = Draft202012Validator(TypeAdapter(AnyLayer).json_schema())
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{json.dumps(case.written)} on {case.input}")
both_modes = pytest.mark.parametrize("mode", ["train", "evaluate"])


def test_every_layer_has_a_case() -> None:
    assert {case.placed().layer.name for case in CASES} == set(LAYERS)


@every_case
def test_the_shape_rule_and_the_counts_are_those_of_the_real_thing(case: Case) -> None:
    parameters, state = case.values()
    x = case.images()
    y, changed = chain.apply([case.placed()], parameters, state, x, Step("train", Key(SEEDS)))
    assert case.placed().output_shape == case.output == tuple(y.shape[2:])
    assert y.shape[:2] == x.shape[:2] and y.dtype == torch.float64
    counts = [sum(math.prod(value.shape[1:]) for value in each.values()) for each in (parameters, state)]
    assert counts == [case.trained, case.moving]
    assert changed.keys() == state.keys()


@every_case
def test_initial_values_are_a_function_of_the_address(case: Case) -> None:
    """The same seed gives the same bits, a lane is the same among many as alone, another seed or place another draw."""

    def init(*seeds: int, place: str = "here") -> dict[str, np.ndarray]:
        parameters, state = chain.init([case.placed()], Key(seeds, (place,)))
        return {**parameters, **state}

    three = init(*SEEDS)
    for lane, seed in enumerate(SEEDS):
        for name, value in init(seed).items():
            np.testing.assert_array_equal(value[0], three[name][lane])
    drawn = [name for name in three if name.endswith("kernel")]
    for name in drawn:
        assert not np.array_equal(three[name][0], three[name][1])
        assert not np.array_equal(three[name][0], init(SEEDS[0], place="elsewhere")[name][0])
    assert len({three[name][0].tobytes() for name in drawn}) == len(drawn)


@every_case
@both_modes
def test_three_lanes_are_each_alone(case: Case, mode: Mode) -> None:
    """Outputs, gradients and new state, dropout included."""
    together = case.apply(mode)
    for lane, seed in enumerate(SEEDS):
        for found, alone in zip(together, case.apply(mode, (seed,)), strict=True):
            torch.testing.assert_close(found[lane], alone[0], rtol=1e-9, atol=1e-9)


@every_case
def test_rows_of_weight_zero_only_fill_up(case: Case) -> None:
    """The other rows come out as if the fillers were not there, and the state moves as if they were not."""
    weights = torch.ones(len(SEEDS), ROWS, dtype=torch.float64)
    weights[:, -1] = 0
    parameters, state = case.values()
    x = case.images()
    without, moved_without = chain.apply([case.placed()], parameters, state, x[:, :-1], Step("train"))
    filled, moved = chain.apply([case.placed()], parameters, state, x, Step("train", None, weights))
    torch.testing.assert_close(filled[:, :-1], without, rtol=1e-9, atol=1e-9)
    for name in state:
        torch.testing.assert_close(moved[name], moved_without[name], rtol=1e-9, atol=1e-9)


@every_case
@both_modes
def test_apply_changes_none_of_its_arguments(case: Case, mode: Mode) -> None:
    parameters, state = case.values()
    x = case.images()
    before = [value.clone() for value in (x, *parameters.values(), *state.values())]
    _, changed = chain.apply([case.placed()], parameters, state, x, Step(mode, Key(SEEDS)))
    for now, then in zip((x, *parameters.values(), *state.values()), before, strict=True):
        torch.testing.assert_close(now, then, rtol=0, atol=0)
    assert not any(value is old for value in changed.values() for old in state.values())


@every_case
def test_multiplications_are_as_many_as_torch_counts(case: Case) -> None:
    parameters, state = case.values((SEEDS[0],))
    with FlopCounterMode(display=False) as counter:
        chain.apply([case.placed()], parameters, state, case.images((SEEDS[0],)), Step("evaluate"))
    assert counter.get_total_flops() == 2 * ROWS * chain.multiply_adds([case.placed()])


@every_case
def test_gradients_are_slopes(case: Case) -> None:
    """Of inputs and parameters, against differences; what works in place must leave what the gradient needs."""
    parameters, state = case.values((SEEDS[0],))
    names = list(parameters)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        step = Step("train", Key((SEEDS[0],), ("step",)))
        return chain.apply([case.placed()], dict(zip(names, values)), state, x, step)[0]

    given = [value.clone().requires_grad_() for value in (case.images((SEEDS[0],)), *parameters.values())]
    assert torch.autograd.gradcheck(run, given, eps=1e-6, atol=1e-7, rtol=1e-5)


@every_case
def test_float32_stays_float32_and_close_to_float64(case: Case) -> None:
    parameters, state = case.values()
    x = case.images()
    exact, _ = chain.apply([case.placed()], parameters, state, x, Step("evaluate"))
    parameters, state = ({name: value.float() for name, value in each.items()} for each in (parameters, state))
    y, _ = chain.apply([case.placed()], parameters, state, x.float(), Step("evaluate"))
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, exact.float(), rtol=1e-4, atol=1e-5)


@every_case
def test_a_row_answers_alike_wherever_it_stands(case: Case) -> None:
    """To the bit, in float32, in a batch of the size that predictions have."""
    parameters, state = ({name: value.float() for name, value in each.items()} for each in case.values((SEEDS[0],)))
    random = np.random.default_rng(3)
    x = torch.tensor(random.normal(size=(1, PREDICTION_BATCH, *case.input)), dtype=torch.float32)
    order = torch.tensor(random.permutation(PREDICTION_BATCH))
    straight, shuffled = (
        chain.apply([case.placed()], parameters, state, rows, Step("evaluate"))[0] for rows in (x, x[:, order])
    )
    torch.testing.assert_close(shuffled, straight[:, order], rtol=0, atol=0)


@every_case
def test_evaluation_has_no_chance_and_no_memory(case: Case) -> None:
    parameters, state = case.values()
    outcomes = [
        chain.apply([case.placed()], parameters, state, case.images(), Step("evaluate", key))
        for key in (None, Key(SEEDS), Key(SEEDS, ("other",)))
    ]
    assert all(not changed for _, changed in outcomes)
    for y, _ in outcomes[1:]:
        torch.testing.assert_close(y, outcomes[0][0], rtol=0, atol=0)


@every_case
def test_json_gives_the_layer_back(case: Case) -> None:
    (layer,) = parse_layers([case.written])
    text = json.dumps(layer.model_dump(mode="json"))
    assert parse_layers([json.loads(text)]) == (layer,)
    assert list(json.loads(text)) == [layer.name] and "kind" not in text


@every_case
def test_the_json_schema_allows_what_is_written_and_what_is_stored(case: Case) -> None:
    (layer,) = parse_layers([case.written])
    SCHEMA.validate(case.written)
    SCHEMA.validate(layer.model_dump(mode="json"))
    [(name, arguments)] = layer.model_dump(mode="json").items()
    assert not SCHEMA.is_valid({name: {**arguments, "no_such_argument": 1}})


@every_case
def test_a_saved_model_answers_as_before(case: Case, tmp_path: Path) -> None:
    """Where the layer takes vectors, images are flattened first."""
    height, width, channels = case.input if len(case.input) == 3 else (1, 1, 1)
    before = [] if len(case.input) == 3 else ["flatten", {"dense": case.input[0]}]
    layers = [*before, case.written, "flatten"]
    network = build(layers, (height, width, channels), 3)
    save_weights(tmp_path / "w", *network.init((7,)), {})
    weights = (tmp_path / "w").read_bytes()
    description = Description(
        name="m",
        study="s",
        job="j",
        input=Input(height=height, width=width, channels=channels, pixel_range=(0, 1)),
        classes=("a", "b", "c"),
        layers=[placed.layer.model_dump(mode="json") for placed in network.layers],
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    save_bundle(tmp_path / "bundle", description, weights, "")
    images = np.random.default_rng(2).random((5, height, width, channels), dtype=np.float32)
    expected = predict_probabilities(network, *network.init((7,)), torch.tensor(images), (0, 1))
    np.testing.assert_array_equal(load_bundle(tmp_path / "bundle").probabilities(images), expected)


@pytest.mark.parametrize(
    ("layers", "shape", "place", "found"),
    [
        ([{"dense": 3}], (4, 4, 1), "layer dense_1", r"shape \(4, 4, 1\).*Put `flatten` before it"),
        (["flatten", {"conv": {"filters": 2, "kernel": 3}}], (4, 4, 1), "layer conv_1", r"shape \(16,\)"),
        (["flatten", "max_pool"], (4, 4, 1), "layer max_pool_1", r"shape \(16,\)"),
        ([{"conv": {"filters": 2, "kernel": 5}}], (4, 9, 1), "layer conv_1", "5x5 window.*images of 4x9"),
        ([{"conv": {"filters": 2, "kernel": [1, 5]}}], (9, 4, 1), "layer conv_1", "1x5 window.*images of 9x4"),
        ([{"conv": {"filters": 2, "kernel": 3, "dilation": [1, 2]}}], (9, 4, 1), "layer conv_1", "3x5 window.*of 9x4"),
        (
            [{"conv": {"filters": 4, "kernel": 1, "groups": 2}}],
            (4, 4, 3),
            "layer conv_1",
            "3 channels and 4 filters in 2",
        ),
        (
            [{"conv": {"filters": 3, "kernel": 1, "groups": 2}}],
            (4, 4, 4),
            "layer conv_1",
            "4 channels and 3 filters in 2",
        ),
        (["max_pool", "max_pool", "max_pool"], (4, 4, 1), "layer max_pool_3", "2x2 window.*images of 1x1"),
        ([{"skip": [{"dense": 5}]}], (4,), "layer skip_1", r"keep the shape.*\(5,\).*\(4,\)"),
        (
            [{"skip": {"layers": [{"dense": 5}], "shortcut": [{"dense": 6}]}}],
            (4,),
            "layer skip_1",
            r"must give the shape of its `shortcut`; found \(5,\); expected \(6,\)$",
        ),
        (
            [{"skip": {"layers": ["relu"], "shortcut": ["max_pool"]}}],
            (4,),
            "layer skip_1: shortcut: layer max_pool_1",
            r"shape \(4,\)",
        ),
        (["flatten", "average_pool"], (4, 4, 1), "layer average_pool_1", r"shape \(16,\)"),
        (["flatten", "global_max_pool"], (4, 4, 1), "layer global_max_pool_1", r"shape \(16,\)"),
        (["global_average_pool"] * 2, (4, 4, 1), "layer global_average_pool_2", r"shape \(1,\)"),
        (["flatten", "zero_pad"], (4, 4, 1), "layer zero_pad_1", r"shape \(16,\)"),
        ([{"depthwise_conv": {"kernel": 5}}], (4, 9, 1), "layer depthwise_conv_1", "5x5 window.*images of 4x9"),
        (["flatten", {"separable_conv": {"filters": 2, "kernel": 3}}], (4, 4, 1), "layer separable_conv_1", r"\(16,\)"),
        ([{"concatenate": [[], ["max_pool"]]}], (4, 4, 1), "layer concatenate_1", r"\(4, 4, 1\), \(2, 2, 1\)"),
        (
            [{"concatenate": [[], ["flatten"]]}],
            (4, 4, 1),
            "layer concatenate_1",
            r"or vectors; found \(4, 4, 1\), \(16,\)",
        ),
        ([{"add": [["flatten"], []]}], (4, 4, 1), "layer add_1", r"of `add` must give one shape.*\(16,\), \(4, 4, 1\)"),
        ([{"multiply": [[], [{"dense": 1}]]}], (4,), "layer multiply_1", r"\(4,\), \(1,\)"),
        ([{"add": [[], ["max_pool"]]}], (4,), "layer add_1: branch_2: layer max_pool_1", r"shape \(4,\)"),
        (["flatten", {"spatial_dropout": 0.1}], (4, 4, 1), "layer spatial_dropout_1", r"shape \(16,\)"),
        (["flatten", {"prelu": [1, 2]}], (4, 4, 1), "layer prelu_1", r"axis 2; expected axes 1 to 1 of shape \(16,\)"),
        (
            [{"normalization": {"mean": [0.5, 0.5], "variance": 1}}],
            (4, 4, 3),
            "layer normalization_1",
            "`mean` .*2 numbers; expected 3",
        ),
        (
            [{"normalization": {"mean": 0.5, "variance": [1, 1]}}],
            (4, 4, 3),
            "layer normalization_1",
            "`variance` .*2 numbers; expected 3",
        ),
        (["relu", {"skip": ["relu", {"dense": 4}]}], (2, 2, 1), "layer skip_1: layer dense_1", r"shape \(2, 2, 1\)"),
    ],
)
def test_what_does_not_fit_names_the_layer_and_the_shape(layers: list, shape: Shape, place: str, found: str) -> None:
    with pytest.raises(ShapeError, match=f"^{place}: .*{found}"):
        chain.place(parse_layers(layers), shape)
