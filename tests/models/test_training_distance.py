"""Protects which images are told to be unlike the training images: the distance, its limit, and their rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from torch import Tensor

from snellen.models.build import Network, assemble, build
from snellen.models.fit_training_distance import (
    fit_space,
    fit_training_distance,
    limit_place,
    sample,
)
from snellen.models.forward import layer_outputs, predict_probabilities, resident
from snellen.models.training_distance import TrainingDistance, averaged, compared_layer
from snellen.models.views import Views

DENSE: list[Any] = ["flatten", {"dense": {"units": 6, "activation": "relu"}}, {"dropout": 0.5}]
LAYERS: dict[str, tuple[Any, str]] = {
    "no hidden layer": (["flatten"], "dense_1"),
    "dense": (DENSE, "dense_1"),
    "conv": ([{"conv": {"filters": 3, "kernel": 3}}, "batch_norm", "relu", "flatten"], "flatten_1"),
    "pooled": ([{"conv": {"filters": 3, "kernel": 3}}, "global_average_pool"], "global_average_pool_1"),
    "too wide": (["flatten", {"dense": {"units": 600}}], "dense_2"),
    "one unit": (["flatten", {"dense": {"units": 1, "activation": "relu"}}], "dense_1"),
}


def blobs(count: int, seed: int, size: int = 8, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Images of three classes, each a bright bar with noise on it."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = generator.normal(60, 15, (count, size, size, channels))
    for row, label in enumerate(labels):
        images[row, 2 * label : 2 * label + 2] += 120
    return np.clip(images, 0, 255).astype(np.uint8), labels


Trained = tuple[Network, dict[str, Tensor], dict[str, Tensor]]


def made(layers: Any) -> Trained:
    network = build(layers, (8, 8, 1), 3)
    return network, *network.init((3,))


def fit(
    trained: Trained, pictures: tuple[np.ndarray, np.ndarray], begin: int, end: int, held_out: bool = True
) -> TrainingDistance | None:
    """To the images before `begin`, with limits from those before `end`."""
    network, parameters, state = trained
    images, labels = pictures
    train, validation = np.arange(begin), np.arange(begin, end)
    return fit_training_distance(
        network, parameters, state, resident(images), labels, (0, 255), train, validation, held_out
    )


def fitted(layers: Any, count: int = 900, held_out: bool = True) -> tuple[Trained, TrainingDistance]:
    """A network of fresh weights, and its distance: two thirds to fit, a third for the limits."""
    trained = made(layers)
    found = fit(trained, blobs(count, 0), 2 * count // 3, count, held_out)
    assert found is not None
    return trained, found


def measured(trained: Trained, found: TrainingDistance, images: np.ndarray, rows: Tensor | None = None) -> np.ndarray:
    network, parameters, state = trained
    return found.measure(network, parameters, state, resident(images), (0, 255), rows)


def test_the_distance_is_that_of_mahalanobis() -> None:
    """To scipy's, with the covariance that the documentation says."""
    generator = np.random.default_rng(0)
    values, labels = generator.normal(size=(60, 4)) @ generator.normal(size=(4, 4)), np.arange(60) % 3
    space = fit_space(values, labels, values, 60)
    means = np.stack([values[labels == label].mean(0) for label in range(3)])
    covariance = sum(np.cov(values[labels == label].T, bias=True) for label in range(3)) / 3
    covariance += (0.01 * np.trace(covariance) / 4 + 1e-8 * (values**2).mean() + 1e-12) * np.eye(4)
    inverse = np.linalg.inv(covariance)
    new = generator.normal(size=(20, 4))
    expected = [min(mahalanobis(each, mean, inverse) for mean in means) / 2 for each in new]  # sqrt(4) values
    np.testing.assert_allclose(space.distances(new), expected, rtol=1e-5)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_noise_and_plain_images_are_unlike_for_every_network(layers: tuple[Any, str]) -> None:
    network, found = fitted(layers[0])
    generator = np.random.default_rng(1)
    strange = np.concatenate(
        [
            generator.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8),
            np.broadcast_to(np.array([0, 128, 255], np.uint8)[:, None, None, None], (3, 8, 8, 1)),
            255 - blobs(20, 2)[0],
        ]
    )
    assert found.layer == layers[1]
    assert (measured(network, found, strange) > 1).all()
    like = measured(network, found, blobs(1_000, 3)[0])
    assert (like > 1).mean() < 0.03


@pytest.mark.parametrize("held_out", [True, False])
def test_the_rate_of_false_alarms_is_at_most_the_stated_one(held_out: bool) -> None:
    """Over many data sets; for one alone it varies by chance with the validation images."""
    generator, rates = np.random.default_rng(5), []
    network, pictures = made(DENSE), blobs(4_000, 6)
    for _ in range(12):
        order = generator.permutation(4_000)
        images, labels = pictures[0][order], pictures[1][order]
        found = fit(network, (images, labels), 300, 800, held_out)
        assert found is not None and found.rate == pytest.approx(0.01, abs=0.003) and found.images == 500
        beyond = measured(network, found, images[800:]) > 1
        rates.append(beyond.mean() / found.rate)
    assert 0.6 < np.mean(rates) < 1.15


def test_the_place_of_the_limit_keeps_the_rate() -> None:
    """By counting: of n + 1 exchangeable distances, each equally likely to be the new one, so many are beyond."""
    for count, spaces in ((19, 1), (98, 1), (99, 1), (150, 2), (199, 2), (250, 1), (500, 2)):
        place, rate = limit_place(count, spaces)
        beyond = sum(new > sorted(set(range(count + 1)) - {new})[place - 1] for new in range(count + 1))
        assert spaces * beyond / (count + 1) == pytest.approx(rate)
        assert rate <= (0.01 if count >= 100 * spaces - 1 else spaces / (count + 1)) + 1e-12
        assert place == count or limit_place(count, spaces)[1] > 0.005


def test_pixels_alone_are_compared_where_no_image_was_held_out() -> None:
    network, found = fitted(DENSE, held_out=False)
    assert found.layer is None and found.outputs is None
    images = blobs(30, 4)[0]
    expected = found.pixels.distances(averaged(resident(images), (0, 255))) / found.pixels.limit
    np.testing.assert_array_equal(measured(network, found, images), expected)


@pytest.mark.parametrize("held_out", [18, 19])
def test_too_few_validation_images_give_none(held_out: int) -> None:
    found = fit(made(DENSE), blobs(100, 0), 100 - held_out, 100)
    assert (found is None) == (held_out == 18)
    assert found is None or found.rate == pytest.approx(0.1)


def test_neither_order_nor_number_of_images_matters() -> None:
    network, found = fitted(LAYERS["conv"][0])
    images = np.concatenate([blobs(300, 7)[0], np.random.default_rng(8).integers(0, 256, (30, 8, 8, 1), np.uint8)])
    order = np.random.default_rng(9).permutation(330)
    together = measured(network, found, images)
    shuffled = measured(network, found, images[order])
    alone = [measured(network, found, images[[row]])[0] for row in range(290, 330)]
    by_rows = measured(network, found, images, torch.from_numpy(order))
    np.testing.assert_allclose(shuffled, together[order], rtol=1e-6)
    np.testing.assert_array_equal(by_rows, shuffled)
    np.testing.assert_allclose(alone, together[290:], rtol=1e-6)


def test_the_same_rows_give_the_same_arrays() -> None:
    first, again = fitted(DENSE)[1], fitted(DENSE)[1]
    for name in ("pixels", "outputs"):
        one, other = getattr(first, name), getattr(again, name)
        assert one.limit == other.limit
        np.testing.assert_array_equal(one.means, other.means)
        np.testing.assert_array_equal(one.whitening, other.whitening)


def test_a_layer_without_any_response_decides_nothing() -> None:
    """All of its units are dead: rounding is no distance, a response is one."""
    network, parameters, state = made(DENSE)
    dead = {name: torch.zeros_like(value) for name, value in parameters.items()}
    found = fit((network, dead, state), blobs(300, 0), 200, 300)
    assert found is not None and found.outputs is not None
    assert (measured((network, dead, state), found, blobs(200, 1)[0]) > 1).mean() < 0.05
    assert found.outputs.distances(np.array([[0, 0, 0, 0, 0, 1e-8], [0, 0, 0, 0, 0, 1.0]])).tolist()[1] > 1
    assert found.outputs.distances(np.zeros((1, 6))) < found.outputs.limit


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_number_is_unlike(value: float) -> None:
    network, found = fitted(DENSE)
    images = blobs(3, 1)[0].astype(np.float32)
    images[1, 4, 4] = value
    assert (measured(network, found, images) > 1).tolist() == [False, True, False]


def test_no_images_have_no_distances() -> None:
    network, found = fitted(DENSE, 300)
    assert measured(network, found, blobs(3, 1)[0][:0]).shape == (0,)


def test_colour_images_of_any_size_are_averaged_to_few_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 20, 3), dtype=np.uint8)
    small = averaged(resident(images), (0, 255))
    assert small.shape == (5, 8 * 8 * 3) and small.dtype == np.float32
    np.testing.assert_allclose(small.mean(), images.mean() / 255, rtol=1e-2)
    exact = images[:, :, :16].reshape(5, 8, 4, 8, 2, 3).mean((2, 4)) / 255
    of_sixteen = averaged(resident(np.ascontiguousarray(images[:, :, :16])), (0, 255))
    np.testing.assert_allclose(of_sixteen.reshape(5, 3, 8, 8), exact.transpose(0, 3, 1, 2), rtol=1e-5)
    assert averaged(resident(images[:, :3, :5]), (0, 255)).shape == (5, 3 * 5 * 3)


def test_views_compare_the_unchanged_image() -> None:
    plain, parameters, state = made(DENSE)
    viewed = assemble((Views(views=("flip",)), *(placed.layer for placed in plain.layers)), (8, 8, 1), 3)
    images = resident(blobs(10, 1)[0])
    assert compared_layer(viewed) == "dense_1"
    np.testing.assert_array_equal(
        layer_outputs(viewed, parameters, state, images, (0, 255), "dense_1"),
        layer_outputs(plain, parameters, state, images, (0, 255), "dense_1"),
    )


def test_outputs_of_the_last_layer_are_the_logits() -> None:
    network, parameters, state = made(DENSE)
    images = resident(blobs(200, 1)[0])
    logits = torch.from_numpy(layer_outputs(network, parameters, state, images, (0, 255), "dense_2"))
    expected = predict_probabilities(network, parameters, state, images, (0, 255))
    np.testing.assert_array_equal(logits.softmax(-1).numpy(), expected)


def test_a_sample_is_the_same_each_time_and_no_part_of_an_order() -> None:
    rows = np.arange(10, 10_010)
    found = sample(rows, 500)
    assert len(set(found)) == 500 and (np.diff(found) > 0).all() and set(found) <= set(rows)
    np.testing.assert_array_equal(found, sample(rows, 500))
    np.testing.assert_array_equal(sample(rows[:500], 500), rows[:500])
    assert all(abs((found % 10 == last).sum() - 50) < 30 for last in range(10))
