"""Spaces, scores and whole searches for the tests of search methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from snellen.search.methods import next_round
from snellen.search.rounds import Done, Goal, TrialRequest, TrialResult
from snellen.study.methods import METHOD, Method
from snellen.study.space import Assignment, Space

EIGHTEEN = Space(
    {
        "layers": [{"dense": {"units": {"choice": [128, 256]}}}, {"dense": {"units": {"choice": [32, 64, 128]}}}],
        "train": {"learning_rate": {"choice": [1e-2, 1e-3, 1e-4]}},
    }
)
"""That of fashion-lenet-transfer."""

BOWL = Space({"train": {"x": {"range": [-3.0, 3.0]}, "y": {"log": [1e-3, 1.0]}}})
CONDITIONAL = Space(
    {
        "train": {
            "optimizer": {
                "choice": [
                    "adam",
                    {"sgd": {"momentum": {"range": [0.0, 0.9]}}},
                    {"rmsprop": {"rho": {"choice": [0.5, 0.9]}}},
                ]
            },
            "batch_size": {"log": [16, 512]},
            "dropout": {"range": {"low": 0.0, "high": 0.5, "step": 0.1}},
        }
    }
)

Answer = Callable[[TrialRequest], TrialResult]


def method_of(name: str, **settings: Any) -> Method:
    """A method as a study would have it."""
    return METHOD.validate_python({"method": name, **settings})


def bowl(assignment: Assignment) -> float:
    """Lowest, 0, at x = 1, y = 0.01."""
    x, y = assignment["train.x"], assignment["train.y"]
    assert isinstance(x, float) and isinstance(y, float)
    return (x - 1) ** 2 + (math.log10(y) + 2) ** 2


def scored(score: Callable[[Assignment], float]) -> Answer:
    """Every trial is trained as far as asked and has this score."""
    return lambda request: TrialResult(trial=request.trial, epoch=request.to_epoch, score=score(request.assignment))


def numbered(request: TrialRequest) -> TrialResult:
    """A score that looks random, and is another for every trial."""
    score = math.sin(12.9898 * request.trial) / 2 + 0.5
    curve = tuple(score * epoch / request.to_epoch for epoch in range(1, request.to_epoch + 1))
    return TrialResult(trial=request.trial, epoch=request.to_epoch, score=score, curve=curve)


def search(
    method: Method,
    space: Space,
    answer: Answer,
    max_epochs: int = 10,
    seed: int = 0,
    goal: Goal = "highest",
    begun: tuple[Done, ...] = (),
) -> list[Done]:
    """All rounds of a search, those that have begun first."""
    history = list(begun)
    while requests := next_round(space, method, history, max_epochs, seed, goal):
        history.append(Done(requests=requests, results=tuple(answer(request) for request in requests)))
    return history


def sizes(history: list[Done]) -> list[tuple[int, int]]:
    """(trials, epoch) of each round."""
    return [(len(done.requests), done.requests[0].to_epoch) for done in history]


def assignments(history: list[Done]) -> list[dict[str, Any]]:
    """Of the trials, in order."""
    found = {request.trial: dict(request.assignment) for done in history for request in done.requests}
    assert list(found) == list(range(1, len(found) + 1))
    return list(found.values())
