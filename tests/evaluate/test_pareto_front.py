"""Protects the Pareto front: without noise it is the classical one; what is not shown leaves a model on it; it is never
empty."""

from __future__ import annotations

import statistics
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from snellen.evaluate.pareto_front import Relation, Spread, ruled_out

MODELS = ("a", "b", "c", "d", "e")
PAIRS = [(one, other) for one, other in product(MODELS, MODELS) if one != other]


def never(a: str, b: str) -> bool:
    return False


def among(*pairs: tuple[str, str]) -> Relation:
    return lambda a, b: (a, b) in pairs


def test_models_of_which_nothing_is_known_are_all_on_the_front() -> None:
    assert ruled_out(MODELS, never, never, never) == {}


def test_a_better_and_faster_model_rules_all_others_out() -> None:
    pairs = among(*((MODELS[0], other) for other in MODELS[1:]))
    assert ruled_out(MODELS, pairs, never, pairs) == dict.fromkeys(MODELS[1:], "a")


def test_a_better_model_that_is_clearly_slower_rules_none_out() -> None:
    assert ruled_out(("a", "b"), among(("a", "b")), never, among(("b", "a"))) == {}


def test_an_equivalent_model_rules_out_only_where_it_is_clearly_faster() -> None:
    alike = among(("a", "b"), ("b", "a"))
    assert ruled_out(("a", "b"), never, alike, among(("b", "a"))) == {"a": "b"}
    assert ruled_out(("a", "b"), never, alike, never) == {}


def test_models_that_rule_each_other_out_in_a_cycle_stay() -> None:
    cycle = among(("a", "b"), ("b", "c"), ("c", "a"))
    assert ruled_out(("a", "b", "c"), cycle, never, never) == {}
    below = among(("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"))
    assert ruled_out(("a", "b", "c", "d"), below, never, never) == {"d": "a"}


@given(some.lists(some.tuples(some.integers(0, 6), some.integers(0, 6)), min_size=1, max_size=8))
def test_without_noise_it_is_the_classical_front(values: list[tuple[int, int]]) -> None:
    """A point is off where another one is at least as good in both and better in one. values: accuracy, time."""
    points = {str(place): each for place, each in enumerate(values)}
    off = ruled_out(
        list(points),
        lambda a, b: points[a][0] > points[b][0],
        lambda a, b: points[a][0] == points[b][0],
        lambda a, b: points[a][1] < points[b][1],
    )
    classical = {
        b
        for b, (accuracy, time) in points.items()
        if any(other != (accuracy, time) and other[0] >= accuracy and other[1] <= time for other in points.values())
    }
    assert set(off) == classical


@given(*(some.sets(some.sampled_from(PAIRS)) for _ in range(3)))
def test_it_is_never_empty_and_names_a_model_that_rules_out(
    better: set[tuple[str, str]], equivalent: set[tuple[str, str]], faster: set[tuple[str, str]]
) -> None:
    """For whatever relations, contradictions included."""
    off = ruled_out(MODELS, among(*better), among(*equivalent), among(*faster))
    assert len(off) < len(MODELS)
    for b, a in off.items():
        assert ((a, b) in better and (b, a) not in faster) or ((a, b) in equivalent and (a, b) in faster)


@given(some.lists(some.floats(0, 1e6), min_size=2, max_size=20))
def test_quartiles_are_those_of_the_standard_library(values: list[float]) -> None:
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    spread = Spread.of(values)
    assert (spread.low, spread.median, spread.high) == pytest.approx((low, median, high))
    assert spread.n == len(values)


def test_clearly_below_needs_both_quartiles_apart_and_the_factor() -> None:
    assert Spread.of([1.0]).clearly_below(Spread.of([1.3]), 1.25)
    assert not Spread.of([1.0]).clearly_below(Spread.of([1.2]), 1.25)
    assert not Spread.of([0.5, 1.0, 9.0]).clearly_below(Spread.of([2.0, 3.0, 4.0]), 1.25)
