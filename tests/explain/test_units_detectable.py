"""Protects the loss that silencing would have shown: planted losses of that size are found in at least 80 % of draws,
and those of two thirds of it are not; it falls with images and rises with what else changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from snellen.explain.units.detectable import detectable_losses
from snellen.statistics.mcnemar import mcnemar_of_counts

UNITS, CLASSES, LEVEL = 16, 10, 0.05


def found(loss: float, discordance: float, images: int, draws: int = 1_000) -> float:
    """The share of draws in which a loss of one class in one unit is found among all pairs, none of which changes."""
    generator = np.random.default_rng(images)
    changed = generator.binomial(images, max(discordance, loss), draws)
    lost = generator.binomial(changed, 0.5 + loss / (2 * max(discordance, loss)))
    p = np.ones((draws, UNITS * CLASSES))
    p[:, 0] = mcnemar_of_counts(lost, changed - lost)
    return float(np.mean((false_discovery_control(p, axis=1)[:, 0] < LEVEL) & (lost > changed - lost)))


@pytest.mark.parametrize(("images", "discordance"), [(50, 0.0), (500, 0.0), (500, 0.06), (2_000, 0.02)])
def test_a_loss_of_that_size_is_found_in_four_of_five(images: int, discordance: float) -> None:
    changed = np.full((UNITS, CLASSES), discordance)
    each = detectable_losses(changed, np.ones_like(changed, bool), np.full(CLASSES, images), LEVEL)
    assert np.ptp(each) == 0
    assert 0.77 <= found(float(each[0]), discordance, images) <= 0.93  # discrete: the next loss that counts is found
    assert found(float(each[0]) * 2 / 3, discordance, images) < 0.55


def test_units_that_are_needed_do_not_blur_the_others() -> None:
    changed = np.full((UNITS, CLASSES), 0.01)
    changed[3, 2] = 0.4
    images, others = np.full(CLASSES, 500), np.ones_like(changed, bool)
    blurred = detectable_losses(changed, others, images, LEVEL)
    others[3, 2] = False
    clear = detectable_losses(changed, others, images, LEVEL)
    assert blurred[2] > 2 * clear[2] and blurred[0] == clear[0]


def test_few_images_can_not_show_the_loss_of_all_recall() -> None:
    changed = np.zeros((UNITS, CLASSES))
    images = np.array([0, 3, *[100] * (CLASSES - 2)])
    each = detectable_losses(changed, np.ones_like(changed, bool), images, LEVEL)
    assert np.isnan(each[:2]).all() and (each[2:] < 0.3).all()
