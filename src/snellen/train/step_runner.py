"""How the steps of an epoch are taken one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from snellen.train.step import Rule, StepInputs, StepOutcome, TrainState, Workspace, training_step


class StepRunner(Protocol):
    """Takes steps."""

    def run_step(self, inputs: StepInputs) -> StepOutcome:
        """One more step."""

    def reached(self) -> TrainState:
        """The state after all steps so far."""


@dataclass(frozen=True, eq=False)
class PlainRunner:
    """One operation after another."""

    rule: Rule
    state: TrainState
    workspace: Workspace

    def run_step(self, inputs: StepInputs) -> StepOutcome:
        """One more step."""
        return training_step(self.rule, self.state, inputs, self.workspace)

    def reached(self) -> TrainState:
        """The state after all steps so far."""
        return self.state
