"""The search methods by name; each says which round is next, and which rungs it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from snellen.search.brackets import Bracket, Rung, brackets_of, epochs_of, next_rung
from snellen.search.proposals import next_proposals
from snellen.search.rounds import Goal, History, Round, check_history
from snellen.study.methods import Method
from snellen.study.space import Space

Next = Callable[[Space, Method, History, int, int, Goal], Round | None]
Plan = Callable[[Method, Space, int], tuple[Bracket, ...]]


@dataclass(frozen=True)
class Cost:
    """Upper bounds; None where only another budget bounds it. epochs: of all trials together, none counted twice."""

    trials: int | None
    epochs: int | None


@dataclass(frozen=True)
class SearchMethod:
    """next_round(space, method, history, max_epochs, seed, goal); rungs(method, space, max_epochs): its brackets."""

    next_round: Next
    rungs: Plan


def next_round(space: Space, method: Method, history: History, max_epochs: int, seed: int, goal: Goal) -> Round | None:
    """The round that follows from the rounds so far; None when the search is over.

    max_epochs: of the longest trial. seed: the study's, for a method without its own. goal: which scores are best.
    Equal arguments give equal rounds, so an interrupted search goes on from its history. Raises IdentityError for a
    history that is not of this search.
    """
    check_history(space, history)
    if method.seconds is not None and history and history[-1].seconds >= method.seconds:
        return None
    own = seed if method.seed is None else method.seed
    return METHODS[method.method].next_round(space, method, history, max_epochs, own, goal)


def rungs(method: Method, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """The brackets of halving and Hyperband, as planned: failures may leave fewer trials. Empty for other methods."""
    return METHODS[method.method].rungs(method, space, max_epochs)


def cost(method: Method, space: Space, max_epochs: int) -> Cost:
    """What the search trains at most; stopping early makes it less."""
    brackets = rungs(method, space, max_epochs)
    if brackets:
        return Cost(sum(bracket[0].trials for bracket in brackets), sum(map(epochs_of, brackets)))
    limits = [limit for limit in (space.count, method.trials) if limit is not None]
    trials = min(limits) if limits else None
    bounds = [bound for bound in (method.epochs, trials and trials * max_epochs) if bound is not None]
    return Cost(trials, min(bounds) if bounds else None)


def _no_rungs(method: Method, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """Every trial is trained to its end."""
    return ()


_PROPOSED = SearchMethod(next_proposals, _no_rungs)
_BRACKETED = SearchMethod(next_rung, brackets_of)

METHODS: dict[str, SearchMethod] = {
    "grid": _PROPOSED,
    "random": _PROPOSED,
    "halving": _BRACKETED,
    "hyperband": _BRACKETED,
    "tpe": _PROPOSED,
    "gp": _PROPOSED,
}

__all__ = ["METHODS", "Bracket", "Cost", "Rung", "SearchMethod", "cost", "next_round", "rungs"]
