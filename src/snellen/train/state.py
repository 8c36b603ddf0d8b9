"""What a step is given, what it moves, and the plain way to take one step after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from snellen.models.keys import Randomness
from snellen.train.snapshot import Snapshot, Values
from snellen.train.step import Mixed, Rule, StepOutcome, Workspace, training_step


@dataclass(frozen=True, eq=False)
class Given:
    """x: (L, N, H, W, C); labels: (L, N); step: from 1, a tensor where a device is to read it; rate: (L, 1). weights:
    (L, N), 0 for rows that only fill a batch up, or None; mixed: second labels, or None."""

    x: Tensor
    labels: Tensor
    step: int | Tensor
    rate: Tensor
    key: Randomness
    weights: Tensor | None = None
    mixed: Mixed | None = None


@dataclass(eq=False)
class Moving:
    """Parameters theta (L, P), slots and state of a pack, name -> (L, ...)."""

    theta: Tensor
    state: Values
    slots: Values

    @staticmethod
    def of(now: Snapshot) -> Moving:
        """Copies of what steps change in place: the state is replaced, never changed."""
        return Moving(now.theta.clone(), now.state, _cloned(now.slots))

    def clone(self) -> Moving:
        """Copies of everything."""
        return Moving(self.theta.clone(), _cloned(self.state), _cloned(self.slots))

    def take_over(self, other: Moving) -> None:
        """The values of `other`, in the tensors that are here."""
        pairs = [(self.theta, other.theta)]
        for own, theirs in ((self.state, other.state), (self.slots, other.slots)):
            pairs += [(value, theirs[name]) for name, value in own.items()]
        for value, new in pairs:
            if new is not value:
                value.copy_(new)


def _cloned(values: Values) -> Values:
    return {name: value.clone() for name, value in values.items()}


class Pace(Protocol):
    """Takes steps."""

    def take(self, given: Given) -> StepOutcome:
        """One more step."""

    def reached(self) -> Moving:
        """Where the steps have led."""


@dataclass(frozen=True, eq=False)
class Eager:
    """One operation after another."""

    rule: Rule
    moving: Moving
    workspace: Workspace

    def take(self, given: Given) -> StepOutcome:
        """One more step."""
        outcome = taken(self.rule, self.moving, given, self.workspace)
        self.moving.state = outcome.state
        return outcome

    def reached(self) -> Moving:
        """Where the steps have led."""
        return self.moving


def taken(rule: Rule, moving: Moving, given: Given, workspace: Workspace) -> StepOutcome:
    """One step: theta and slots have moved in place, the new state is in the outcome."""
    x, labels, step, rate, key = given.x, given.labels, given.step, given.rate, given.key
    theta, state, slots = moving.theta, moving.state, moving.slots
    return training_step(rule, theta, state, slots, x, labels, step, rate, key, given.weights, given.mixed, workspace)
