"""Protects grid, random, TPE and Gaussian process: rounds, budgets, stopped trials, and that history alone decides."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from search_cases import (
    BOWL,
    CONDITIONAL,
    EIGHTEEN,
    assignments,
    bowl,
    method_of,
    numbered,
    scored,
    search,
    sizes,
)

from snellen.errors import IdentityError
from snellen.search.draws import key_of
from snellen.search.methods import METHODS, Cost, cost, next_round, planned_brackets
from snellen.search.rounds import Done, TrialRequest, TrialResult, best_first, epochs_spent
from snellen.study.methods import SETTINGS
from snellen.study.space import Space

PROPOSED = ("grid", "random", "tpe", "gp")


def test_every_method_of_a_study_has_its_machine() -> None:
    assert list(METHODS) == list(SETTINGS)


def test_a_grid_is_every_combination_in_the_order_written() -> None:
    history = search(method_of("grid"), EIGHTEEN, numbered)
    assert sizes(history) == [(18, 10)]
    assert assignments(history) == list(EIGHTEEN.combinations())
    in_rounds = search(method_of("grid", round_size=7), EIGHTEEN, numbered)
    assert sizes(in_rounds) == [(7, 10), (7, 10), (4, 10)]
    assert assignments(in_rounds) == assignments(history)


@pytest.mark.parametrize("name", PROPOSED[1:])
def test_a_finite_space_is_tried_out_without_repeats(name: str) -> None:
    history = search(method_of(name, trials=100), EIGHTEEN, numbered)
    found = [key_of(each) for each in assignments(history)]
    assert sorted(found) == sorted(key_of(each) for each in EIGHTEEN.combinations())


@pytest.mark.parametrize("name", PROPOSED[1:])
def test_conditional_values_are_proposed_where_they_are_live(name: str) -> None:
    history = search(
        method_of(name, trials=16, startup=5) if name != "random" else method_of(name), CONDITIONAL, numbered
    )
    found = assignments(history)
    for each in found:
        assert CONDITIONAL.checked(each) == each
    assert {each["train.optimizer"] for each in found} == {"adam", "sgd", "rmsprop"}


@pytest.mark.parametrize(
    ("name", "budget", "expected"),
    [
        ("random", {"trials": 12}, [(5, 10), (5, 10), (2, 10)]),
        ("random", {"epochs": 77}, [(5, 10), (2, 10)]),
        ("random", {"epochs": 77, "trials": 6}, [(5, 10), (1, 10)]),
        ("grid", {"trials": 6}, [(5, 10), (1, 10)]),
        ("grid", {"epochs": 10}, [(1, 10)]),
        ("tpe", {"epochs": 29}, [(2, 10)]),
    ],
)
def test_budgets(name: str, budget: dict[str, Any], expected: list) -> None:
    method = method_of(name, round_size=5, **budget)
    history = search(method, EIGHTEEN, numbered)
    assert sizes(history) == expected
    most = cost(method, EIGHTEEN, 10)
    assert epochs_spent(history) <= (most.epochs or 0) and sum(n for n, _ in expected) <= (most.trials or 0)


def test_epochs_that_stopped_early_leave_more_for_others() -> None:
    def answer(request: TrialRequest) -> TrialResult:
        return TrialResult(trial=request.trial, epoch=4, score=0.5, stopped_early=True)

    history = search(method_of("random", epochs=40, round_size=2), EIGHTEEN, answer)
    assert sizes(history) == [(2, 10), (2, 10), (2, 10), (1, 10), (1, 10)]
    assert epochs_spent(history) == 32


def test_no_round_begins_after_the_time() -> None:
    method = method_of("random", seconds=10.0, round_size=3)
    history: list[Done] = []
    while requests := next_round(BOWL, method, history, 10, 0, "highest"):
        history.append(
            Done(requests=requests, results=tuple(map(numbered, requests)), seconds=4.0 * (len(history) + 1))
        )
    assert [done.seconds for done in history] == [4.0, 8.0, 12.0]
    assert cost(method, BOWL, 10) == Cost(None, None)


def test_what_the_others_cost() -> None:
    assert cost(method_of("grid"), EIGHTEEN, 10) == Cost(18, 180)
    assert cost(method_of("random"), BOWL, 5) == Cost(20, 100)
    assert cost(method_of("random", epochs=50), BOWL, 5) == Cost(None, 50)
    assert planned_brackets(method_of("grid"), EIGHTEEN, 10) == ()


def test_the_seed_of_the_method_is_before_that_of_the_study() -> None:
    own, study = method_of("random", seed=3), method_of("random")
    assert assignments(search(own, BOWL, numbered, seed=0)) == assignments(search(study, BOWL, numbered, seed=3))
    assert assignments(search(own, BOWL, numbered, seed=0)) != assignments(search(study, BOWL, numbered, seed=0))


CURVES = {  # by trial: what it would score after each of 4 epochs
    1: (0.5, 0.6, 0.7, 0.8),
    2: (0.3, 0.4, 0.5, 0.6),
    3: (0.1, 0.2, 0.9, 0.9),  # behind 0.4 = median(0.5, 0.3) at once
    4: (0.4, 0.4, 0.4, 0.4),  # level at epoch 1, behind 0.45 = median(0.55, 0.35) at epoch 2
    5: (0.5, 0.5, 0.6, 0.9),
    6: (0.6, 0.6, 0.6, 0.6),
}


def on_curves(request: TrialRequest) -> TrialResult:
    curve = CURVES[request.trial][: request.to_epoch]
    return TrialResult(trial=request.trial, epoch=request.to_epoch, score=max(curve), curve=curve)


def test_median_stopping_by_hand() -> None:
    method = method_of("grid", round_size=2, trials=6, stop={"median": {"after_trials": 2}})
    history = search(method, EIGHTEEN, on_curves, max_epochs=4)
    found = [([request.trial for request in done.requests], done.requests[0].to_epoch) for done in history]
    assert found == [([1, 2], 4), ([3, 4], 1), ([4], 2), ([5, 6], 1), ([5, 6], 2), ([5, 6], 3), ([5, 6], 4)]
    assert epochs_spent(history) == 4 + 4 + 1 + 2 + 4 + 4


def test_trials_that_failed_or_ended_do_not_go_on() -> None:
    def answer(request: TrialRequest) -> TrialResult:
        if request.trial == 3:
            return TrialResult(trial=3, epoch=1, score=None)
        if request.trial == 4:
            return TrialResult(trial=4, epoch=1, score=0.9, stopped_early=True, curve=(0.9,))
        return on_curves(request)

    method = method_of("grid", round_size=3, trials=5, stop={"median": {"after_trials": 2}})
    history = search(method, EIGHTEEN, answer, max_epochs=4)
    found = [[request.trial for request in done.requests] for done in history]
    assert found[:2] == [[1, 2, 3], [4, 5]]
    assert all(trials == [5] for trials in found[2:])


def test_scores_in_order() -> None:
    results = [TrialResult(trial=n, epoch=1, score=score) for n, score in enumerate([0.2, None, 0.7, 0.2, 0.0], 1)]
    assert [each.trial for each in best_first(results, "highest")] == [3, 1, 4, 5, 2]
    assert [each.trial for each in best_first(results, "lowest")] == [5, 1, 4, 3, 2]


def best_of(name: str, seed: int, **settings: Any) -> float:
    history = search(method_of(name, trials=40, **settings), BOWL, scored(bowl), seed=seed, goal="lowest")
    return min(each.score or 0.0 for done in history for each in done.results)


def test_models_find_the_optimum_better_than_chance() -> None:
    """Medians over seeds of the best of 40 trials; the optimum is 0."""
    chance = statistics.median(best_of("random", seed) for seed in range(12))
    parzen = statistics.median(best_of("tpe", seed) for seed in range(12))
    process = best_of("gp", 0)
    assert parzen < chance / 2
    assert process < chance / 10


def test_a_goal_of_the_highest_looks_for_the_highest() -> None:
    highest = search(method_of("tpe", trials=40), BOWL, scored(bowl), goal="highest")
    lowest = search(method_of("tpe", trials=40), BOWL, scored(bowl), goal="lowest")
    mean = [statistics.fmean(bowl(each) for each in assignments(history)[10:]) for history in (highest, lowest)]
    assert mean[0] > 3 * mean[1]


def test_failures_are_avoided_by_a_model() -> None:
    """Where x is above 0 training fails; the rest scores alike. A sampler that forgot failures would not know."""

    def answer(request: TrialRequest) -> TrialResult:
        x = request.assignment["train.x"]
        assert isinstance(x, float)
        return TrialResult(trial=request.trial, epoch=10, score=None if x > 0 else -5.0 - 0.01 * x)

    found = assignments(search(method_of("tpe", trials=60), BOWL, answer))[20:]
    assert sum(each["train.x"] > 0 for each in found) < len(found) / 3


def test_a_search_of_which_everything_failed_ends() -> None:
    history = search(
        method_of("tpe", trials=12), BOWL, lambda request: TrialResult(trial=request.trial, epoch=0, score=None)
    )
    assert len(assignments(history)) == 12


@settings(max_examples=25, deadline=None)
@given(
    name=some.sampled_from(["grid", "random", "halving", "hyperband", "tpe"]),
    seed=some.integers(0, 2**32 - 1),
    space=some.sampled_from([EIGHTEEN, Space({"a": {"choice": [1, {"b": {"range": [0, 9]}}]}, "c": {"log": [1, 9]}})]),
    is_stopped=some.booleans(),
    percent=some.integers(0, 100),
)
def test_a_search_killed_after_any_round_goes_on_as_if_nothing_had_happened(
    name: str, seed: int, space: Space, is_stopped: bool, percent: int
) -> None:
    """Also through JSON, as a journal would keep it. No floats drawn: training flushes the smallest to zero."""
    method = method_of(name, **({"stop": "median", "round_size": 5} if is_stopped and name in PROPOSED else {}))
    whole = search(method, space, numbered, seed=seed)
    kept = [Done.model_validate_json(done.model_dump_json()) for done in whole[: percent * len(whole) // 100]]
    assert search(method, space, numbered, seed=seed, begun=tuple(kept)) == whole


def test_a_gaussian_process_goes_on_the_same_after_an_interruption() -> None:
    method = method_of("gp", trials=16, startup=5)
    whole = search(method, BOWL, scored(bowl), goal="lowest")
    for kept in (1, 2, 3):
        assert search(method, BOWL, scored(bowl), goal="lowest", begun=tuple(whole[:kept])) == whole


def test_a_history_of_another_search_is_refused() -> None:
    history = search(method_of("random", trials=6, round_size=3), EIGHTEEN, numbered)
    with pytest.raises(IdentityError, match="the history belongs to another search"):
        next_round(EIGHTEEN, method_of("random"), history[1:], 10, 0, "highest")
