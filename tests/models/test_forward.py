"""Protects predictions from the company they keep: number, order and batch of images change no bit of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from snellen.models.build import assemble, build, parse_layers
from snellen.models.forward import (
    layer_outputs,
    predict_probabilities,
    probabilities_and_outputs,
    resident,
    to_input,
)
from snellen.models.layer import Step
from snellen.models.layers import BatchNorm, Dense
from snellen.models.views import Views
from snellen.models.zoo import ZOO

NETWORK = build(
    [
        {"conv": {"filters": 8, "kernel": 3, "activation": "relu"}},
        "batch_norm",
        "flatten",
        {"dense": 33},
        {"dropout": 0.5},
    ],
    (9, 7, 1),
    5,
)
PARAMETERS, STATE = NETWORK.init((1,))
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 9, 7, 1), dtype=np.uint8)


def predict(images: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    chosen = None if rows is None else torch.from_numpy(rows)
    return predict_probabilities(NETWORK, PARAMETERS, STATE, resident(images), (0, 255), chosen)


ALL = predict(IMAGES)


@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 255, 256, 300])
def test_the_number_of_images(count: int) -> None:
    np.testing.assert_array_equal(predict(IMAGES[:count]), ALL[:count])
    assert predict(IMAGES[:count]).shape == (count, 5)


@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 300])
def test_the_order_of_images(count: int) -> None:
    rows = np.random.default_rng(count).permutation(300)[:count]
    np.testing.assert_array_equal(predict(IMAGES[rows]), ALL[rows])
    np.testing.assert_array_equal(predict(IMAGES, rows), ALL[rows])


def test_each_alone() -> None:
    alone = np.concatenate([predict(IMAGES[row : row + 1]) for row in range(0, 300, 37)])
    np.testing.assert_array_equal(alone, ALL[::37])


def test_the_number_of_threads() -> None:
    """The machine that predicts may have other cores than the one that trained."""
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            np.testing.assert_array_equal(predict(IMAGES), ALL)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_they_are_the_softmax_of_the_logits() -> None:
    x = to_input(torch.from_numpy(IMAGES), (0, 255), torch.float64)[None]
    parameters, state = ({name: value.double() for name, value in each.items()} for each in (PARAMETERS, STATE))
    logits = NETWORK.apply(parameters, state, x, "evaluate")[0][0].numpy()
    expected = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(ALL, expected / expected.sum(1, keepdims=True), rtol=1e-4, atol=1e-6)
    assert ALL.dtype == np.float32


@pytest.mark.parametrize(
    ("pixel_range", "expected"),
    [((0, 255), [0.0, 0.2, 1.0]), ((51, 255), [-0.25, 0.0, 1.0]), ((255, 0), [1.0, 0.8, 0.0])],
)
def test_pixels_become_shares_of_the_way_from_black_to_white(pixel_range: tuple, expected: list[float]) -> None:
    stored = torch.tensor([0, 51, 255], dtype=torch.uint8)
    torch.testing.assert_close(to_input(stored, pixel_range), torch.tensor(expected))


def test_evaluation_uses_moving_statistics() -> None:
    """The batch must not matter: else filling it up would."""
    x = torch.randn(1, 4, 3)
    layer = BatchNorm()
    parameters = {"gamma": torch.ones(1, 3), "beta": torch.zeros(1, 3)}
    state = {"moving_mean": torch.full((1, 3), 2.0), "moving_variance": torch.full((1, 3), 4.0)}
    y, _ = layer.apply(parameters, state, x, Step("evaluate"))
    torch.testing.assert_close(y, (x - 2) / (4 + 1e-3) ** 0.5)


ONE_PASS: dict[str, tuple[list[Any], str]] = {
    "dense": (["flatten", {"dense": {"units": 9, "activation": "relu"}}], "dense_1"),
    "the logits": (["flatten"], "dense_1"),
    "pool with relu moved behind": ([{"conv": {"filters": 4, "kernel": 3}}, "relu", {"max_pool": 2}], "max_pool_1"),
    "conv with relu moved behind": (
        [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten"],
        "max_pool_1",
    ),
    "relu that is computed later": ([{"conv": {"filters": 4, "kernel": 3}}, "relu", {"max_pool": 2}], "relu_1"),
    "conv whose relu is computed later": (
        [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}],
        "conv_1",
    ),
    "batch norm": ([{"conv": {"filters": 4, "kernel": 3}}, "batch_norm", "relu", "global_average_pool"], "relu_1"),
    "dropout": (["flatten", {"dense": 9}, {"dropout": 0.5}], "dense_1"),
    "lenet-5": ([*ZOO["lenet-5"]], "dense_2"),
}


@pytest.mark.parametrize("views", [(), ("flip",), ("flip", "shift")], ids=str)
@pytest.mark.parametrize(("layers", "kept"), ONE_PASS.values(), ids=ONE_PASS)
def test_one_pass_gives_the_bits_of_two(layers: list[Any], kept: str, views: tuple[Any, ...]) -> None:
    images = resident(np.random.default_rng(0).integers(0, 256, (150, 28, 28, 1), dtype=np.uint8))
    front = (Views(views=views),) if views else ()
    layers = [*layers, *["flatten"] * (kept != "dense_2"), {"dense": 3}]
    network = assemble((*front, *parse_layers(layers)), (28, 28, 1), 3)
    one = (network, *network.init((1,)), images, (0.0, 255.0))
    probabilities, outputs = probabilities_and_outputs(*one, kept)
    np.testing.assert_array_equal(probabilities, predict_probabilities(*one))
    np.testing.assert_array_equal(outputs, layer_outputs(*one, kept))


def test_one_pass_computes_each_layer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build(["flatten", {"dense": {"units": 9, "activation": "relu"}}], (9, 7, 1), 5)
    counted, apply = list[Dense](), Dense.apply

    def counting(self: Dense, *rest: Any) -> Any:
        counted.append(self)
        return apply(self, *rest)

    monkeypatch.setattr(Dense, "apply", counting)
    probabilities_and_outputs(network, *network.init((1,)), resident(IMAGES[:100]), (0, 255), "dense_1")
    assert len(counted) == 2
