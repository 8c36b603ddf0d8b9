"""The search methods by name: the function that proposes the next round, and the one that plans the brackets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from snellen.search.brackets import Bracket, Rung, brackets_of, epochs_of, next_rung
from snellen.search.proposals import next_proposals
from snellen.search.rounds import Goal, History, Round, check_history
from snellen.study.methods import Method
from snellen.study.space import Space

NextRound = Callable[[Space, Method, History, int, int, Goal], Round | None]
PlanBrackets = Callable[[Method, Space, int], tuple[Bracket, ...]]


@dataclass(frozen=True)
class Cost:
    """Upper bounds of a search; None where only another budget bounds it. epochs: the sum over all trials; epochs that
    trials share are counted once."""

    trials: int | None
    epochs: int | None


@dataclass(frozen=True)
class SearchMethod:
    """next_round(space, method, history, max_epochs, seed, goal): the next round, or None at the end.

    brackets(method, space, max_epochs): the planned brackets; empty for a method without early stopping by rungs.
    """

    next_round: NextRound
    brackets: PlanBrackets


def next_round(space: Space, method: Method, history: History, max_epochs: int, seed: int, goal: Goal) -> Round | None:
    """The round that follows from the rounds so far; None when the search is over. max_epochs: those of the longest
    trial. seed: the study's, used if the method has no seed. goal: which scores are best. Equal arguments give equal
    rounds, so an interrupted search goes on from its history. Raises IdentityError for the history of another search.
    """
    check_history(space, history)
    if method.seconds is not None and history and history[-1].seconds >= method.seconds:
        return None
    method_seed = seed if method.seed is None else method.seed
    return METHODS[method.method].next_round(space, method, history, max_epochs, method_seed, goal)


def planned_brackets(method: Method, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """The brackets of halving and Hyperband, as planned: failures may leave fewer trials. Empty for other methods."""
    return METHODS[method.method].brackets(method, space, max_epochs)


def cost(method: Method, space: Space, max_epochs: int) -> Cost:
    """The most trials and epochs that the search may train; early stopping makes it fewer."""
    brackets = planned_brackets(method, space, max_epochs)
    if brackets:
        return Cost(sum(bracket[0].trials for bracket in brackets), sum(map(epochs_of, brackets)))
    limits = [limit for limit in (space.count, method.trials) if limit is not None]
    trials = min(limits) if limits else None
    bounds = [bound for bound in (method.epochs, trials and trials * max_epochs) if bound is not None]
    return Cost(trials, min(bounds) if bounds else None)


def _no_brackets(method: Method, space: Space, max_epochs: int) -> tuple[Bracket, ...]:
    """None: every trial is trained to its last epoch."""
    return ()


_PROPOSED = SearchMethod(next_proposals, _no_brackets)
_BRACKETED = SearchMethod(next_rung, brackets_of)

METHODS: dict[str, SearchMethod] = {
    "grid": _PROPOSED,
    "random": _PROPOSED,
    "halving": _BRACKETED,
    "hyperband": _BRACKETED,
    "tpe": _PROPOSED,
    "gp": _PROPOSED,
}

__all__ = ["METHODS", "Bracket", "Cost", "Rung", "SearchMethod", "cost", "next_round", "planned_brackets"]
