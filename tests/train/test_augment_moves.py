"""Protects what augmentations that move pixels do, against SciPy's affine transform as Keras's ImageDataGenerator calls
it, and against NumPy's own flips, pads and slices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from snellen.train.augment.geometric import Crop, Flip, Rotate, Scale, Shift
from snellen.train.augment.stages import stages_of
from snellen.train.augment.warp import Fill, Interpolation, composed, maps, read_between, read_whole

RANDOM = np.random.default_rng(11)
HEIGHT, WIDTH, COUNT = 11, 14, 30
IMAGES = RANDOM.random((COUNT, HEIGHT, WIDTH, 2))
SCIPY = {"nearest": "nearest", "zero": "grid-constant"}


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def warped(numbers: np.ndarray, fill: Fill = "nearest", interpolation: Interpolation = "bilinear") -> np.ndarray:
    return read_between(torch.tensor(IMAGES)[None], torch.tensor(numbers)[None], fill, interpolation)[0].numpy()


def matrices(numbers: np.ndarray) -> np.ndarray:
    """(n, 3, 3): homogeneous, from pixels counted from the top left corner to those that are read."""
    middle = np.eye(3)
    middle[:2, 2] = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
    inner = np.tile(np.eye(3), (len(numbers), 1, 1))
    inner[:, :2] = numbers.reshape(-1, 2, 3)
    return middle @ inner @ np.linalg.inv(middle)


def by_scipy(numbers: np.ndarray, fill: Fill) -> np.ndarray:
    """As ImageDataGenerator does it: one affine transform of each channel, spline order 1."""
    found = np.empty_like(IMAGES)
    for number, matrix in enumerate(matrices(numbers)):
        for channel in range(2):
            found[number, ..., channel] = ndimage.affine_transform(
                IMAGES[number, ..., channel], matrix[:2, :2], matrix[:2, 2], order=1, mode=SCIPY[fill]
            )
    return found


def any_maps() -> np.ndarray:
    linear = np.eye(2).ravel() + RANDOM.uniform(-0.4, 0.4, (COUNT, 4))
    offsets = RANDOM.uniform(-5, 5, (COUNT, 2))
    return maps(COUNT, tuple(linear.T), tuple(offsets.T))


@pytest.mark.parametrize("fill", ["nearest", "zero"])
def test_reading_between_pixels_is_scipys(fill: Fill) -> None:
    numbers = any_maps()
    np.testing.assert_allclose(warped(numbers, fill), by_scipy(numbers, fill), atol=1e-10)


def test_reading_the_nearest_pixel() -> None:
    numbers = maps(COUNT, offset=(RANDOM.integers(-3, 4, COUNT) + 0.3, RANDOM.integers(-3, 4, COUNT) - 0.3))
    whole = numbers.round()
    np.testing.assert_allclose(warped(numbers, "zero", "nearest"), by_scipy(whole, "zero"), atol=1e-12)


@pytest.mark.parametrize("fill", ["nearest", "zero"])
def test_whole_pixels_are_read_exactly(fill: Fill) -> None:
    signs = RANDOM.choice([-1, 1], (2, COUNT))
    numbers = maps(COUNT, (signs[0], 0, 0, signs[1]), tuple(RANDOM.integers(-20, 21, (2, COUNT))))
    found = read_whole(torch.tensor(IMAGES)[None], torch.tensor(numbers)[None], fill)[0].numpy()
    np.testing.assert_allclose(found, by_scipy(numbers, fill), atol=1e-12)
    assert np.isin(found, [0.0, *IMAGES.ravel()]).all()


def test_maps_in_a_row_are_one_map() -> None:
    first, second, third = any_maps(), any_maps(), any_maps()
    product = matrices(first) @ matrices(second) @ matrices(third)
    np.testing.assert_allclose(matrices(composed([first, second, third])), product, atol=1e-10)


def test_the_first_of_two_is_done_first() -> None:
    """A shift to the right, then a mirror: the gap is on the right."""
    right, mirror = maps(COUNT, offset=(0, -3)), maps(COUNT, (1, 0, 0, -1))
    expected = np.pad(IMAGES, ((0, 0), (0, 0), (3, 0), (0, 0)))[:, :, :WIDTH][:, :, ::-1]
    np.testing.assert_allclose(warped(composed([right, mirror]), "zero"), expected, atol=1e-12)


def test_a_shift_is_uniform_and_a_share_of_each_side() -> None:
    numbers = Shift(amount=0.2).draw(generator(), 5_000, (100, 50, 1))
    np.testing.assert_array_equal(numbers[:, [0, 1, 3, 4]], [[1, 0, 0, 1]] * 5_000)
    down, right = numbers[:, 2], numbers[:, 5]
    assert stats.kstest(down, stats.uniform(-20, 40).cdf).pvalue > 1e-3
    assert stats.kstest(right, stats.uniform(-10, 20).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.06
    whole = Shift(amount=0.2, interpolation="nearest").draw(generator(), 5_000, (100, 50, 1))
    np.testing.assert_array_equal(whole[:, [2, 5]], numbers[:, [2, 5]].round())


@pytest.mark.parametrize(("direction", "axes"), [("horizontal", [(), (2,)]), ("vertical", [(), (1,)])])
def test_a_flip_mirrors_half_of_the_images(direction: Any, axes: list[tuple[int, ...]]) -> None:
    numbers = Flip(direction=direction).draw(generator(), COUNT, (HEIGHT, WIDTH, 2))
    changed = warped(numbers)
    mirrored = 0
    for number, image in enumerate(changed):
        same, other = (np.flip(IMAGES, along)[number] for along in axes)
        is_other = np.allclose(image, other, atol=1e-12)
        assert is_other or np.allclose(image, same, atol=1e-12)
        mirrored += is_other
    assert COUNT / 4 < mirrored < 3 * COUNT / 4


def test_a_flip_both_ways_gives_all_four() -> None:
    numbers = Flip(direction="both").draw(generator(), 4_000, (HEIGHT, WIDTH, 2))
    _, counts = np.unique(numbers[:, [0, 4]], axis=0, return_counts=True)
    assert len(counts) == 4 and (abs(counts - 1_000) < 130).all()


def test_a_crop_is_a_slice_of_the_padded_image() -> None:
    numbers = Crop(padding=4).draw(generator(), COUNT, (HEIGHT, WIDTH, 2))
    found = read_whole(torch.tensor(IMAGES)[None], torch.tensor(numbers)[None], "zero")[0].numpy()
    padded = np.pad(IMAGES, ((0, 0), (4, 4), (4, 4), (0, 0)))
    for number, (top, left) in enumerate(4 + numbers[:, [2, 5]].astype(int)):
        np.testing.assert_array_equal(found[number], padded[number, top : top + HEIGHT, left : left + WIDTH])
    places, counts = np.unique(Crop(padding=1).draw(generator(), 9_000, (8, 8, 1)), axis=0, return_counts=True)
    assert len(places) == 9 and (abs(counts - 1_000) < 150).all()


def test_a_turn_is_scipys_rotate_by_a_uniform_angle() -> None:
    numbers = Rotate(degrees=30).draw(generator(), COUNT, (HEIGHT, WIDTH, 2))
    found = warped(numbers)
    for number, angle in enumerate(np.degrees(np.arctan2(numbers[:, 3], numbers[:, 0]))):
        expected = ndimage.rotate(IMAGES[number], -angle, reshape=False, order=1, mode="nearest")
        np.testing.assert_allclose(found[number], expected, atol=1e-9)
    many = Rotate(degrees=30).draw(generator(), 5_000, (8, 8, 1))
    angles = np.degrees(np.arctan2(many[:, 3], many[:, 0]))
    assert stats.kstest(angles, stats.uniform(-30, 60).cdf).pvalue > 1e-3


def test_a_larger_scale_draws_larger() -> None:
    """The area of a disc grows with the square of the factor, and its middle stays."""
    distance = np.hypot(*np.meshgrid(np.arange(61) - 30, np.arange(61) - 30))
    disc = torch.tensor((12.5 - distance).clip(0, 1))[None, None, :, :, None].expand(1, 20, -1, -1, 1)
    numbers = Scale(factors=(0.6, 1.8)).draw(generator(), 20, (61, 61, 1))
    found = read_between(disc, torch.tensor(numbers)[None], "zero", "bilinear")[0, ..., 0].numpy()
    factors = np.sqrt(found.sum((1, 2)) / (math.pi * 12**2))
    np.testing.assert_allclose(factors, 1 / numbers[:, 0], rtol=0.01)
    assert 0.6 <= factors.min() < 0.9 and 1.5 < factors.max() <= 1.81
    np.testing.assert_allclose([ndimage.center_of_mass(each) for each in found], 30, atol=1e-3)
    many = 1 / Scale(factors=(0.6, 1.8)).draw(generator(), 5_000, (8, 8, 1))[:, 4]
    assert stats.kstest(many, stats.uniform(0.6, 1.2).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("steps", "sizes"),
    [
        ((Shift(amount=0.1), Flip(), Rotate(degrees=5), Scale(factors=0.1)), [4]),
        ((Flip(), Crop(padding=2), Flip()), [3]),
        ((Shift(amount=0.1), Crop(padding=2)), [1, 1]),
        ((Shift(amount=0.1), Rotate(degrees=5, interpolation="nearest"), Flip()), [1, 2]),
        ((Crop(padding=2), Rotate(degrees=5, fill="zero")), [2]),
    ],
)
def test_neighbours_that_fill_and_interpolate_alike_are_one_stage(steps: Any, sizes: list[int]) -> None:
    assert [len(stage.steps) for stage in stages_of(steps)] == sizes


def test_a_stage_has_the_fill_and_interpolation_of_its_steps() -> None:
    (stage,) = stages_of((Flip(), Crop(padding=2), Shift(amount=0.2, fill="zero", interpolation="nearest")))
    assert (stage.fill, stage.interpolation) == ("zero", "nearest")
    assert stages_of((Flip(),))[0].fill == "nearest"
