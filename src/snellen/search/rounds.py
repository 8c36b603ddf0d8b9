"""What a search asks for and what it is told: rounds of trials, kept in order, from which the next round follows.

A search is nothing but its history: the same history gives the same next round, on any number of workers, in a new
process, years later. Rounds are plain values with a JSON form (`model_dump`, `model_validate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from snellen.errors import IdentityError, StudyError
from snellen.study.space import Space
from snellen.study.values import Scalar

Goal = Literal["highest", "lowest"]
"""Which scores are best: the highest of an accuracy, the lowest of a loss."""


class Plain(BaseModel):
    """Plain values that never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrialRequest(Plain):
    """Train a trial, new or again, on to an epoch. trial: counted from 1 in the order proposed.

    A trial whose own `epochs` are fewer, or whose patience ended, stays where it is.
    """

    trial: Annotated[int, Field(ge=1)]
    assignment: Mapping[str, Scalar]
    to_epoch: Annotated[int, Field(ge=1)]


class TrialResult(Plain):
    """What came of an ask. epoch: epochs trained so far. score: the best up to there; None where training failed.

    stopped_early: by its own patience. curve: the score after every epoch from the first; median stopping needs it.
    """

    trial: Annotated[int, Field(ge=1)]
    epoch: Annotated[int, Field(ge=0)]
    score: float | None
    stopped_early: bool = False
    curve: tuple[float, ...] = ()


Round = tuple[TrialRequest, ...]


class Done(Plain):
    """A finished round, in the order of its asks. seconds: since the search began, interruptions not counted."""

    asks: Round
    told: tuple[TrialResult, ...]
    seconds: Annotated[float, Field(ge=0)] = 0.0


History = Sequence[Done]


def check_history(space: Space, history: History) -> None:
    """Raises IdentityError when a round was not told what it asked, or asked for what is not in the space."""
    for number, done in enumerate(history, 1):
        asked, told = [ask.trial for ask in done.asks], [each.trial for each in done.told]
        if asked != told:
            raise IdentityError(f"round {number} of the search is incomplete", found=told, expected=asked)
        for ask in done.asks:
            try:
                space.checked(ask.assignment)
            except StudyError as error:
                raise IdentityError(f"trial {ask.trial} belongs to another search ({error})") from None


def best_first(told: Iterable[TrialResult], goal: Goal) -> list[TrialResult]:
    """Best scores first, equal ones by trial, failed ones last."""
    sign = -1.0 if goal == "highest" else 1.0

    def place(each: TrialResult) -> tuple[bool, float, int]:
        return each.score is None, sign * (each.score or 0.0), each.trial

    return sorted(told, key=place)


def epochs_spent(history: History) -> int:
    """Epochs trained by all trials together, each counted once."""
    reached: dict[int, int] = {}
    for done in history:
        reached |= {each.trial: max(each.epoch, reached.get(each.trial, 0)) for each in done.told}
    return sum(reached.values())
