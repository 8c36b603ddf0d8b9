"""Protects successive halving and Hyperband: the published brackets, who goes on, and what a budget leaves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some
from search_cases import BOWL, EIGHTEEN, assignments, method_of, numbered, search, sizes

from snellen.errors import IdentityError
from snellen.search.brackets import Rung, brackets_of, epochs_of, floor_log, promoted
from snellen.search.methods import Cost, cost, next_round, planned_brackets
from snellen.search.rounds import Done, TrialRequest, TrialResult
from snellen.study.space import Space

LI_2018 = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]
"""JMLR 18:185, table 1: R = 81, eta = 3."""
LI_2018_BY_TWO = [
    [(16, 1), (8, 2), (4, 4), (2, 8), (1, 16)],
    [(10, 2), (5, 4), (2, 8), (1, 16)],
    [(7, 4), (3, 8), (1, 16)],
    [(5, 8), (2, 16)],
    [(5, 16)],
]
"""By hand from algorithm 1: R = 16, eta = 2."""


def planned(name: str, space: Space, max_epochs: int, **settings: int) -> list[list[tuple[int, int]]]:
    brackets = planned_brackets(method_of(name, **settings), space, max_epochs)
    return [[(rung.trials, rung.epochs) for rung in bracket] for bracket in brackets]


def test_hyperband_has_the_published_brackets() -> None:
    assert planned("hyperband", BOWL, 81) == LI_2018
    assert planned("hyperband", BOWL, 16, factor=2) == LI_2018_BY_TWO


@pytest.mark.parametrize(
    ("longest", "factor"), [(1, 3), (2, 3), (10, 3), (27, 3), (100, 3), (50, 4), (9, 2), (1000, 10)]
)
def test_hyperband_follows_the_formula(longest: int, factor: int) -> None:
    """In logarithms and floating point, as the paper writes it; epochs are rounded down."""
    deepest = math.floor(math.log(longest) / math.log(factor) + 1e-9)
    expected = []
    for depth in range(deepest, -1, -1):
        starts = math.ceil((deepest + 1) / (depth + 1) * factor**depth - 1e-9)
        first = longest * factor**-depth
        rung = [
            (math.floor(starts * factor**-i + 1e-9), math.floor(first * factor**i + 1e-9)) for i in range(depth + 1)
        ]
        expected.append([(trials, max(1, epochs)) for trials, epochs in rung])
    assert planned("hyperband", BOWL, longest, factor=factor) == expected


def test_brackets_stop_proposing_when_a_finite_space_is_exhausted() -> None:
    assert planned("hyperband", EIGHTEEN, 10) == [[(9, 1), (3, 3), (1, 10)], [(5, 3), (1, 10)], [(3, 10)]]
    assert planned("hyperband", Space({"a": {"range": [1, 10]}}), 10) == [[(9, 1), (3, 3), (1, 10)], [(1, 3), (1, 10)]]
    found = assignments(search(method_of("hyperband"), Space({"a": {"range": [1, 10]}}), numbered))
    assert sorted(each["a"] for each in found) == list(range(1, 11))


def test_the_search_of_the_reference_study() -> None:
    assert planned("halving", EIGHTEEN, 10) == [[(18, 1), (6, 3), (2, 10)]]
    assert cost(method_of("halving"), EIGHTEEN, 10) == Cost(18, 44)
    history = search(method_of("halving"), EIGHTEEN, numbered)
    assert sizes(history) == [(18, 1), (6, 3), (2, 10)]
    assert assignments(history) == list(EIGHTEEN.combinations())


@pytest.mark.parametrize(
    ("settings", "space", "max_epochs", "expected"),
    [
        ({"factor": 2}, EIGHTEEN, 10, [(18, 1), (9, 2), (4, 5), (2, 10)]),
        ({"factor": 4}, EIGHTEEN, 100, [(18, 6), (4, 25), (1, 100)]),
        ({"min_epochs": 2}, EIGHTEEN, 10, [(18, 3), (6, 10)]),
        ({"min_epochs": 50}, EIGHTEEN, 10, [(18, 10)]),
        ({"trials": 8}, EIGHTEEN, 10, [(8, 3), (2, 10)]),
        ({"trials": 2}, EIGHTEEN, 10, [(2, 10)]),
        ({"trials": 27}, BOWL, 27, [(27, 1), (9, 3), (3, 9), (1, 27)]),
        ({}, EIGHTEEN, 2, [(18, 2)]),
        ({}, EIGHTEEN, 1, [(18, 1)]),
    ],
)
def test_rungs_of_halving(settings: dict, space: Space, max_epochs: int, expected: list) -> None:
    assert planned("halving", space, max_epochs, **settings) == [expected]


@given(budget=some.integers(10, 400), factor=some.integers(2, 4), name=some.sampled_from(["halving", "hyperband"]))
def test_a_budget_of_epochs_is_used_but_never_exceeded(budget: int, factor: int, name: str) -> None:
    method = method_of(name, epochs=budget, factor=factor)
    brackets = planned_brackets(method, BOWL, 10)
    assert brackets and all(bracket[-1].epochs == 10 for bracket in brackets)
    assert sum(map(epochs_of, brackets)) <= budget
    spent = 0
    for done in search(method, BOWL, numbered):
        spent += sum(request.to_epoch for request in done.requests)
    assert spent >= sum(map(epochs_of, brackets))
    if name == "halving":
        (bracket,) = brackets
        more = planned_brackets(method_of(name, trials=bracket[0].trials + 1, factor=factor), BOWL, 10)[0]
        assert epochs_of(more) > budget


def test_epochs_of_a_bracket_count_only_what_is_new() -> None:
    assert epochs_of((Rung(18, 1), Rung(6, 3), Rung(2, 10))) == 18 * 1 + 6 * 2 + 2 * 7


def results(trial: int, score: float | None) -> TrialResult:
    return TrialResult(trial=trial, epoch=1, score=score)


def test_the_best_go_on_ties_by_trial_and_failures_never() -> None:
    answers = [results(1, 0.5), results(2, None), results(3, 0.7), results(4, 0.5), results(5, 0.1)]
    assert promoted(answers, 2, "highest") == [1, 3]
    assert promoted(answers, 3, "highest") == [1, 3, 4]
    assert promoted(answers, 2, "lowest") == [1, 5]
    assert promoted(answers, 5, "lowest") == [1, 3, 4, 5]


def test_a_bracket_of_which_all_failed_is_over_and_the_next_begins() -> None:
    def answer(request: TrialRequest) -> TrialResult:
        return results(request.trial, None) if request.trial <= 9 else numbered(request)

    assert sizes(search(method_of("hyperband"), EIGHTEEN, answer)) == [(9, 1), (5, 3), (1, 10), (3, 10)]


def test_promotions_follow_the_scores() -> None:
    """Trials 1 to 18 score their own number: the last six, then the last two go on with their own values."""
    history = search(method_of("halving"), EIGHTEEN, lambda request: results(request.trial, float(request.trial)))
    assert [[request.trial for request in done.requests] for done in history[1:]] == [
        [13, 14, 15, 16, 17, 18],
        [17, 18],
    ]
    combinations = list(EIGHTEEN.combinations())
    assert [request.assignment for request in history[2].requests] == combinations[16:]


def test_a_history_of_another_search_is_refused() -> None:
    history = search(method_of("halving"), EIGHTEEN, numbered)
    for other in (method_of("halving", factor=2), method_of("halving", trials=9)):
        with pytest.raises(IdentityError, match="the history belongs to another search"):
            next_round(EIGHTEEN, other, history, 10, 0, "highest")
    with pytest.raises(IdentityError, match="more rounds than this search"):
        next_round(EIGHTEEN, method_of("halving"), [*history, history[-1]], 10, 0, "highest")
    with pytest.raises(IdentityError, match="round 1 of the search is incomplete"):
        next_round(
            EIGHTEEN,
            method_of("halving"),
            [Done(requests=history[0].requests, results=history[0].results[1:])],
            10,
            0,
            "highest",
        )
    with pytest.raises(IdentityError, match="trial 1 belongs to another search"):
        next_round(BOWL, method_of("halving", trials=18), history, 10, 0, "highest")


@given(number=some.integers(1, 10**6), base=some.integers(2, 20))
def test_whole_logarithms_are_exact(number: int, base: int) -> None:
    assert base ** floor_log(number, base) <= number < base ** (floor_log(number, base) + 1)


def test_the_shipped_lenet_is_searched_by_hyperband_with_one_key() -> None:
    """Li et al.'s brackets for 10 epochs and a factor of 3, of which 18 combinations start 17."""
    from snellen.study.document import open_document

    study = open_document("fashion-lenet-transfer").study(["models.lenet-5.search.method=hyperband"])
    method = study.models["lenet-5"].search
    assert method is not None and method.method == "hyperband"
    brackets = brackets_of(method, method.space, study.models["lenet-5"].last_phase.epochs)
    shown = [[(rung.trials, rung.epochs) for rung in bracket] for bracket in brackets]
    assert shown == [[(9, 1), (3, 3), (1, 10)], [(5, 3), (1, 10)], [(3, 10)]]
