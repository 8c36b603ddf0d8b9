"""Protects what is said of recipes: mean squares are those of an analysis of variance; intervals of synthetic recipes
cover, identical recipes are rarely called different, and a shift of two points is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from recipe_cases import Recipe, images, words
from scipy.stats import norm, t
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from snellen.errors import StudyError
from snellen.metrics.scores import Counts, confusion
from snellen.statistics.seed_intervals import (
    crossed_variance,
    fixed_difference,
    recipe_average,
    recipe_difference,
    recipe_mean,
)
from snellen.statistics.wilson_interval import share_limits, wilson

RANDOM = np.random.default_rng(21)
TABLE = Recipe(0.8, 0.15).train(images(30, RANDOM), 4, RANDOM)


def mean_squares(table: np.ndarray) -> pd.Series:
    seeds, columns = np.indices(table.shape)
    cells = pd.DataFrame({"x": table.ravel().astype(float), "seed": seeds.ravel(), "image": columns.ravel()})
    found = anova_lm(ols("x ~ C(seed) + C(image)", cells).fit())
    return found["sum_sq"] / found["df"]


def test_variances_are_those_of_an_analysis_of_variance() -> None:
    """Mean squares of statsmodels: n s_a^2 between seeds, S var_i(p_i) between images, and the residual."""
    squares, parts = mean_squares(TABLE), crossed_variance(TABLE)
    assert 30 * parts.between_seeds == pytest.approx(squares["C(seed)"])
    assert 4 * parts.between_images == pytest.approx(squares["C(image)"])
    assert parts.residual == pytest.approx(squares["Residual"])


def test_the_error_of_a_recipe_is_that_of_the_mean_squares() -> None:
    """(MS seeds + MS images - MS residual) / (n S), with the degrees of freedom of Satterthwaite."""
    squares, found = mean_squares(TABLE), recipe_mean(TABLE)
    squared = (squares["C(seed)"] + squares["C(image)"] - squares["Residual"]) / 120
    assert found.value == TABLE.mean()
    assert found.deviation == pytest.approx(TABLE.mean(1).std(ddof=1))
    assert found.standard_error**2 == pytest.approx(squared)
    noise = ((squares["C(seed)"] / 120) ** 2 / 3, (squares["C(image)"] / 120) ** 2 / 29)
    freedom = squared**2 / (sum(noise) + (squares["Residual"] / 120) ** 2 / 87)
    assert found.degrees_of_freedom == pytest.approx(freedom)


def test_the_error_is_not_below_that_of_the_images_or_of_the_seeds() -> None:
    """Seeds of one accuracy that err on different images; and images of one difficulty."""
    seeds_alike = np.array([[1, 1, 0, 0, 1, 1], [0, 1, 1, 1, 1, 0]])
    assert recipe_mean(seeds_alike).standard_error ** 2 == pytest.approx(seeds_alike.mean(0).var(ddof=1) / 6)
    images_alike = np.array([[0.5, 0.1], [0.1, 0.5], [0.6, 0.8], [0.8, 0.6]])
    assert recipe_mean(images_alike).standard_error ** 2 == pytest.approx(images_alike.mean(1).var(ddof=1) / 4)


def test_a_recipe_without_any_error_has_the_interval_of_its_images() -> None:
    """Wilson's of 50 right answers; losses that are all alike have none."""
    found = recipe_mean(np.ones((3, 50), bool))
    assert (found.value, found.low, found.high) == pytest.approx((1.0, *wilson(50, 50)))
    equal = recipe_mean(np.full((3, 50), 0.25))
    assert (equal.value, equal.low, equal.high) == (0.25, None, None)


@pytest.mark.parametrize(
    ("seeds", "deviation"), [(2, 0.0), (2, 0.003), (3, 0.0), (3, 0.003), (3, 0.01), (3, 0.02), (5, 0.003), (5, 0.01)]
)
def test_intervals_of_recipes_cover(seeds: int, deviation: float) -> None:
    """2,000 draws of new seeds and new images: the true accuracy lies inside at least 93 % of the intervals.

    The accuracy on 10,000 images varies by 0.3 points. Where 2 seeds vary by more than that: see the next test.
    """
    assert coverage(seeds, deviation) >= 0.93


def test_intervals_of_two_seeds_that_vary_much_fall_short_by_a_known_amount() -> None:
    """A limit of two numbers, not a goal: 2 seeds that vary by a point, on images worth 0.3."""
    assert 0.87 <= coverage(2, 0.01) < 0.93


def test_the_limits_of_a_recipe_by_hand() -> None:
    """The seeds' part with its t, the images' with the limits of their shares, the squares of their reaches added."""
    squares, found = mean_squares(TABLE), recipe_mean(TABLE)
    seeds = (squares["C(seed)"] - squares["Residual"]) / 120
    assert seeds > 0, "else this test shows nothing"
    low, high = share_limits(TABLE.mean(0))
    squared = t.ppf(0.975, 3) ** 2 * seeds
    expected = (
        found.value - np.hypot(squared**0.5, found.value - low),
        found.value + np.hypot(squared**0.5, high - found.value),
    )
    assert (found.low, found.high) == pytest.approx(expected)


def coverage(seeds: int, deviation: float) -> float:
    recipe, generator = Recipe(0.9, deviation), np.random.default_rng([seeds, round(1e4 * deviation)])
    found = [recipe_mean(recipe.train(images(10_000, generator), seeds, generator)) for _ in range(2_000)]
    return float(np.mean([each.low is not None and each.low <= 0.9 <= (each.high or 0) for each in found]))


@pytest.mark.parametrize("size", [1, 2, 3, 20])
def test_intervals_of_recipes_cover_where_classes_are_small(size: int) -> None:
    """16 classes of so many images that keep their number, half of them hard: at least 93 % of 1,000 draws."""
    generator, classes = np.random.default_rng(size), np.repeat(np.arange(16), size)
    hard = np.where(classes % 2, 2.5, 0.8)
    covered = 0
    for _ in range(1_000):
        common, own = generator.standard_normal(len(classes)), generator.standard_normal((3, len(classes)))
        found = recipe_mean(hard + 0.8 * common + 0.6 * own > 0)
        covered += found.low is not None and found.low <= norm.cdf([0.8, 2.5]).mean() <= (found.high or 0)
    assert covered / 1_000 >= 0.93


def test_few_images_that_differ_do_not_make_recipes_different() -> None:
    """The same five of 64 images in all seeds: exact McNemar has p .0625, and so has the pair of recipes at least."""
    a = np.ones((3, 64), bool)
    b = a.copy()
    b[:, :5] = False
    found = recipe_difference(a, b)
    assert found.p_value == pytest.approx(0.0625) and found.low is not None and found.low < 0 < found.value


@pytest.mark.parametrize("floor", [0.5, 0.9])
def test_differences_from_what_is_fixed_cover(floor: float) -> None:
    """3 seeds that vary, against one answer for good: at least 93 % of 1,000 draws; test and interval agree."""
    recipe, generator, covered = Recipe(0.9, 0.005), np.random.default_rng(5), 0
    for _ in range(1_000):
        found = fixed_difference(recipe.train(images(500, generator), 3, generator), generator.random(500) < floor)
        seen = found.difference
        assert seen.low is not None and seen.high is not None and seen.p_value is not None
        assert (seen.p_value < 0.05) == (seen.low > 0 or seen.high < 0)
        covered += seen.low <= 0.9 - floor <= seen.high
    assert covered / 1_000 >= 0.93


def test_of_many_recipes_as_good_as_what_is_fixed_few_are_called_different() -> None:
    """20 recipes of 3 seeds, corrected for 20 comparisons: in 100 families in at most 5 % and two standard errors; with
    the seeds' part reduced by the residual it was 15 %."""
    generator, named = np.random.default_rng(1), 0
    for _ in range(100):
        common = np.sqrt(0.7) * generator.standard_normal(2_000)
        fixed = common + np.sqrt(0.3) * generator.standard_normal(2_000) < norm.ppf(0.9)
        for _ in range(20):
            own = np.sqrt(0.15) * (generator.standard_normal(2_000) + generator.standard_normal((3, 2_000)))
            seeds = 0.1 * generator.standard_normal((3, 1))
            right = (common + own + seeds) / np.sqrt(1.01) < norm.ppf(0.9)
            limits = fixed_difference(right, fixed).at(1 - 0.05 / 20)
            if limits is not None and (limits[0] > 0 or limits[1] < 0):
                named += 1
                break
    assert named / 100 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)


SHARES = np.array([0.6, 0.3, 0.1])
"""Of three classes, so that macro F1 is no accuracy."""


def answers(recipe: Recipe, labels: np.ndarray, seeds: int, generator: np.random.Generator) -> np.ndarray:
    """(S, N) classes: who is wrong says the next class, so that the rare one is often said in error."""
    right = recipe.train(images(len(labels), generator), seeds, generator)
    return np.where(right, labels, (labels + 1) % 3)


def macro_f1(labels: np.ndarray, answers_SN: np.ndarray) -> np.ndarray:
    return np.array([Counts.of(confusion(labels, each, 3)).mean("f1", "macro") for each in answers_SN])


def labels_of(count: int) -> np.ndarray:
    return np.repeat(np.arange(3), np.round(SHARES * count).astype(int))


@pytest.mark.parametrize(("seeds", "deviation"), [(3, 0.0), (3, 0.01), (5, 0.02)])
def test_intervals_of_f1_over_seeds_cover(seeds: int, deviation: float) -> None:
    """At least 93 % less two standard errors of 250 draws; the truth from 400 seeds on endless images."""
    recipe, generator = Recipe(0.8, deviation), np.random.default_rng([seeds, round(1e4 * deviation)])
    many, labels = labels_of(20_000), labels_of(1_000)
    truth = np.mean([macro_f1(many, answers(recipe, many, 4, generator)).mean() for _ in range(100)])
    covered = 0
    for _ in range(250):
        said = answers(recipe, labels, seeds, generator)
        found = recipe_average(labels, said, 3, "f1", "macro")
        assert found.value == pytest.approx(macro_f1(labels, said).mean())
        covered += found.low is not None and found.low <= truth <= (found.high or 0)
    assert covered / 250 >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 250)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("deviation", [0.0, 0.003, 0.02])
def test_identical_recipes_are_rarely_called_different(seeds: int, deviation: float) -> None:
    """Of 2,000 pairs at most 123 are better or worse: 5 % and 2.33 standard errors."""
    recipe = Recipe(0.9, deviation)
    found = words(recipe, recipe, seeds, 10_000, 2_000)
    assert sum("better" in word or "worse" in word for word in found) <= 123


def test_the_bound_is_not_met_by_never_speaking() -> None:
    """Where seeds vary most, the rate comes near its 5 %."""
    recipe = Recipe(0.9, 0.02)
    found = words(recipe, recipe, 3, 10_000, 2_000)
    assert sum("better" in word or "worse" in word for word in found) >= 50


@pytest.mark.parametrize("deviation", [0.0, 0.003])
def test_two_points_are_found_by_three_seeds(deviation: float) -> None:
    found = words(Recipe(0.92, deviation), Recipe(0.9, deviation), 3, 10_000, 600)
    assert sum("better" in word for word in found) >= 0.95 * 600


def test_a_difference_is_worked_out_by_its_formula() -> None:
    """By hand: accuracies 1/5, 2/5, 3/5 against 2/5, 2/5, 2/5 over five images."""
    a = np.array([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
    b = np.array([[0, 1, 1, 0, 0]] * 3)
    d = np.array([1, 2 / 3 - 1, 1 / 3 - 1, 0, 0])
    terms = (0.04 / 3, 0.0, float(((d - d.mean()) ** 2).sum() / 4 / 5))
    found = recipe_difference(a, b)
    assert found.value == pytest.approx(0.0)
    assert found.standard_error**2 == pytest.approx(sum(terms))
    assert found.degrees_of_freedom == pytest.approx(sum(terms) ** 2 / (terms[0] ** 2 / 2 + terms[2] ** 2 / 4))


def test_the_other_way_round_only_the_sign_changes() -> None:
    other = Recipe(0.85, 0.01).train(images(30, RANDOM), 3, RANDOM)
    ab, ba = recipe_difference(TABLE, other), recipe_difference(other, TABLE)
    assert ba.low is not None and ba.high is not None
    assert (ab.value, ab.low, ab.high, ab.p_value) == pytest.approx((-ba.value, -ba.high, -ba.low, ba.p_value))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: recipe_mean(TABLE[:1]), "an interval over seeds needs more seeds; found 1; expected at least 2"),
        (lambda: recipe_mean(TABLE[0]), r"needs a table; found shape \(30,\)"),
        (lambda: recipe_mean(TABLE[:, :1]), "needs more images; found 1"),
        (lambda: recipe_difference(TABLE[:2], TABLE), "needs more seeds; found 2; expected at least 3"),
        (lambda: recipe_difference(TABLE, TABLE[:2]), "Raise `seeds` in the study"),
        (lambda: recipe_difference(TABLE, TABLE[:, 1:]), "same images; found 30 and 29 images"),
    ],
)
def test_too_little_is_a_clear_error(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StudyError, match=message):
        call()
