"""TPE and Gaussian process by Optuna, rebuilt from the history for every round: nothing is kept between rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
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
"""After this many proposals that repeat earlier ones, the rest of a round is drawn at random."""
DIRECTIONS: Mapping[Goal, Literal["maximize", "minimize"]] = {"highest": "maximize", "lowest": "minimize"}


def model_based(space: Space, method: Method, history: History, count: int, seed: int, goal: Goal) -> list[Assignment]:
    """New assignments by a model of all trials so far, each different from all before.

    A failed trial counts as the worst so far. A round must be stored before it is trained: on another processor or
    with other threads, a Gaussian process may propose numbers with other last digits.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=DIRECTIONS[goal], sampler=_sampler(method, seed, len(history)))
    study.add_trials(_past(space, history, goal))
    seen = {key_of(request.assignment) for done in history for request in done.requests}
    new: list[Assignment] = []
    for assignment in _proposals(space, study, count + REPEATS):
        if len(new) < count and key_of(assignment) not in seen:
            seen.add(key_of(assignment))
            new.append(assignment)
        if len(new) == count:
            break
    return [*new, *_unseen_draws(space, seed, seen, count - len(new))]


def _sampler(method: Method, seed: int, rounds: int) -> optuna.samplers.BaseSampler:
    """The sampler, with a different seed in every round."""
    import optuna

    round_seed = int(np.random.SeedSequence([seed, rounds]).generate_state(1)[0])
    if isinstance(method, Gp):
        return optuna.samplers.GPSampler(seed=round_seed, n_startup_trials=method.startup)
    assert isinstance(method, Tpe)
    return optuna.samplers.TPESampler(seed=round_seed, n_startup_trials=method.startup)


def _proposals(space: Space, study: optuna.Study, count: int) -> Iterator[Assignment]:
    """Each proposal is marked as running for Optuna, so that the next ones differ from it."""
    for _ in range(count):
        trial = study.ask()
        yield space.walk(lambda path, value, trial=trial: _suggested(trial, path, value))  # type: ignore[misc]


def _unseen_draws(space: Space, seed: int, seen: set[Any], count: int) -> list[Assignment]:
    """Draws that have not been tried, where the sampler repeats itself."""
    unseen: Iterator[Assignment] = (draw for draw in draws(space, seed) if key_of(draw) not in seen)
    return list(islice(unseen, count)) if count else []


def _past(space: Space, history: History, goal: Goal) -> list[optuna.trial.FrozenTrial]:
    """Every trial so far, with its last score."""
    assignments = {request.trial: request.assignment for done in history for request in done.requests}
    results = {result.trial: result for done in history for result in done.results}
    scores = [each.score for each in best_first(results.values(), goal) if each.score is not None]
    worst = scores[-1] if scores else 0.0
    return [_frozen(space, assignments[trial], results[trial], worst) for trial in sorted(results)]


def _frozen(space: Space, assignment: Assignment, result: TrialResult, worst: float) -> optuna.trial.FrozenTrial:
    import optuna

    distributions: dict[str, optuna.distributions.BaseDistribution] = {}
    parameters: dict[str, Any] = {}

    def note(path: str, value: Value) -> Scalar:
        distributions[path], parameters[path] = _distribution(value), _coded(value, assignment[path])
        return assignment[path]

    space.walk(note)
    score = worst if result.score is None else result.score
    return optuna.trial.create_trial(params=parameters, distributions=distributions, value=score)


def _distribution(value: Value) -> optuna.distributions.BaseDistribution:
    """Linear ranges are coded as the number of the step, so that every value is exact; logarithmic ranges of integers
    use Optuna's distribution."""
    import optuna.distributions as distributions

    if isinstance(value, Choice):
        return distributions.CategoricalDistribution(value.labels)
    if value.step is None:
        return distributions.FloatDistribution(value.low, value.high, log=value.scale == "log")
    if value.scale == "log":
        return distributions.IntDistribution(int(value.low), int(value.high), log=True)
    return distributions.IntDistribution(0, (value.count or 1) - 1)


def _coded(value: Value, label: Scalar) -> Any:
    """The label as a value of the parameter's distribution."""
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
