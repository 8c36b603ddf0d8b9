"""Successive halving and Hyperband: brackets of rungs, planned before anything is trained."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from snellen.errors import IdentityError
from snellen.search.draws import draws
from snellen.search.rounds import Done, Goal, History, Round, TrialRequest, TrialResult, best_first
from snellen.study.methods import Halving, Hyperband, Method
from snellen.study.space import Assignment, Space


@dataclass(frozen=True)
class Rung:
    """trials: the number of trials that are trained. epochs: up to which, counted from the start of each trial."""

    trials: int
    epochs: int


Bracket = tuple[Rung, ...]


def halving_brackets(method: Halving, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """One bracket. K + 1 rungs, with K the largest for which both starts / factor^K >= 1 and the first rung has at
    least min_epochs; rung k from the last is at floor(max_epochs / factor^k), rung i holds floor(starts / factor^i)."""
    factor = method.factor
    deepest = floor_log(max(1, max_epochs // method.min_epochs), factor)
    limits = [limit for limit in (space.count, method.trials, method.epochs) if limit is not None]
    available = min(limits)
    for depth in range(min(deepest, floor_log(available, factor)), -1, -1):
        most = available if depth == deepest else min(available, factor ** (depth + 1) - 1)
        starts = _most_that_fit(factor**depth, most, factor, depth, max_epochs, method.epochs)
        if starts:
            return (_bracket(starts, factor, depth, max_epochs),)
    return ()


def hyperband_brackets(method: Hyperband, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """Li et al. 2018, algorithm 1: s from floor(log_eta R) to 0, n = ceil((s_max + 1) / (s + 1) * eta^s), r = R eta^-s.

    Epochs are rounded down. Brackets start fewer trials, or none, once a finite space, `trials` or `epochs` are used
    up.
    """
    factor, deepest = method.factor, floor_log(max_epochs, method.factor)
    brackets: list[Bracket] = []
    for depth in range(deepest, -1, -1):
        started = sum(bracket[0].trials for bracket in brackets)
        spent = sum(map(epochs_of, brackets))
        left = [limit - started for limit in (space.count, method.trials) if limit is not None]
        starts = min(-(-(deepest + 1) * factor**depth // (depth + 1)), *left, 10**9)
        starts = _most_that_fit(1, starts, factor, depth, max_epochs, method.epochs and method.epochs - spent)
        if starts:
            brackets.append(_bracket(starts, factor, depth, max_epochs))
    return tuple(brackets)


def brackets_of(method: Method, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """The brackets of a method with brackets."""
    if isinstance(method, Halving):
        return halving_brackets(method, space, max_epochs)
    assert isinstance(method, Hyperband)
    return hyperband_brackets(method, space, max_epochs)


def epochs_of(bracket: Bracket) -> int:
    """The most epochs that a bracket trains; a promoted trial continues from its last epoch."""
    before = [0, *(rung.epochs for rung in bracket)]
    return sum(
        rung.trials * (rung.epochs - epochs_before) for rung, epochs_before in zip(bracket, before, strict=False)
    )


def next_rung(space: Space, method: Method, history: History, max_epochs: int, seed: int, goal: Goal) -> Round | None:
    """The requests of the first rung without results."""
    brackets = brackets_of(method, space, max_epochs)
    starts = _starts(method, space, seed, brackets)
    rounds = iter(history)
    first = 1
    for bracket in brackets:
        trials = dict(enumerate(islice(starts, bracket[0].trials), first))
        first += len(trials)
        requests = _next_of_bracket(bracket, trials, rounds, goal)
        if requests:
            return requests
    if next(rounds, None):
        raise IdentityError("the history has more rounds than this search")
    return None


def floor_log(number: int, base: int) -> int:
    """The largest k with base^k <= number; exact."""
    power = 0
    while base ** (power + 1) <= number:
        power += 1
    return power


def _bracket(starts: int, factor: int, depth: int, max_epochs: int) -> Bracket:
    """Every rung holds at least one trial, even if few starts are left."""
    return tuple(
        Rung(max(1, starts // factor**index), max(1, max_epochs // factor ** (depth - index)))
        for index in range(depth + 1)
    )


def _most_that_fit(low: int, high: int, factor: int, depth: int, max_epochs: int, budget: int | None) -> int:
    """The most starts, from low to high, whose bracket trains at most `budget` epochs; 0 when none does."""
    if high < low:
        return 0
    if budget is None:
        return high
    too_many = bisect_left(
        range(low, high + 1), True, key=lambda starts: epochs_of(_bracket(starts, factor, depth, max_epochs)) > budget
    )
    return low + too_many - 1 if too_many else 0


def _starts(method: Method, space: Space, seed: int, brackets: tuple[Bracket, ...]) -> Iterator[Assignment]:
    """All combinations, in the order of the study file, where halving starts all of them; otherwise random draws."""
    if isinstance(method, Halving) and space.count == sum(bracket[0].trials for bracket in brackets):
        return space.combinations()
    return draws(space, seed)


def _next_of_bracket(
    bracket: Bracket, trials: dict[int, Assignment], rounds: Iterator[Done], goal: Goal
) -> Round | None:
    """The requests of the first rung of this bracket without results; None when the bracket is over."""
    results: Sequence[TrialResult] | None = None
    for rung in bracket:
        numbers = trials if results is None else promoted(results, rung.trials, goal)
        if not numbers:
            return None
        requests = tuple(TrialRequest(trial=each, assignment=trials[each], to_epoch=rung.epochs) for each in numbers)
        done = next(rounds, None)
        if done is None:
            return requests
        if done.requests != requests:
            found, expected = done.requests[:1], requests[:1]
            raise IdentityError("the history belongs to another search", found=found, expected=expected)
        results = done.results
    return None


def promoted(results: Sequence[TrialResult], count: int, goal: Goal) -> list[int]:
    """The promoted trials, best first, ties by trial number. A failed trial is never promoted."""
    trained: Iterable[TrialResult] = (each for each in best_first(results, goal) if each.score is not None)
    return sorted(each.trial for each in islice(trained, count))
