"""Protects the line between images of units that show something and noise."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.report.figures.image_noise import LEAST_SIDE, neighbour_correlation, shows_more_than_noise


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_noise_and_a_slope_is_not(channels: int) -> None:
    random = np.random.default_rng(0)
    noise = random.normal(size=(200, 32, 32, channels))
    assert not shows_more_than_noise(noise).any()
    blurred = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) + np.roll(noise, (1, 1), (1, 2))
    assert shows_more_than_noise(blurred).all()


def test_likeness_is_the_correlation_of_pixels_that_touch() -> None:
    image = np.random.default_rng(1).normal(size=(1, 200, 200, 1))
    smooth = image[:, 1:] + image[:, :-1]  # correlated by half downwards, not to the right
    assert neighbour_correlation(smooth)[0] == pytest.approx(0.25, abs=0.02)
    assert neighbour_correlation(np.ones((1, 9, 9, 3))).tolist() == [0]


def test_small_images_are_all_shown() -> None:
    assert shows_more_than_noise(np.random.default_rng(0).normal(size=(50, LEAST_SIDE - 1, 20, 3))).all()
