"""Protects what augmentations that change values or mix images do, against formulas written out in NumPy as Keras and
the papers have them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from snellen.train.augment.mixing import Cutmix, Mixup
from snellen.train.augment.recolouring import Brightness, Contrast, Cutout

RANDOM = np.random.default_rng(12)
SHAPE, COUNT = (10, 8, 3), 200
IMAGES = RANDOM.random((COUNT, *SHAPE))
OTHERS = RANDOM.random((COUNT, *SHAPE))


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def tensor(values: np.ndarray) -> Tensor:
    """One lane."""
    return torch.tensor(values)[None]


def test_brightness_adds_a_uniform_number_and_cuts_off() -> None:
    numbers = Brightness(amount=0.4).draw(generator(), COUNT, SHAPE)
    found = Brightness(amount=0.4).apply(tensor(IMAGES), tensor(numbers))[0].numpy()
    np.testing.assert_allclose(found, np.clip(IMAGES + numbers[:, :, None, None], 0, 1), atol=1e-12)
    assert stats.kstest(numbers[:, 0], stats.uniform(-0.4, 0.8).cdf).pvalue > 1e-3


def test_contrast_stretches_about_the_mean_of_each_channel() -> None:
    numbers = Contrast(amount=0.7).draw(generator(), COUNT, SHAPE)
    found = Contrast(amount=0.7).apply(tensor(IMAGES), tensor(numbers))[0].numpy()
    means = IMAGES.mean((1, 2), keepdims=True)
    expected = np.clip((IMAGES - means) * numbers[:, :, None, None] + means, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert stats.kstest(numbers[:, 0], stats.uniform(0.3, 1.4).cdf).pvalue > 1e-3


@pytest.mark.parametrize("size", [1, 4, 5])
def test_cutout_covers_a_square_with_its_middle_anywhere(size: int) -> None:
    """The covered rows and columns of each image are a run around one middle; every middle is as likely."""
    step, count = Cutout(size=size, value=0.25), 4_000
    numbers = tensor(step.draw(generator(), count, SHAPE))
    covered = (step.apply(torch.ones(1, count, *SHAPE, dtype=torch.float64), numbers)[0] == 0.25).all(-1).numpy()
    possible: Counter[bytes] = Counter()
    for row in range(SHAPE[0]):
        for column in range(SHAPE[1]):
            image = np.zeros(SHAPE[:2], bool)
            top, left = row - size // 2, column - size // 2
            image[max(top, 0) : top + size, max(left, 0) : left + size] = True
            possible[image.tobytes()] += 1
    found = Counter(each.tobytes() for each in covered)
    assert found.keys() == possible.keys()
    expected = [count * possible[each] / (SHAPE[0] * SHAPE[1]) for each in found]
    assert stats.chisquare(list(found.values()), expected).pvalue > 1e-3


def test_mixup_is_the_weighted_mean() -> None:
    numbers = Mixup(alpha=0.3).draw(generator(), COUNT, SHAPE)
    found, share = Mixup(alpha=0.3).mix(tensor(IMAGES), tensor(OTHERS), tensor(numbers))
    weights = numbers[:, :, None, None]
    np.testing.assert_allclose(found[0], weights * IMAGES + (1 - weights) * OTHERS, atol=1e-12)
    np.testing.assert_array_equal(share[0], numbers[:, 0])
    many = Mixup(alpha=0.3).draw(generator(), 5_000, SHAPE)[:, 0]
    assert stats.kstest(many, stats.beta(0.3, 0.3).cdf).pvalue > 1e-3


def test_cutmix_shares_are_those_of_the_pixels() -> None:
    """Each pixel is of one of the two; those of the second fill a rectangle; its share is counted."""
    numbers = Cutmix(alpha=1).draw(generator(), COUNT, SHAPE)
    found, share = Cutmix(alpha=1).mix(tensor(IMAGES), tensor(OTHERS), tensor(numbers))
    of_first, of_second = (found[0].numpy() == IMAGES).all(-1), (found[0].numpy() == OTHERS).all(-1)
    assert (of_first ^ of_second).all()
    np.testing.assert_allclose(share[0], of_first.mean((1, 2)), atol=1e-12)
    for inside in of_second:
        assert inside.sum() == inside.any(1).sum() * inside.any(0).sum()


def test_cutmix_rectangles_are_as_large_as_their_share_says() -> None:
    """Where no edge cuts them: sides are sqrt(1 - share) times those of the image, rounded down (Yun et al. 2019)."""
    numbers = Cutmix(alpha=1).draw(generator(), 4_000, (400, 200, 1))
    top, left, bottom, right = numbers.T
    free = (top > 0) & (left > 0) & (bottom < 400) & (right < 200)
    height, width = (bottom - top)[free], (right - left)[free]
    assert free.sum() > 500 and abs(height - 2 * width).max() <= 2
    expected = np.sqrt(1 - generator_shares())[:, None] * (400, 200)
    np.testing.assert_array_equal(height, expected[free, 0].astype(int))
    np.testing.assert_array_equal(width, expected[free, 1].astype(int))


def generator_shares() -> np.ndarray:
    """What a Beta(1, 1) gives from the same generator, drawn by hand: first who is mixed, then the shares."""
    numbers = generator()
    numbers.random(4_000)
    shares = numbers.beta(1, 1, 4_000)
    assert stats.kstest(shares, stats.uniform.cdf).pvalue > 1e-3
    return shares


@pytest.mark.parametrize("kind", [Mixup, Cutmix])
def test_a_probability_leaves_the_others_as_they_are(kind: Any) -> None:
    step = kind(alpha=1, probability=0.3)
    numbers = step.draw(generator(), 5_000, (32, 32, 1))
    black = torch.zeros(1, 5_000, 32, 32, 1, dtype=torch.float64)
    _, share = step.mix(black, black + 1, tensor(numbers))
    assert 0.26 < (share < 1).double().mean() < 0.32
