"""What a search will train, as far as it can be foreseen: rungs and rounds of lanes, and how many epochs at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from snellen.search.brackets import Bracket
from snellen.search.draws import draws
from snellen.search.drive import PREDICTED, Scope
from snellen.search.methods import cost, rungs
from snellen.study.assignments import fill, last_epochs
from snellen.study.jobs import Collector, add_jobs
from snellen.study.methods import DEFAULT_TRIALS, Grid, Halving
from snellen.study.schema import Model
from snellen.study.space import Assignment
from snellen.train.lane import Lane

SAMPLE = 40
"""Trials that stand for all: which will be proposed is not known, and planning one takes 5 ms."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Lanes trained at once, each for `epochs` more, or to its end where None. weight: how many such stretches these
    stand for."""

    lanes: tuple[Lane, ...]
    epochs: int | None
    weight: float = 1.0

    @property
    def lane_epochs(self) -> float:
        """Epochs of all lanes together."""
        return self.weight * sum(self.epochs or lane.epochs for lane in self.lanes)


@dataclass(frozen=True, eq=False)
class Foreseen:
    """trials, epochs: at most, None where only another budget bounds them; epochs of all networks of all trials, their
    earlier phases too. sampled: trials that stand for those of a search without a number of them. networks: of one
    trial. rungs: (trials, epochs) of each bracket. in_full: epochs of training every trial alone to its end. seconds:
    the study's own limit. dearest: the values that take the most work, of those sampled."""

    method: str
    sampled: int
    trials: int | None
    epochs: int | None
    networks: int
    rungs: tuple[tuple[tuple[int, int], ...], ...]
    in_full: int | None
    stretches: tuple[Stretch, ...]
    seconds: float | None
    dearest: Assignment

    @property
    def trajectories(self) -> float:
        """Of all trials; what goes on from a rung to the next is counted once."""
        whole = [stretch for stretch in self.stretches if stretch.epochs is None]
        started = sum(bracket[0][0] for bracket in self.rungs) * self.networks
        return started + sum(stretch.weight * len(stretch.lanes) for stretch in whole)

    @property
    def waiting(self) -> int:
        """Networks that wait at a rung at most."""
        return self.networks * max((bracket[0][0] for bracket in self.rungs), default=0)

    @property
    def stopped(self) -> int:
        """Trials that are not trained to their end, as planned."""
        return sum(bracket[0][0] - bracket[-1][0] for bracket in self.rungs)


def foresee(model: Model, scope: Scope) -> Foreseen:
    """The search of a model. Its trials are those it will begin where these are known, else drawn at random."""
    assert model.search is not None  # only models with a search have one to foresee
    method, space, longest = model.search, model.search.space, last_epochs(model)
    most, networks = cost(method, space, longest), len(scope.parts) * len(scope.seeds)
    brackets = rungs(method, space, longest)
    trials = most.trials or (max(1, most.epochs // longest) if most.epochs else DEFAULT_TRIALS)
    sample = list(islice(_assignments(model, scope, trials), min(trials, SAMPLE)))
    weight = trials / len(sample)
    apart = [_lanes(model, scope, [assignment]) for assignment in sample]
    stretches = [_earlier(apart, weight)] if len(model.train) > 1 else []
    if brackets:
        stretches += _of_brackets([_last(lanes) for lanes in apart], brackets)
        epochs = most.epochs and most.epochs * networks
    else:
        stretches += _of_rounds(model, scope, sample, weight)
        own = round(sum(stretch.lane_epochs for stretch in stretches))
        epochs = min(own, most.epochs * networks) if most.epochs else own if most.trials else None
    asked = sum(lane.epochs for lanes in apart for lane in lanes)
    return Foreseen(
        method=method.method,
        sampled=trials,
        trials=most.trials,
        epochs=epochs,
        networks=networks,
        rungs=tuple(tuple((rung.trials, rung.epochs) for rung in bracket) for bracket in brackets),
        in_full=round(weight * asked) if most.trials else None,
        stretches=tuple(stretches),
        seconds=method.seconds,
        dearest=sample[max(range(len(sample)), key=lambda at: sum(map(_work, apart[at])))],
    )


def _work(lane: Lane) -> int:
    """Multiply-adds of a training, without augmentation."""
    return lane.epochs * len(lane.rows["train"]) * lane.trajectory.network.multiply_adds


def _assignments(model: Model, scope: Scope, trials: int) -> Iterator[Assignment]:
    """Those of a grid, and of halving over a whole space, in their order; else the draws of the seed."""
    assert model.search is not None
    method, space = model.search, model.search.space
    if isinstance(method, Grid) or (isinstance(method, Halving) and space.count == trials):
        return space.combinations()
    return draws(space, scope.seed if method.seed is None else method.seed)


def _lanes(model: Model, scope: Scope, assignments: Sequence[Assignment]) -> list[Lane]:
    """The lanes of trials that share what they can, of all phases."""
    collected = Collector(predicted=PREDICTED)
    for assignment in assignments:
        for rows in scope.parts:
            add_jobs(fill(model, assignment), scope.dataset, rows, scope.seeds, collected)
    return list(collected.gathered.values())


def _last(lanes: Sequence[Lane]) -> list[Lane]:
    """Those of the last phase."""
    phase = max(lane.trajectory.phase for lane in lanes)
    return [lane for lane in lanes if lane.trajectory.phase == phase]


def _earlier(apart: Sequence[Sequence[Lane]], weight: float) -> Stretch:
    """The phases before the last, which every trial trains to their ends."""
    return Stretch(tuple(lane for lanes in apart for lane in lanes if lane not in _last(lanes)), None, weight)


def _of_brackets(apart: Sequence[Sequence[Lane]], brackets: Sequence[Bracket]) -> Iterator[Stretch]:
    """A stretch a rung; which trials go on is not known, so some from everywhere do."""
    for bracket in brackets:
        reached = 0
        for rung in bracket:
            shown = max(1, min(len(apart), rung.trials))
            some = [apart[len(apart) * at // shown] for at in range(shown)]
            yield Stretch(tuple(lane for lanes in some for lane in lanes), rung.epochs - reached, rung.trials / shown)
            reached = rung.epochs


def _of_rounds(model: Model, scope: Scope, sample: Sequence[Assignment], weight: float) -> Iterator[Stretch]:
    """A stretch a round, in which trials that differ in their stop rule alone are trained once."""
    size = getattr(model.search, "round_size", None) or len(sample)
    for start in range(0, len(sample), size):
        yield Stretch(tuple(_last(_lanes(model, scope, sample[start : start + size]))), None, weight)
