"""TPE and Gaussian process by Optuna, rebuilt from the history for every round: nothing lives between rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from snellen.search.draws import draws, key_of
from snellen.search.rounds import Goal, History, TrialResult, best_first
from snellen.study.methods import Gp, Method, Tpe
from snellen.study.space import Assignment, Space
from snellen.study.values import Choice, Scalar, Value

if TYPE_CHECKING:
    import optuna

REPEATS = 10
"""Proposals of a round that may be ones already tried before the rest is drawn at random."""
DIRECTIONS: Mapping[Goal, Literal["maximize", "minimize"]] = {"highest": "maximize", "lowest": "minimize"}


def model_based(space: Space, method: Method, history: History, wanted: int, seed: int, goal: Goal) -> list[Assignment]:
    """New assignments after the model of all trials so far, each different from all before.

    A failed trial counts as bad as the worst so far. Only proposals that were told must be kept: processor and threads
    may change the last digits of what a Gaussian process proposes next.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=DIRECTIONS[goal], sampler=_sampler(method, seed, len(history)))
    study.add_trials(_past(space, history, goal))
    seen = {key_of(ask.assignment) for done in history for ask in done.asks}
    fresh: list[Assignment] = []
    for assignment in _asked(space, study, wanted + REPEATS):
        if len(fresh) < wanted and key_of(assignment) not in seen:
            seen.add(key_of(assignment))
            fresh.append(assignment)
        if len(fresh) == wanted:
            break
    return [*fresh, *_others(space, seed, seen, wanted - len(fresh))]


def _sampler(method: Method, seed: int, rounds: int) -> optuna.samplers.BaseSampler:
    """Its own randomness for every round."""
    import optuna

    own = int(np.random.SeedSequence([seed, rounds]).generate_state(1)[0])
    if isinstance(method, Gp):
        return optuna.samplers.GPSampler(seed=own, n_startup_trials=method.startup)
    assert isinstance(method, Tpe)
    return optuna.samplers.TPESampler(seed=own, n_startup_trials=method.startup)


def _asked(space: Space, study: optuna.Study, most: int) -> Iterator[Assignment]:
    """Proposals that Optuna holds for under way: the next differ from them."""
    for _ in range(most):
        trial = study.ask()
        yield space.walk(lambda path, value, trial=trial: _suggested(trial, path, value))  # type: ignore[misc]


def _others(space: Space, seed: int, seen: set[Any], wanted: int) -> list[Assignment]:
    """Draws that have not been tried, where the sampler repeats itself."""
    unseen: Iterator[Assignment] = (draw for draw in draws(space, seed) if key_of(draw) not in seen)
    return [assignment for assignment, _ in zip(unseen, range(wanted), strict=False)] if wanted else []


def _past(space: Space, history: History, goal: Goal) -> list[optuna.trial.FrozenTrial]:
    """Every trial told so far, with its last score."""
    assignments = {ask.trial: ask.assignment for done in history for ask in done.asks}
    told = {each.trial: each for done in history for each in done.told}
    scores = [each.score for each in best_first(told.values(), goal) if each.score is not None]
    worst = scores[-1] if scores else 0.0
    return [_frozen(space, assignments[trial], told[trial], worst) for trial in sorted(told)]


def _frozen(space: Space, assignment: Assignment, told: TrialResult, worst: float) -> optuna.trial.FrozenTrial:
    import optuna

    distributions: dict[str, optuna.distributions.BaseDistribution] = {}
    parameters: dict[str, Any] = {}

    def note(path: str, value: Value) -> Scalar:
        distributions[path], parameters[path] = _distribution(value), _inside(value, assignment[path])
        return assignment[path]

    space.walk(note)
    score = worst if told.score is None else told.score
    return optuna.trial.create_trial(params=parameters, distributions=distributions, value=score)


def _distribution(value: Value) -> optuna.distributions.BaseDistribution:
    """Steps are counted, so that every number is exact; logarithms of whole numbers are Optuna's own."""
    import optuna.distributions as distributions

    if isinstance(value, Choice):
        return distributions.CategoricalDistribution(value.labels)
    if value.step is None:
        return distributions.FloatDistribution(value.low, value.high, log=value.scale == "log")
    if value.scale == "log":
        return distributions.IntDistribution(int(value.low), int(value.high), log=True)
    return distributions.IntDistribution(0, (value.count or 1) - 1)


def _inside(value: Value, label: Scalar) -> Any:
    """What Optuna is told for a label."""
    is_counted = not isinstance(value, Choice) and value.step is not None and value.scale == "linear"
    return value.index(label) if is_counted else label


def _suggested(trial: optuna.Trial, path: str, value: Value) -> Scalar:
    if isinstance(value, Choice):
        return trial.suggest_categorical(path, value.labels)
    if value.step is None:
        return value.tidy(trial.suggest_float(path, value.low, value.high, log=value.scale == "log"))
    if value.scale == "log":
        return trial.suggest_int(path, int(value.low), int(value.high), log=True)
    return value.at(trial.suggest_int(path, 0, (value.count or 1) - 1))
