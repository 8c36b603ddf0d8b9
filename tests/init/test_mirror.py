"""Protects characters from mirrored training images: names that say nothing and thin strokes count as characters."""

from __future__ import annotations

import numpy as np
import pytest
from needs import needs

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.init.mirror import reason_against_mirror

RANDOM = np.random.default_rng(3)


def colourful(*classes: str) -> Dataset:
    images = RANDOM.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    return from_arrays(images, np.array([classes[row % len(classes)] for row in range(24)]), name="mine")


@pytest.mark.parametrize("classes", [("cat", "dog"), ("T-shirt/top", "Ankle boot"), ("class_rust", "class_healthy")])
def test_photographs_of_things_are_mirrored(classes: tuple[str, ...]) -> None:
    assert reason_against_mirror(colourful(*classes)) is None


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        (("0", "1"), "characters"),
        (("digit_7", "digit_9"), "characters"),
        (("A", "b"), "characters"),
        (("turn left", "turn right"), "left and right"),
        (("00014", "00042"), "do not say what they show"),
        (("class_03", "class_14"), "do not say what they show"),
        (("c1", "c2"), "do not say what they show"),
    ],
)
def test_what_may_be_another_class_is_not(classes: tuple[str, ...], reason: str) -> None:
    assert reason in (reason_against_mirror(colourful(*classes)) or "")


def strokes(width: int) -> Dataset:
    """Bright bars of a width on black, with names that say nothing of characters."""
    images = np.zeros((20, 32, 32), np.uint8)
    for row in range(20):
        images[row, 4:28, 8 + row % 4 : 8 + row % 4 + width] = 230
    return from_arrays(images, np.array(["alpha", "beta"] * 10), name="mine", pixel_range=(0, 255))


def test_thin_strokes_on_an_even_ground_are_characters() -> None:
    assert "thin strokes" in (reason_against_mirror(strokes(3)) or "")
    assert reason_against_mirror(strokes(14)) is None


@needs("mnist")
def test_mnist_by_its_strokes_alone() -> None:
    mnist = read("mnist")
    named = from_arrays(mnist.images[:300], np.array(["alpha", "beta"] * 150), name="mine", pixel_range=(0, 255))
    assert "thin strokes" in (reason_against_mirror(named) or "")


@needs("fashion-mnist")
def test_clothes_are_no_strokes() -> None:
    assert reason_against_mirror(read("fashion-mnist")) is None
