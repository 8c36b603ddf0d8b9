"""Grid, random, TPE and Gaussian process: trials proposed a round at a time, each trained to its end or stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from snellen.errors import IdentityError
from snellen.search.draws import draws
from snellen.search.median import falls_behind, next_check
from snellen.search.optuna_samplers import model_based
from snellen.search.rounds import Done, Goal, History, Round, TrialRequest, TrialResult, epochs_spent
from snellen.study.methods import Drawn, Grid, Median, Method
from snellen.study.space import Assignment, Space

Propose = Callable[[Space, Method, History, int, int, Goal], list[Assignment]]
"""(space, method, history, how many, seed, goal) -> that many new assignments, or fewer where there are no more."""


@dataclass(frozen=True)
class Standing:
    """The state of a search. begun: number of trials so far. completed: those trained to their end. pending: those that
    continue, with the epoch that each has reached."""

    begun: int = 0
    completed: tuple[TrialResult, ...] = ()
    pending: tuple[tuple[TrialRequest, int], ...] = ()


def next_proposals(
    space: Space, method: Method, history: History, max_epochs: int, seed: int, goal: Goal
) -> Round | None:
    """Pending trials to their next check; when there are none, new trials."""
    assert isinstance(method, Grid | Drawn)
    standing = standing_of(method.stop, history, max_epochs, goal)
    number = len(standing.completed)
    if standing.pending:
        return tuple(
            request.model_copy(update={"to_epoch": _target(method.stop, epoch, number, max_epochs)})
            for request, epoch in standing.pending
        )
    count = _num_new(method, space, history, standing.begun, max_epochs)
    proposed = PROPOSE[method.method](space, method, history, count, seed, goal) if count > 0 else []
    target, first = _target(method.stop, 0, number, max_epochs), standing.begun + 1
    numbered = enumerate(proposed, first)
    return tuple(TrialRequest(trial=trial, assignment=each, to_epoch=target) for trial, each in numbered) or None


def standing_of(stop: Median | None, history: History, max_epochs: int, goal: Goal) -> Standing:
    """After the rounds so far, one after another: what was decided after a round does not depend on later ones."""
    standing = Standing()
    for done in history:
        standing = _after(standing, done, stop, max_epochs, goal)
    return standing


def _after(standing: Standing, done: Done, stop: Median | None, max_epochs: int, goal: Goal) -> Standing:
    first = standing.begun + 1
    expected = [request.trial for request, _ in standing.pending] or list(range(first, first + len(done.requests)))
    trials = [request.trial for request in done.requests]
    if not trials or trials != expected:
        raise IdentityError("the history belongs to another search", found=f"trials {trials}", expected=expected)
    trained = [pair for pair in zip(done.requests, done.results, strict=True) if pair[1].score is not None]
    over = tuple(result for request, result in trained if _is_over(request, result, max_epochs))
    completed = (*standing.completed, *over)
    pending = tuple(
        (request, result.epoch)
        for request, result in trained
        if not _is_over(request, result, max_epochs) and not (stop and falls_behind(result, completed, stop, goal))
    )
    return replace(standing, begun=max(standing.begun, trials[-1]), completed=completed, pending=pending)


def _is_over(request: TrialRequest, result: TrialResult, max_epochs: int) -> bool:
    """Whether the trial was trained to its end: by patience, its own number of epochs, or the largest one."""
    return result.stopped_early or result.epoch < request.to_epoch or result.epoch >= max_epochs


def _target(stop: Median | None, epoch: int, completed: int, max_epochs: int) -> int:
    return next_check(epoch, completed, stop, max_epochs) if stop else max_epochs


def _num_new(method: Grid | Drawn, space: Space, history: History, begun: int, max_epochs: int) -> int:
    """The number of new trials that fit in a round and in the rest of the budget."""
    limits = [limit - begun for limit in (space.count, method.trials) if limit is not None]
    if method.epochs is not None:
        limits.append((method.epochs - epochs_spent(history)) // max_epochs)
    if method.round_size is not None:
        limits.append(method.round_size)
    return min(limits)


def _grid(space: Space, method: Method, history: History, count: int, seed: int, goal: Goal) -> list[Assignment]:
    """The next combinations, in the order of the study file; seed and goal are not used."""
    begun = _begun(history)
    return list(islice(space.combinations(), begun, begun + count))


def _random(space: Space, method: Method, history: History, count: int, seed: int, goal: Goal) -> list[Assignment]:
    """The next draws; goal is not used."""
    begun = _begun(history)
    return list(islice(draws(space, seed), begun, begun + count))


def _begun(history: History) -> int:
    return max((request.trial for done in history for request in done.requests), default=0)


PROPOSE: dict[str, Propose] = {"grid": _grid, "random": _random, "tpe": model_based, "gp": model_based}
