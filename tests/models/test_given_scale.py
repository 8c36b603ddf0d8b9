"""Protects from images on another pixel scale than the model's: they are converted, or refused, never guessed."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.errors import DataError
from snellen.models.given_scale import Scale, brightest, rescaled, scale_of

RANDOM = np.random.default_rng(6)
BYTES = RANDOM.integers(0, 256, (20, 6, 6, 1), dtype=np.uint8)
BYTES[0, 0, 0], BYTES[0, 0, 1] = 0, 255
UNIT = (BYTES / 255).astype(np.float32)
BINARY = (BYTES > 127).astype(np.uint8)
GREY_LEVELS = RANDOM.integers(0, 17, (20, 8, 8, 1), dtype=np.uint8)
TWELVE = (BYTES.astype(np.float32) * 16).round()
SIXTEEN = BYTES.astype(np.float32) * 257

W8, W1, PM, W16, W12, W65 = (0.0, 255.0), (0.0, 1.0), (-1.0, 1.0), (0.0, 16.0), (0.0, 4095.0), (0.0, 65535.0)


@pytest.mark.parametrize(
    ("images", "trained", "expected"),
    [
        (BYTES, W8, W8),
        (UNIT, W8, W1),
        (UNIT * 2 - 1, W8, PM),
        (UNIT * 1.04 - 0.02, W8, W1),  # a resize overshoots
        (BYTES * np.float32(1.01), W8, W8),
        (BINARY, W8, W1),
        (UNIT.round(), W8, W1),
        (BYTES // 20, W8, W8),  # dark, but more than 0 and 1
        (BYTES, W1, W8),
        (UNIT * 2 - 1, W1, PM),
        (UNIT, W1, W1),
        (UNIT, PM, W1),
        (BYTES, PM, W8),
        (UNIT * 2 - 1, PM, PM),
        (UNIT * 0.5 + 0.4, PM, PM),  # bright images: nothing is at 0
        (GREY_LEVELS, W16, W16),
        (BYTES, W16, W8),
        (UNIT, W16, W1),
        (TWELVE, W12, W12),
        (UNIT, W12, W1),
        (BYTES, W12, W8),
        (SIXTEEN, W8, W65),
        (BYTES, W65, W8),
        (UNIT, W65, W1),
        (SIXTEEN, W65, W65),
        (np.zeros_like(BYTES), W8, W8),
        (np.full_like(UNIT, 0.25), W1, W1),
    ],
)
def test_the_scale_of_images(images: np.ndarray, trained: Scale, expected: Scale) -> None:
    assert scale_of(images, trained, images.dtype == np.uint8) == expected


@pytest.mark.parametrize(
    ("images", "trained", "found"),
    [
        ((UNIT - 0.485) / 0.229, W8, "pixels from -2.1"),  # normalised as for a pretrained network
        (TWELVE, W8, "pixels from 0 to 4080"),
        (SIXTEEN * 1.3, W8, "pixels from 0 to 85"),
        (BYTES * np.float32(4.3), W8, "pixels from 0 to 1096"),
    ],
)
def test_a_scale_that_cannot_be_told_is_refused(images: np.ndarray, trained: Scale, found: str) -> None:
    with pytest.raises(DataError, match=rf"which values mean black and white; found {found}.*0 to 255 as in training"):
        scale_of(images, trained, False)


def test_what_was_divided_comes_back_exactly() -> None:
    for own, images in ((W1, UNIT), (PM, UNIT * 2 - 1), (W65, SIXTEEN)):
        back = rescaled(images, own, W8)
        assert back.dtype == np.uint8
        np.testing.assert_array_equal(back, BYTES)
    np.testing.assert_allclose(rescaled(BYTES, W8, PM), BYTES / 127.5 - 1, atol=1e-6)
    halves = rescaled(UNIT / 2, W1, W8)
    assert halves.dtype == np.float32
    np.testing.assert_allclose(halves, BYTES / 2, atol=1e-4)


def test_brightness_is_a_share_of_white() -> None:
    assert brightest(BYTES, W8) == 1 and brightest(UNIT * 2 - 1, PM) == 1
    assert brightest(BYTES // 5, W8) == pytest.approx(0.2)
