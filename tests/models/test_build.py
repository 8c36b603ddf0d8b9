"""Protects the way from a layer list to a network: names, shapes, the implied last layer, and errors that say where."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from snellen.errors import ShapeError, UnknownName
from snellen.models.build import assemble, build, parse_layers

CNN: list[Any] = [
    {"conv": {"filters": 4, "kernel": 3}},
    "batch_norm",
    {"conv": {"filters": 2, "kernel": 3, "strides": 2}},
    "relu",
    {"max_pool": {"size": 2, "strides": 1}},
    "flatten",
    {"dense": 8},
]


def test_names_count_each_kind_and_shapes_follow() -> None:
    table = build(CNN, (9, 8, 1), 3).layer_table()
    assert [(row["name"], row["output"], row["parameters"]) for row in table] == [
        ("conv_1", [7, 6, 4], 40),
        ("batch_norm_1", [7, 6, 4], 16),
        ("conv_2", [3, 2, 2], 74),
        ("relu_1", [3, 2, 2], 0),
        ("max_pool_1", [2, 1, 2], 0),
        ("flatten_1", [4], 0),
        ("dense_1", [8], 40),
        ("dense_2", [3], 27),
    ]


def test_parameters_and_state_are_named_after_layers() -> None:
    parameters, state = build(CNN, (9, 8, 1), 3).init((0, 1))
    assert {name: tuple(value.shape) for name, value in parameters.items()} == {
        "conv_1.kernel": (2, 4, 3, 3, 1),
        "conv_1.bias": (2, 4),
        "batch_norm_1.gamma": (2, 4),
        "batch_norm_1.beta": (2, 4),
        "conv_2.kernel": (2, 2, 3, 3, 4),
        "conv_2.bias": (2, 2),
        "dense_1.kernel": (2, 4, 8),
        "dense_1.bias": (2, 8),
        "dense_2.kernel": (2, 8, 3),
        "dense_2.bias": (2, 3),
    }
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        "batch_norm_1.moving_mean": (2, 4),
        "batch_norm_1.moving_variance": (2, 4),
    }
    assert all(value.dtype == torch.float32 for value in (*parameters.values(), *state.values()))


def test_many_of_a_kind_do_not_share_values() -> None:
    """relu_1 must not be taken for the beginning of relu_10: eleven dense layers, each with its own kernel."""
    network = build(["flatten", *[{"dense": 3}] * 10], (1, 3, 1), 3)
    parameters, state = network.init((0,))
    x = torch.eye(3).view(1, 3, 1, 3, 1)
    expected = torch.eye(3)
    for number in range(1, 12):
        expected = expected @ parameters[f"dense_{number}.kernel"][0]
    torch.testing.assert_close(network.apply(parameters, state, x, "evaluate")[0][0], expected)


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([], (8, 8, 1), r"^layer dense_1: `dense` needs vectors; found shape \(8, 8, 1\)\. Put `flatten` before it\.$"),
        ([{"conv": {"filters": 2, "kernel": 9}}], (8, 8, 1), r"^layer conv_1: .*9x9 window; found images of 8x8"),
        (["max_pool"] * 4, (8, 8, 1), r"^layer max_pool_4: .*images of 1x1"),
        (["flatten", {"skip": [{"dense": 3}]}], (2, 2, 1), r"^layer skip_1: .*found \(3,\); expected \(4,\)"),
        (["flatten", {"dense": 65_536}], (512, 512, 3), r"too many weights; found 51,539,607,552"),
    ],
)
def test_what_does_not_fit(layers: list[Any], shape: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        build(layers, shape, 10).init((0,))


def test_the_last_layer_must_give_the_classes() -> None:
    with pytest.raises(ShapeError, match=r"one number a class; found \(4,\); expected 3"):
        assemble(parse_layers(["flatten", {"dense": 4}]), (2, 2, 1), 3)


@pytest.mark.parametrize("written", ["lenet5", ["flaten"], [{"dens": 3}]])
def test_unknown_names_suggest(written: Any) -> None:
    with pytest.raises(ValueError, match=r"Did you mean '(lenet-5|flatten|dense)'"):
        build(written, (8, 8, 1), 10)


def test_an_unknown_network_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName):
        build("resnet", (8, 8, 1), 10)


@pytest.mark.parametrize("written", [[3], [None], [{"dense": 3, "relu": {}}], [{"relu": 3}]])
def test_what_is_no_layer(written: Any) -> None:
    with pytest.raises(ValueError, match=r"written as a name|takes named arguments"):
        parse_layers(written)
