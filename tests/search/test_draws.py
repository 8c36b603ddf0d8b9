"""Protects random draws: never twice, all of a finite space, uniform on their scale, the same for the same seed."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import pytest
from scipy import stats
from search_cases import BOWL, CONDITIONAL, EIGHTEEN

from snellen.search.draws import draws, key_of
from snellen.study.space import Space


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_a_finite_space_is_covered_without_repeats(seed: int) -> None:
    found = [key_of(each) for each in draws(EIGHTEEN, seed)]
    assert sorted(found) == sorted(key_of(each) for each in EIGHTEEN.combinations())


def test_a_finite_space_that_is_too_large_to_list_is_covered_too() -> None:
    space = Space({"a": {"range": [1, 10_001]}})
    assert {each["a"] for each in draws(space, 0)} == set(range(1, 10_002))


def test_every_combination_is_equally_likely_to_be_first() -> None:
    first = [tuple(next(draws(EIGHTEEN, seed)).values()) for seed in range(1800)]
    counts = [first.count(each) for each in set(first)]
    assert len(counts) == 18 and stats.chisquare(counts).pvalue > 0.001


def test_numbers_are_uniform_on_their_scale() -> None:
    found = list(islice(draws(BOWL, 0), 2000))
    linear = [(each["train.x"] + 3) / 6 for each in found]  # type: ignore[operator]
    logarithmic = [(math.log10(each["train.y"]) + 3) / 3 for each in found]  # type: ignore[arg-type]
    assert stats.kstest(linear, "uniform").pvalue > 0.001
    assert stats.kstest(logarithmic, "uniform").pvalue > 0.001
    assert abs(stats.pearsonr(linear, logarithmic).statistic) < 0.08


def test_whole_numbers_on_a_logarithmic_scale_are_whole_and_within() -> None:
    found: list[Any] = [each["a"] for each in islice(draws(Space({"a": {"log": [1, 50_000]}}), 3), 3000)]
    assert all(type(number) is int and 1 <= number <= 50_000 for number in found)
    assert len(set(found)) == len(found) and sorted(found)[len(found) // 2] < 5_000


def test_the_stream_depends_on_the_seed_alone() -> None:
    first, again, other = (list(islice(draws(CONDITIONAL, seed), 30)) for seed in (7, 7, 8))
    assert first == again != other
    assert len({key_of(each) for each in first}) == 30


def test_what_is_drawn_can_be_filled_in() -> None:
    for each in islice(draws(CONDITIONAL, 0), 200):
        assert CONDITIONAL.checked(each) == each
        assert ("train.optimizer.choice.1.sgd.momentum" in each) == (each["train.optimizer"] == "sgd")
