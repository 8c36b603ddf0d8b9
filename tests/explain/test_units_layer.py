"""Protects how units are read: which layers have any, what a unit gave, and its weights in terms of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from unit_cases import noise, subject

from snellen.errors import StudyError, UnknownName
from snellen.explain.units.analysis import misfit as units_misfit
from snellen.explain.units.layer import chosen_layer, incoming_weights, layers_with_units, read_units, unit_layer
from snellen.models.build import build
from snellen.models.features import Pca, Standardise, TopPixels
from snellen.study.analyses import Units

CONV: list[Any] = [{"conv": {"filters": 4, "kernel": 3}}, "batch_norm", "relu", {"max_pool": 2}, "flatten"]
DENSE: list[Any] = ["flatten", {"dense": {"units": 5, "activation": "relu"}}, {"dropout": 0.5}]
ROWS = np.arange(20)


def of(layers: list[Any], images: np.ndarray | None = None) -> Any:
    pictures = noise(20) if images is None else images
    return subject(layers, pictures, np.arange(len(pictures)) % 3, len(pictures) // 2)


def test_the_last_hidden_layer_is_looked_at_unless_one_is_named() -> None:
    network = build([*CONV, {"dense": 8}], (6, 6, 1), 3)
    assert layers_with_units(network) == ["conv_1", "dense_1", "dense_2"]
    assert chosen_layer(network, None) == "dense_1"
    assert chosen_layer(network, "conv_1") == "conv_1"


def test_a_layer_that_is_not_there_lists_those_that_are() -> None:
    network = build(DENSE, (6, 6, 1), 3)
    with pytest.raises(UnknownName, match=r"unknown layer 'dense_3'; expected one of dense_1, dense_2\. Did you mean"):
        chosen_layer(network, "dense_3")
    why = units_misfit(network, Units(layer="dense_3"))
    assert why is not None and "expected one of dense_1, dense_2" in why


@pytest.mark.parametrize("name", ["flatten_1", "dropout_1"])
def test_a_layer_without_units_names_those_that_fit(name: str) -> None:
    network = build(DENSE, (6, 6, 1), 3)
    with pytest.raises(
        StudyError, match=f"the layer `{name}` has no units of its own; expected one of dense_1, dense_2"
    ):
        chosen_layer(network, name)


def test_without_a_hidden_layer_the_output_must_be_asked_for() -> None:
    network = build(["flatten"], (6, 6, 1), 3)
    with pytest.raises(StudyError, match=r"there is no hidden layer. `layer: dense_1` analyses the output layer"):
        chosen_layer(network, None)
    assert units_misfit(network, Units(layer="dense_1")) is None


def test_a_filter_is_read_where_the_next_layer_sees_it() -> None:
    one = of(CONV)
    layer = unit_layer(one.network, "conv_1")
    assert (layer.read_at, layer.units, layer.convolutional, layer.activation) == ("relu_1", 4, True, "relu")
    read = read_units(one, layer, ROWS)
    maps = one.outputs("relu_1", ROWS)
    np.testing.assert_allclose(read.activation, maps.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(read.peak, maps.max((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(read.drive, one.outputs("batch_norm_1", ROWS).mean((1, 2)), rtol=1e-4, atol=1e-6)


def test_trained_rectifiers_and_given_numbers_belong_to_the_units_before_them() -> None:
    scaled = {"normalization": {"mean": 0.1, "variance": 4}}
    one = of([{"gaussian_noise": 0.1}, scaled, "flatten", {"dense": 5}, scaled, "prelu", {"alpha_dropout": 0.5}])
    layer = unit_layer(one.network, "dense_1")
    assert layer.read_at == "prelu_1" and not layer.affine
    np.testing.assert_allclose(read_units(one, layer, ROWS).activation, one.outputs("prelu_1", ROWS), rtol=1e-5)
    plain = of([scaled, {"gaussian_noise": 0.1}, "flatten", {"dense": 5}, "mish"])
    weights = incoming_weights(plain, unit_layer(plain.network, "dense_1"))
    kernel = plain.parameters["dense_1.kernel"][0].numpy()
    assert weights is not None
    np.testing.assert_allclose(weights.reshape(5, -1).T, kernel / 2, rtol=1e-5)


def test_a_dense_unit_is_read_after_its_own_activation() -> None:
    one = of(DENSE)
    layer = unit_layer(one.network, "dense_1")
    read = read_units(one, layer, ROWS)
    assert layer.read_at == "dense_1" and not layer.convolutional
    np.testing.assert_array_equal(read.activation, one.outputs("dense_1", ROWS))
    np.testing.assert_array_equal(np.maximum(read.drive, 0), read.activation)
    assert read.drive.min() < 0


def test_pooling_does_not_belong_to_a_filter() -> None:
    network = build([{"conv": {"filters": 2, "kernel": 3}}, {"max_pool": 2}, "flatten"], (6, 6, 1), 3)
    assert unit_layer(network, "conv_1").read_at == "conv_1"


def test_weights_of_a_dense_layer_are_its_kernel_as_images() -> None:
    one = of(DENSE)
    kernel = one.parameters["dense_1.kernel"][0].numpy()
    found = incoming_weights(one, unit_layer(one.network, "dense_1"))
    assert found is not None
    np.testing.assert_allclose(found, kernel.T.reshape(5, 6, 6, 1), atol=1e-7)


def test_weights_on_components_are_mapped_back_to_pixels() -> None:
    one = of([Pca(keep=4), {"dense": {"units": 5, "activation": "relu"}}])
    components = torch.randn(1, 36, 4, generator=torch.Generator().manual_seed(0))
    one.state["pca_1.components"].copy_(components)
    expected = components[0].numpy() @ one.parameters["dense_1.kernel"][0].numpy()
    found = incoming_weights(one, unit_layer(one.network, "dense_1"))
    assert found is not None
    np.testing.assert_allclose(found, expected.T.reshape(5, 6, 6, 1), atol=1e-6)


def test_weights_on_chosen_pixels_stand_on_these() -> None:
    one = of([Standardise(), TopPixels(count=3, by="anova"), {"dense": 2}])
    one.state["standardise_1.scale"].fill_(2)
    one.state["top_pixels_1.pixels"].copy_(torch.tensor([[7.0, 0.0, 35.0]]))
    found = incoming_weights(one, unit_layer(one.network, "dense_1"))
    assert found is not None
    expected = np.zeros((2, 36))
    expected[:, [7, 0, 35]] = 2 * one.parameters["dense_1.kernel"][0].numpy().T
    np.testing.assert_allclose(found.reshape(2, 36), expected, atol=1e-6)


def test_weights_of_a_first_convolution_are_its_kernels_and_of_later_layers_none() -> None:
    one = of([*CONV, {"dense": 8}], noise(20, channels=3))
    found = incoming_weights(one, unit_layer(one.network, "conv_1"))
    np.testing.assert_array_equal(found, one.parameters["conv_1.kernel"][0].numpy())
    assert incoming_weights(one, unit_layer(one.network, "dense_1")) is None
