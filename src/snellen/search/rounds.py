"""Rounds of trials, requested and trained one after another; the next round follows from all rounds so far.

A search has no other state: the same history gives the same next round, with any number of workers and in a new
process. Rounds are plain values with a JSON form (`model_dump`, `model_validate`).
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
    """Base of the immutable values below."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class TrialRequest(Plain):
    """Train a new or paused trial up to an epoch. trial: counted from 1 in the order proposed.

    A trial whose own `epochs` are fewer, or whose patience has ended, is not trained further.
    """

    trial: Annotated[int, Field(ge=1)]
    assignment: Mapping[str, Scalar]
    to_epoch: Annotated[int, Field(ge=1)]


class TrialResult(Plain):
    """The result of a request. epoch: epochs trained so far. score: that of the epoch that the stop rule keeps; None
    where training failed. stopped_early: by the trial's patience. curve: the value after every epoch from the first,
    for median stopping.
    """

    trial: Annotated[int, Field(ge=1)]
    epoch: Annotated[int, Field(ge=0)]
    score: float | None
    stopped_early: bool = False
    curve: tuple[float, ...] = ()


Round = tuple[TrialRequest, ...]


class Done(Plain):
    """A finished round: a result for each request, in order. seconds: since the search began, without interruptions.

    In JSON the requests are `asks`, and the results `told`.
    """

    requests: Annotated[Round, Field(alias="asks")]
    results: Annotated[tuple[TrialResult, ...], Field(alias="told")]
    seconds: Annotated[float, Field(ge=0)] = 0.0


History = Sequence[Done]


def check_history(space: Space, history: History) -> None:
    """Raises IdentityError when results and requests of a round differ, or a requested trial is not in the space."""
    for number, done in enumerate(history, 1):
        requested, trained = [each.trial for each in done.requests], [each.trial for each in done.results]
        if requested != trained:
            raise IdentityError(f"round {number} of the search is incomplete", found=trained, expected=requested)
        for request in done.requests:
            try:
                space.checked(request.assignment)
            except StudyError as error:
                raise IdentityError(f"trial {request.trial} belongs to another search ({error})") from None


def best_first(results: Iterable[TrialResult], goal: Goal) -> list[TrialResult]:
    """Best scores first, ties by trial number, failed trials last."""
    sign = -1.0 if goal == "highest" else 1.0

    def order(result: TrialResult) -> tuple[bool, float, int]:
        return result.score is None, sign * (result.score or 0.0), result.trial

    return sorted(results, key=order)


def epochs_spent(history: History) -> int:
    """The sum of the epochs trained by all trials."""
    epoch_of_trial: dict[int, int] = {}
    for done in history:
        epoch_of_trial |= {each.trial: max(each.epoch, epoch_of_trial.get(each.trial, 0)) for each in done.results}
    return sum(epoch_of_trial.values())
