"""What a training phase goes on from: the kept weights of the one before, or its last ones and its optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Protocol

from pydantic import Field

from snellen.errors import StudyError
from snellen.train.job import Continues
from snellen.train.optimizers import Optimizer

GoesOnFrom = Annotated[
    Continues,
    Field(
        alias="continue",
        description="a phase goes on from the kept weights of the one before, with a new optimizer, or from its last "
        "weights, with the state of its optimizer",
    ),
]


class Phase(Protocol):
    """What of a phase decides whether it can go on."""

    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def unfreeze(self) -> str | None: ...
    @property
    def continue_(self) -> Continues: ...


def expect_to_go_on(phases: Sequence[Phase]) -> None:
    """Raises StudyError where a phase with `continue: last` has none before it, or the one before has another optimizer
    or trains another part of the backbone."""
    if phases[0].continue_ == "last":
        raise StudyError(
            "the first phase has none before it to go on from",
            found="continue: last",
            hint="Write `train` as a list of phases, with `continue: last` in the second or a later one.",
        )
    for place, (before, phase) in enumerate(pairwise(phases), 1):
        if phase.continue_ == "last" and phase.optimizer != before.optimizer:
            raise StudyError(
                "`continue: last` goes on with the state of the optimizer, but this phase has another optimizer",
                found=str(phase.optimizer.model_dump(mode="json")),
                expected=str(before.optimizer.model_dump(mode="json")),
                where=f"train.{place}.continue",
                hint="Give both phases the same optimizer, or leave `continue` out: the optimizer then starts afresh.",
            )
        if phase.continue_ == "last" and phase.unfreeze != before.unfreeze:
            raise StudyError(
                "`continue: last` goes on with the state of the optimizer, which has none of weights that were frozen",
                found=f"unfreeze: {phase.unfreeze}",
                expected=f"unfreeze: {before.unfreeze}, as in the phase before",
                where=f"train.{place}.continue",
                hint="Leave `continue` out: the optimizer then starts afresh.",
            )
