"""Protects what is said about learning curves of several models: a planted crossing is found, models that are alike are
not told apart, and nothing is said beyond the sizes that were compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from snellen.evaluate.verdicts import Verdict
from snellen.explain.curves.comparisons import Compared, MeasuredPoint
from snellen.explain.curves.crossing_words import crossing_sentence
from snellen.explain.curves.crossings import Crossing, LearningCurves, compare_curves
from snellen.findings.cost import _by_size
from snellen.statistics.results import COVERS_IMAGES_AND_SEEDS, Difference
from snellen.study.points import Point

SIZES = (10, 30, 100, 300)
IMAGES = 4_000


def measured(size: int, share: float, stream: int, seeds: int = 4) -> MeasuredPoint:
    """A point whose networks are right at about this share of the images."""
    ease, noise = np.random.default_rng(1).uniform(size=IMAGES), np.random.default_rng([size, stream])
    right = ease + noise.normal(0, 0.03, (seeds, IMAGES)) < share
    point = Point(size, None, {seed: f"job{seed}" for seed in range(seeds)}, 10 * size, 10, 100, 650)
    return MeasuredPoint(point, right, None, None, COVERS_IMAGES_AND_SEEDS, None, 1.0, point.seeds)


def curves(**shares: Mapping[int, float]) -> LearningCurves:
    """Models whose networks have these shares of right answers, by size."""
    return compare_curves(
        {
            model: {size: measured(size, share, place) for size, share in of.items()}
            for place, (model, of) in enumerate(shares.items())
        }
    )


def test_a_planted_crossing_is_found() -> None:
    frozen = dict(zip(SIZES, (0.80, 0.84, 0.86, 0.87), strict=True))
    small = dict(zip(SIZES, (0.50, 0.70, 0.86, 0.95), strict=True))
    found = curves(frozen=frozen, small=small)
    [one] = found.crossings
    assert (one.a, one.b, one.up_to, one.from_size) == ("frozen", "small", 30, 300)
    assert [found.candidates(size) for size in SIZES] == [["frozen"], ["frozen"], found.candidates(100), ["small"]]
    assert set(found.candidates(100)) == {"frozen", "small"}
    said = crossing_sentence(one)
    assert said.startswith("With 10 to 30 images a class `frozen` is better than `small` (at 30 by 13")
    assert "; with 100 the two cannot be told apart; from 300 on `small` is better than `frozen` (at 300 by 8" in said
    assert found.between("small", "frozen") is not None
    turned = found.between("small", "frozen")
    assert turned is not None and (turned.better_a, turned.better_b) == (one.better_b, one.better_a)


def test_models_that_are_alike_are_not_told_apart_at_any_size() -> None:
    alike = dict(zip(SIZES, (0.6, 0.7, 0.8, 0.9), strict=True))
    found = curves(one=alike, other=alike)
    [pair] = found.crossings
    assert (pair.up_to, pair.from_size, pair.better_a, pair.better_b) == (None, None, (), ())
    assert crossing_sentence(pair) == (
        "`one` and `other` cannot be told apart at any size from 10 to 300 images a class."
    )
    assert all(set(found.candidates(size)) == {"one", "other"} for size in SIZES)


def test_a_model_that_is_better_everywhere_is_said_to_be_so() -> None:
    found = curves(weak=dict.fromkeys(SIZES, 0.6), strong=dict.fromkeys(SIZES, 0.8))
    [pair] = found.crossings
    assert (pair.up_to, pair.from_size) == (None, 10)
    assert crossing_sentence(pair).startswith("With 10 to 300 images a class `strong` is better than `weak` (at 10 by ")


def test_sizes_that_only_one_model_has_and_points_with_too_few_seeds_are_not_compared() -> None:
    short = {size: measured(size, 0.6, 0) for size in SIZES[:2]}
    few = {size: measured(size, 0.8, 1, seeds=2 if size == 10 else 3) for size in SIZES}
    found = compare_curves({"short": short, "few": few})
    assert [one.sizes for one in found.crossings] == [(30,)]
    assert found.compared_at(10) == found.compared_at(300) == []
    assert found.sizes == list(SIZES)


def test_the_sentence_of_many_sizes_is_about_the_largest() -> None:
    """Four answers at five sizes are a table; the sentence stays short."""
    sizes = (10, 30, 100, 300, 1_000)
    found = curves(
        frozen=dict(zip(sizes, (0.80, 0.80, 0.86, 0.70, 0.80), strict=True)),
        tuned=dict(zip(sizes, (0.80, 0.60, 0.86, 0.80, 0.80), strict=True)),
        small=dict(zip(sizes, (0.50, 0.40, 0.86, 0.80, 0.95), strict=True)),
    )
    said = _by_size(found, None)
    assert said is not None
    sentence, values = said
    assert sentence.startswith(
        "Which model to use: with 1,000 images a class `small`, shown to be better than every other ("
    )
    assert sentence.endswith(
        "%). With fewer the answer is not always the same: a table in “Accuracy and cost” has each number. "
        "Nothing is said beyond 1,000 images a class."
    )
    assert len(sentence) < 300 and values["candidates"] == {str(size): found.candidates(size) for size in sizes}
    same = _by_size(curves(weak=dict.fromkeys(SIZES, 0.6), strong=dict.fromkeys(SIZES, 0.8)), None)
    assert same is not None and "With fewer" not in same[0]
    assert same[0].startswith(
        "Which model to use: with 10 to 300 images a class `strong`, shown to be better than the other (at 300: "
    )


def test_one_correction_covers_all_pairs_and_sizes() -> None:
    shares = {name: dict.fromkeys(SIZES, 0.8) for name in ("a", "b", "c")}
    shares["b"] = dict(zip(SIZES, (0.8, 0.8, 0.8, 0.805), strict=True))
    found = curves(**shares)
    raw = [one.difference.p_value or 1.0 for pair in found.crossings for one in pair.compared.values()]
    adjusted = [one.adjusted_p for pair in found.crossings for one in pair.compared.values()]
    assert len(raw) == 3 * len(SIZES)
    assert min(adjusted) == pytest.approx(min(1.0, len(raw) * min(raw)))


@given(some.lists(some.sampled_from("ab-"), min_size=1, max_size=6))
def test_from_and_up_to_are_the_unbroken_ends(pattern: list[str]) -> None:
    """pattern: which model is better at each size, - for neither."""
    nothing = Difference(0.0, -0.1, 0.1, 0.5, 0.1, 5.0, COVERS_IMAGES_AND_SEEDS, "t")
    compared = {
        place + 1: Compared(nothing, 0.5, Verdict(who == "a", False, who == "b", False, False))
        for place, who in enumerate(pattern)
    }
    one, text = Crossing("a", "b", compared), "".join(pattern)
    at_end, at_beginning = len(text) - len(text.rstrip("b")), len(text) - len(text.lstrip("a"))
    assert one.from_size == (len(text) - at_end + 1 if at_end else None)
    assert one.up_to == (at_beginning or None)
    assert (one.swapped.better_a, one.swapped.better_b) == (one.better_b, one.better_a)
    said = crossing_sentence(one)
    assert said.endswith(".") and ("is better" in said) == bool({"a", "b"} & set(pattern))
