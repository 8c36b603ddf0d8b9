"""Protects what a comparison could have found: power is that of every table written out, of statsmodels where seeds
alone vary, and of synthetic recipes; what it takes is the least that has it."""

from __future__ import annotations

import numpy as np
import pytest
from recipe_cases import Recipe, images
from scipy.stats import multinomial, nct, norm, t
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import TTestIndPower

from snellen.statistics.power import (
    WANTED,
    RecipeNoise,
    images_for_networks,
    images_for_recipes,
    network_power,
    recipe_noise,
    recipe_power,
    seeds_for_recipes,
)
from snellen.statistics.seed_intervals import recipe_difference

SEEDS_ALONE = RecipeNoise(4e-6, 4e-6, 0.0, 0.0, 0.0)
NOISE = RecipeNoise(4e-6, 9e-6, 0.02, 0.02, 0.01)


@pytest.mark.parametrize(
    ("discordance", "margin", "level"), [(0.5, 0.3, 0.05), (0.3, 0.3, 0.05), (0.6, 0.1, 0.05), (0.3, 0.2, 1 / 16)]
)
def test_power_is_that_of_every_table(discordance: float, margin: float, level: float) -> None:
    """Of 30 images all tables of discordant pairs that statsmodels' exact test rejects in favour of the better one.

    Five against none is p = 1/16 exactly, and not below it.
    """
    better, worse = (discordance + margin) / 2, (discordance - margin) / 2
    expected = sum(
        multinomial.pmf([b, c, 30 - b - c], 30, [better, worse, 1 - discordance])
        for b in range(31)
        for c in range(31 - b)
        if b > c and mcnemar([[0, b], [c, 0]], exact=True).pvalue < level
    )
    assert network_power(discordance, 30, margin, level) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("discordance", "margin"), [(0.1, 0.005), (0.05, 0.005), (0.08, 0.02), (0.002, 0.001)])
def test_images_are_near_those_of_the_closed_form(discordance: float, margin: float) -> None:
    """Connor, Biometrics 43 (1987); the exact test needs about 2/margin more."""
    tail, power = norm.ppf(0.975), norm.ppf(0.8)
    expected = (tail * np.sqrt(discordance) + power * np.sqrt(discordance - margin**2)) ** 2 / margin**2
    found = images_for_networks(discordance, margin)
    assert found is not None
    assert expected < found < expected + 3 / margin
    assert network_power(discordance, found, margin) >= WANTED > network_power(discordance, found - 1, margin)


def test_networks_that_agree_on_all_still_need_the_margin() -> None:
    """No disagreement seen: to differ by a point they must disagree on a point."""
    assert network_power(0.0, 10_000, 0.01) == network_power(0.01, 10_000, 0.01) > 0.99
    assert network_power(0.0, 100, 0.01) < 0.01


def test_a_margin_that_no_number_of_images_shows() -> None:
    assert images_for_networks(0.1, 1e-6) is None
    assert images_for_networks(0.1, 0.0) is None


def test_power_of_seeds_is_that_of_statsmodels() -> None:
    for seeds in (3, 5, 12):
        expected = TTestIndPower().power(0.003 / 0.002, seeds, 0.05, alternative="two-sided")
        assert recipe_power(SEEDS_ALONE, seeds, 10_000, 0.003) == pytest.approx(expected, abs=1e-3)
    wanted = TTestIndPower().solve_power(0.003 / 0.002, power=WANTED, alpha=0.05)
    assert seeds_for_recipes(SEEDS_ALONE, 10_000, 0.003) == np.ceil(wanted)


@pytest.mark.parametrize(("deviation", "shift"), [(0.003, 0.01), (0.003, 0.006), (0.001, 0.006)])
def test_power_of_recipes_is_what_happens(deviation: float, shift: float) -> None:
    """How often 3 seeds on 4,000 images find the shift, against the power that the same noise announces."""
    a, b, generator = Recipe(0.9 + shift, deviation), Recipe(0.9, deviation), np.random.default_rng(5)
    many = images(20_000, generator)
    noise = recipe_noise(a.train(many, 60, generator), b.train(many, 60, generator))
    found = 0
    for _ in range(600):
        shown = images(4_000, generator)
        difference = recipe_difference(a.train(shown, 3, generator), b.train(shown, 3, generator))
        found += difference.value > 0 and difference.p_value is not None and difference.p_value < 0.05
    assert recipe_power(noise, 3, 4_000, shift) == pytest.approx(found / 600, abs=0.08)


def test_noise_is_what_the_recipes_were_made_with() -> None:
    a, b, generator = Recipe(0.9, 0.01), Recipe(0.9, 0.003), np.random.default_rng(9)
    shown = images(20_000, generator)
    noise = recipe_noise(a.train(shown, 200, generator), b.train(shown, 200, generator))
    assert noise.seeds_A == pytest.approx(1e-4, rel=0.3)
    assert noise.seeds_B == pytest.approx(9e-6, rel=0.3)
    assert noise.images < 0.1 * noise.residual_A, "the same images are as easy for both"


def test_as_many_seeds_and_images_as_were_seen_have_the_error_that_was_seen() -> None:
    """Recipes that find other images easy, 4 seeds each: the noise, put together again, is that of the comparison."""
    generator = np.random.default_rng(10)
    a, b = (Recipe(0.8, 0.03).train(images(300, generator), 4, generator) for _ in range(2))
    seen, margin = recipe_difference(a, b), 0.05
    freedom = seen.degrees_of_freedom
    expected = nct.sf(t.ppf(0.975, freedom), freedom, margin / seen.standard_error)
    assert recipe_power(recipe_noise(a, b), 4, 300, margin) == pytest.approx(expected)


def test_what_it_takes_is_the_least_that_does() -> None:
    seeds, count = seeds_for_recipes(NOISE, 10_000, 0.005), images_for_recipes(NOISE, 8, 0.005)
    assert seeds is not None and count is not None
    assert recipe_power(NOISE, seeds, 10_000, 0.005) >= WANTED > recipe_power(NOISE, seeds - 1, 10_000, 0.005)
    assert recipe_power(NOISE, 8, count, 0.005) >= WANTED > recipe_power(NOISE, 8, count - 1, 0.005)


def test_what_cannot_be_reached_is_none() -> None:
    """Too few images whatever the seeds, and too few seeds whatever the images."""
    assert seeds_for_recipes(NOISE, 500, 0.005) is None
    assert images_for_recipes(RecipeNoise(1e-4, 1e-4, 0.02, 0.02, 0.01), 3, 0.005) is None


def test_three_seeds_are_the_least_that_is_compared() -> None:
    assert seeds_for_recipes(SEEDS_ALONE, 10_000, 0.5) == 3
    assert recipe_power(RecipeNoise(0.0, 0.0, 0.0, 0.0, 0.0), 3, 100, 0.01) == 1.0


def test_a_family_lowers_the_power() -> None:
    assert network_power(0.1, 10_000, 0.005, 0.05 / 10) < network_power(0.1, 10_000, 0.005)
    assert recipe_power(NOISE, 5, 10_000, 0.005, 0.05 / 10) < recipe_power(NOISE, 5, 10_000, 0.005)
