"""Protects what a curve lets one say: where it flattens, which ways differ, whether more data helped, and silence where
the seeds or images do not carry it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from snellen.explain.curves.analysis import doubling_of
from snellen.explain.curves.comparisons import MeasuredPoint, compare_points, judged_line
from snellen.explain.curves.words import Words
from snellen.statistics.results import COVERS_IMAGES_AND_SEEDS, Limits
from snellen.statistics.seed_intervals import recipe_difference
from snellen.study.points import Point

IMAGES = 20_000


def measured(
    value: int, share: float, by: str | None = None, seeds: int = 4, steps: int = 100, stream: int = 0
) -> MeasuredPoint:
    """A point whose networks are right at this share of the images, mostly at the same ones."""
    random = np.random.default_rng([value, stream, len(by or "")])
    ease = np.random.default_rng(1).uniform(size=IMAGES)
    right = ease + random.normal(0, 0.01, (seeds, IMAGES)) < share
    point = Point(value, by, {seed: f"job{seed}" for seed in range(seeds)}, value, 10, steps, 10 * value)
    return MeasuredPoint(point, right, None, None, COVERS_IMAGES_AND_SEEDS, None, 1.0, point.seeds)


def words(points: Sequence[MeasuredPoint], margin: float = 0.005, over: str = "width") -> list[str]:
    """All sentences about these points."""
    compared = compare_points(points, margin)
    ways = list(dict.fromkeys(each.point.by for each in points))
    lines = [judged_line(tuple(each for each in points if each.point.by == by), compared, margin) for by in ways]
    doubling = doubling_of(lines[0]) if over == "images" else None
    return Words("m", over, margin, lines, compared, doubling).all()


def test_it_flattens_at_the_first_point_within_the_margin_of_the_best() -> None:
    said = words([measured(1, 0.5), measured(2, 0.9), measured(4, 0.949), measured(8, 0.95), measured(16, 0.951)])
    assert said[0].startswith(
        "The curve of `m` flattens at 4 units: the fewest whose validation accuracy is within 0.5 points"
    )
    assert said[-1].startswith("With 1 unit, `m` recognises 5")


def test_it_cannot_be_told_where_the_best_is_the_largest_or_noise_is_wide() -> None:
    rising = words([measured(1, 0.5), measured(2, 0.7), measured(4, 0.8), measured(8, 0.9)])
    assert rising[0].startswith("Where the curve of `m` flattens cannot be told: 4 units are clearly worse than 8")
    tight = words([measured(1, 0.5), measured(2, 0.95), measured(4, 0.951)], margin=1e-5)
    assert "cannot be told" in tight[0] and "flattens at" not in " ".join(tight)


def test_nothing_is_compared_with_fewer_than_three_seeds() -> None:
    said = words([measured(1, 0.5, seeds=2), measured(2, 0.95, seeds=2)])
    assert len(said) == 1 and said[0].startswith("With 1 unit")


def test_the_test_of_the_margin_is_the_interval_inside_it_and_two_one_sided_t_tests() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        found = Limits(random.normal(0, 0.002), random.uniform(1e-7, 4e-6) ** 0.5, 12.0, COVERS_IMAGES_AND_SEEDS, "t")
        low, high = found.at(0.95) or (-1, 1)
        assert (found.equivalence_p(0.005) < 0.025) == (low > -0.005 and high < 0.005)
        inside += found.equivalence_p(0.005) < 0.025
    assert 20 < inside < 180
    sample = random.normal(0.001, 0.01, 50)
    own = Limits(float(sample.mean()), float(sample.std(ddof=1) / 50**0.5), 49.0, COVERS_IMAGES_AND_SEEDS, "t")
    assert own.equivalence_p(0.005) == pytest.approx(ttost_paired(sample, np.zeros(50), -0.005, 0.005)[0])
    assert Limits(0.0, 0.0, None, COVERS_IMAGES_AND_SEEDS, "t").equivalence_p(0.005) == 1


def test_networks_that_a_search_ranked_are_not_compared() -> None:
    """The best of many by these very images: nothing is better or worse than it here."""
    best = replace(measured(4, 0.95), searched=True)
    assert compare_points([measured(2, 0.8), best, measured(8, 0.8)], 0.005).keys() == {((None, 8), (None, 2))}
    assert judged_line((measured(2, 0.8), best), {}, 0.005).clearly_worse == ()


def test_ways_to_choose_are_told_apart_count_by_count() -> None:
    shares = {"anova": (0.6, 0.8, 0.951), "random_forest": (0.7, 0.85, 0.95)}
    points = [measured(v, s, by) for by, each in shares.items() for v, s in zip((10, 20, 40), each)]
    said = words(points, over="pixels")
    assert any(
        each.startswith(
            "Chosen by random forest, pixels do better than by anova at 2 of 3 counts and worse at 0; most at 10"
        )
        for each in said
    )


def test_of_more_data_the_gain_of_the_last_doubling_is_said_and_nothing_beyond() -> None:
    sizes = [measured(v, s) for v, s in ((1000, 0.7), (2000, 0.8), (4000, 0.88), (8000, 0.93))]
    gain = recipe_difference(sizes[3].right_SN, sizes[2].right_SN)
    said = words(sizes, over="images")[0]
    assert gain.low is not None and gain.high is not None
    interval = f"{100 * gain.value:.2f} points ({100 * gain.low:.2f} to {100 * gain.high:.2f})."
    sizes_said = "Going from 4,000 to 8,000 training images at equal steps"
    assert said == f"{sizes_said} raised the validation accuracy of `m` by {interval}"
    same = words([*sizes[:2], measured(4000, 0.93), measured(8000, 0.93, stream=5)], over="images")[0]
    assert same.startswith("Whether going from 4,000 to 8,000 training images helped `m` cannot be told")


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([measured(v, 0.9) for v in (2000, 4000, 8000)], "at least 4"),
        ([measured(v, 0.9, seeds=2) for v in (1000, 2000, 4000, 8000)], "fewer than 3 seeds"),
        ([measured(v, 0.9, steps=v) for v in (1000, 2000, 4000, 8000)], "not of equal steps: 1,000 to 8,000"),
        ([measured(v, 0.9) for v in (1000, 2000, 3000, 8000)], "no size is half of 8,000"),
    ],
)
def test_nothing_is_said_of_more_data_without_what_it_takes(points: list[MeasuredPoint], why: str) -> None:
    found = doubling_of(judged_line(tuple(points), compare_points(points, 0.005), 0.005))
    assert isinstance(found, str) and why in found
    assert not any("training images" in each and "Going" in each for each in words(points, over="images"))


def test_identical_recipes_are_seldom_told_apart() -> None:
    wrong = 0
    for stream in range(100):
        points = [measured(v, 0.9, stream=stream, seeds=3) for v in (1, 2, 4, 8)]
        wrong += any(one.verdict.better or one.verdict.worse for one in compare_points(points, 0.005).values())
    assert wrong <= 10
