"""What a search will train, as far as that is known before it starts: rungs and rounds of lanes, and the most
epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from snellen.search.brackets import Bracket
from snellen.search.draws import draws
from snellen.search.drive import PREDICTED, Scope
from snellen.search.methods import cost, planned_brackets
from snellen.study.assignments import apply_assignment, last_epochs
from snellen.study.jobs import Collector, add_jobs
from snellen.study.methods import DEFAULT_TRIALS, Grid, Halving
from snellen.study.schema import Model
from snellen.study.space import Assignment
from snellen.train.lane import Lane

SAMPLE = 40
"""Number of sampled trials that stand for all: which trials will be proposed is not known, and planning one takes 5
ms."""


@dataclass(frozen=True, eq=False)
class TrainingSegment:
    """Lanes trained at the same time, each for this number of epochs, or to its end if None. weight: how many segments
    like this one there are."""

    lanes: tuple[Lane, ...]
    epochs: int | None
    weight: float = 1.0

    @property
    def lane_epochs(self) -> float:
        """Epochs of all lanes together."""
        return self.weight * sum(self.epochs or lane.epochs for lane in self.lanes)


@dataclass(frozen=True, eq=False)
class CostForecast:
    """What a search trains at most.

    num_trials: for planning; trials, epochs: the upper bounds, None where only another budget bounds them. epochs: of
    all networks of all trials, earlier phases included. networks: of one trial. rungs: (trials, epochs), by bracket.
    in_full: epochs of training every trial alone to its end. seconds: the study's own limit. most_expensive: the values
    that take the most work, of those sampled.
    """

    method: str
    num_trials: int
    trials: int | None
    epochs: int | None
    networks: int
    rungs: tuple[tuple[tuple[int, int], ...], ...]
    in_full: int | None
    segments: tuple[TrainingSegment, ...]
    seconds: float | None
    most_expensive: Assignment

    @property
    def trajectories(self) -> float:
        """The trajectories of all trials; one that continues from rung to rung is counted once."""
        to_their_ends = [segment for segment in self.segments if segment.epochs is None]
        started = sum(bracket[0][0] for bracket in self.rungs) * self.networks
        return started + sum(segment.weight * len(segment.lanes) for segment in to_their_ends)

    @property
    def paused(self) -> int:
        """The most networks that are paused at a rung."""
        return self.networks * max((bracket[0][0] for bracket in self.rungs), default=0)

    @property
    def stopped(self) -> int:
        """Trials that the search plans to stop before their end."""
        return sum(bracket[0][0] - bracket[-1][0] for bracket in self.rungs)


def forecast_cost(model: Model, scope: Scope) -> CostForecast:
    """The forecast for the search of a model. It samples the first trials where these are known, otherwise random
    ones."""
    assert model.search is not None  # the caller has checked
    method, space, longest = model.search, model.search.space, last_epochs(model)
    limits, networks = cost(method, space, longest), len(scope.parts) * len(scope.seeds)
    brackets = planned_brackets(method, space, longest)
    num_trials = limits.trials or (max(1, limits.epochs // longest) if limits.epochs else DEFAULT_TRIALS)
    sample = list(islice(_assignments(model, scope, num_trials), min(num_trials, SAMPLE)))
    weight = num_trials / len(sample)
    lanes_of_trials = [_lanes(model, scope, [assignment]) for assignment in sample]
    segments = [_earlier_phases(lanes_of_trials, weight)] if len(model.train) > 1 else []
    if brackets:
        segments += _segments_of_brackets([_last_phase(lanes) for lanes in lanes_of_trials], brackets)
        epochs = limits.epochs and limits.epochs * networks
    else:
        segments += _segments_of_rounds(model, scope, sample, weight)
        planned_epochs = round(sum(segment.lane_epochs for segment in segments))
        epochs = (
            min(planned_epochs, limits.epochs * networks)
            if limits.epochs
            else planned_epochs
            if limits.trials
            else None
        )
    epochs_alone = sum(lane.epochs for lanes in lanes_of_trials for lane in lanes)
    return CostForecast(
        method=method.method,
        num_trials=num_trials,
        trials=limits.trials,
        epochs=epochs,
        networks=networks,
        rungs=tuple(tuple((rung.trials, rung.epochs) for rung in bracket) for bracket in brackets),
        in_full=round(weight * epochs_alone) if limits.trials else None,
        segments=tuple(segments),
        seconds=method.seconds,
        most_expensive=sample[max(range(len(sample)), key=lambda at: sum(map(_work, lanes_of_trials[at])))],
    )


def _work(lane: Lane) -> int:
    """Multiply-adds of the training of a lane, without augmentation."""
    return lane.epochs * len(lane.rows["train"]) * lane.trajectory.trained.multiply_adds


def _assignments(model: Model, scope: Scope, num_trials: int) -> Iterator[Assignment]:
    """The combinations of a grid, or of halving over a whole space, in their order; otherwise random draws of the
    seed."""
    assert model.search is not None
    method, space = model.search, model.search.space
    if isinstance(method, Grid) or (isinstance(method, Halving) and space.count == num_trials):
        return space.combinations()
    return draws(space, scope.seed if method.seed is None else method.seed)


def _lanes(model: Model, scope: Scope, assignments: Sequence[Assignment]) -> list[Lane]:
    """The lanes of all phases; trials share lanes where their trajectories are the same."""
    collector = Collector(predicted=PREDICTED)
    for assignment in assignments:
        for rows in scope.parts:
            add_jobs(apply_assignment(model, assignment), scope.dataset, rows, scope.seeds, collector)
    return list(collector.gathered.values())


def _last_phase(lanes: Sequence[Lane]) -> list[Lane]:
    phase = max(lane.trajectory.phase for lane in lanes)
    return [lane for lane in lanes if lane.trajectory.phase == phase]


def _earlier_phases(lanes_of_trials: Sequence[Sequence[Lane]], weight: float) -> TrainingSegment:
    """The phases before the last, which every trial trains to their end."""
    lanes = tuple(lane for lanes in lanes_of_trials for lane in lanes if lane not in _last_phase(lanes))
    return TrainingSegment(lanes, None, weight)


def _segments_of_brackets(
    lanes_of_trials: Sequence[Sequence[Lane]], brackets: Sequence[Bracket]
) -> Iterator[TrainingSegment]:
    """One segment per rung. Which trials are promoted is not known, so evenly spaced trials stand for them."""
    for bracket in brackets:
        epochs_before = 0
        for rung in bracket:
            count = max(1, min(len(lanes_of_trials), rung.trials))
            promoted = [lanes_of_trials[len(lanes_of_trials) * at // count] for at in range(count)]
            lanes = tuple(lane for lanes in promoted for lane in lanes)
            yield TrainingSegment(lanes, rung.epochs - epochs_before, rung.trials / count)
            epochs_before = rung.epochs


def _segments_of_rounds(
    model: Model, scope: Scope, sample: Sequence[Assignment], weight: float
) -> Iterator[TrainingSegment]:
    """One segment per round, in which trials that differ only in their stop rule are trained once."""
    size = getattr(model.search, "round_size", None) or len(sample)
    for start in range(0, len(sample), size):
        lanes = _last_phase(_lanes(model, scope, sample[start : start + size]))
        yield TrainingSegment(tuple(lanes), None, weight)
