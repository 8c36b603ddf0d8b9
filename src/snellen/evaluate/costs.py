"""What each model of a run costs beside how accurate it is, and the Pareto fronts of accuracy and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from snellen.evaluate.baselines import KEY_PREFIX, baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.cost_file import CostFile, Machine, MeasuredCost
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.pareto_front import Spread, ruled_out
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate
from snellen.evaluate.trained_networks import own_split_networks, phases_of

Resource = Literal["prediction", "training"]
CLEARLY: Mapping[Resource, float] = {"prediction": 1.25, "training": 2.0}
"""How many times less is clearly less. Predictions of all models are timed in turns, again and again; a training is
timed once, beside whatever else the machine does."""
GUESSING = "majority class"
"""A baseline that looks at no picture: no model to use, and left out."""


@dataclass(frozen=True)
class ModelCost:
    """key: the name of a model, or the key of a baseline. role: where the accuracy was measured.

    alone_ms, batch_ms: milliseconds for a picture by itself, and in a batch. training_s: of one network, all its
    phases, one value a seed. all_training_s: of all its networks: seeds, folds, trials of its search, a final one;
    networks: how many these are. file_bytes, parameters, trained_parameters: see `MeasuredCost`.
    """

    key: str
    accuracy: Estimate
    role: str
    alone_ms: Spread
    batch_ms: Spread
    training_s: Spread
    all_training_s: float
    networks: int
    parameters: int
    trained_parameters: int
    file_bytes: int

    def of(self, resource: Resource) -> Spread:
        """Its milliseconds a picture in a batch, or its seconds of training."""
        return self.batch_ms if resource == "prediction" else self.training_s


@dataclass(frozen=True)
class Costs:
    """models: measured ones and baselines, most accurate first. off: by resource, the models that are off the front,
    each with one that rules it out."""

    machine: Machine
    models: tuple[ModelCost, ...]
    off: Mapping[Resource, Mapping[str, str]] = field(default_factory=dict)

    def get(self, key: str) -> ModelCost | None:
        """That of a model, or of a baseline by its key."""
        return next((one for one in self.models if one.key == key), None)

    def clearly_below(self, a: str, b: str, resource: Resource) -> bool:
        """Whether A costs clearly less than B."""
        one, other = self.get(a), self.get(b)
        if one is None or other is None:
            return False
        return one.of(resource).clearly_below(other.of(resource), CLEARLY[resource])

    def cheapest(self, keys: Sequence[str]) -> str | None:
        """The one of at least two that predicts clearly faster than each of the others, if there is one."""
        found = [a for a in keys if all(self.clearly_below(a, b, "prediction") for b in keys if a != b)]
        return found[0] if found and len(keys) > 1 else None


def costs_of(record: RunRecord, evaluation: Evaluation) -> Costs | None:
    """The costs of the models and baselines that were measured; None where none was."""
    stored = record.measured_costs
    if stored is None:
        return None
    found = [*_models(record, evaluation, stored), *_baselines(record, evaluation, stored)]
    found.sort(key=lambda one: -(one.accuracy.value or 0.0))
    if not found:
        return None
    costs = Costs(stored.machine, tuple(found))
    return Costs(stored.machine, costs.models, {resource: _off(costs, evaluation, resource) for resource in CLEARLY})


def compared(evaluation: Evaluation, a: str, b: str) -> Comparison | None:
    """The comparison of two models, or of a model with a baseline, on which the choice stands; None between baselines,
    and where a search chose one of the two by these images."""
    one = evaluation.comparisons.between(a, b) or evaluation.comparisons.between(a, b, "validation")
    return None if one is None or one.kind == "selected" else one


def is_better(evaluation: Evaluation, a: str, b: str) -> bool:
    """Whether A is shown to be more accurate than B."""
    one = compared(evaluation, a, b)
    return one is not None and one.verdict.better


def not_shown_worse(evaluation: Evaluation, keys: Sequence[str]) -> list[str]:
    """Those that none of the others is shown to be better than."""
    return [b for b in keys if not any(is_better(evaluation, a, b) for a in keys if a != b)]


def _off(costs: Costs, evaluation: Evaluation, resource: Resource) -> dict[str, str]:
    def equivalent(a: str, b: str) -> bool:
        one = compared(evaluation, a, b)
        return one is not None and one.verdict.equivalent

    return ruled_out(
        [one.key for one in costs.models],
        lambda a, b: is_better(evaluation, a, b),
        equivalent,
        lambda a, b: costs.clearly_below(a, b, resource),
    )


def _models(record: RunRecord, evaluation: Evaluation, stored: CostFile) -> Iterator[ModelCost]:
    for model in evaluation.ranked:
        measured = stored.networks.get(record.planned[model].shipped)
        folds = evaluation.over_folds(model)
        accuracy = folds or evaluation.standing(model, "validation")
        seconds = [_network_seconds(record, job) for job in own_split_networks(record, model).values()]
        if measured is None or accuracy is None or accuracy.value is None or not seconds:
            continue
        jobs = _all_jobs(record, model)
        yield ModelCost(
            model,
            accuracy,
            "held_out" if folds else "validation",
            *_spreads(measured),
            Spread.of(seconds),
            sum(_seconds(record, job) for job in jobs),
            len(jobs),
            measured.parameters,
            measured.trained_parameters,
            measured.file_bytes,
        )


def _baselines(record: RunRecord, evaluation: Evaluation, stored: CostFile) -> Iterator[ModelCost]:
    for name in evaluation.baselines:
        measured = stored.baselines.get(record.baselines[name].path.name)
        accuracy = evaluation.estimate(baseline_key(name), "validation", "accuracy")
        if name == GUESSING or measured is None or accuracy is None or accuracy.value is None:
            continue
        seconds = record.baseline_results[name].seconds
        yield ModelCost(
            baseline_key(name),
            accuracy,
            "validation",
            *_spreads(measured),
            Spread.of([seconds]),
            seconds,
            1,
            measured.parameters,
            measured.trained_parameters,
            measured.file_bytes,
        )


def _spreads(measured: MeasuredCost) -> tuple[Spread, Spread]:
    return Spread.of(measured.alone_ms), Spread.of(measured.batch_ms)


def _network_seconds(record: RunRecord, job: str) -> float:
    """Of all phases of one network."""
    return sum(_seconds(record, phase) for phase in phases_of(record, job))


def _all_jobs(record: RunRecord, model: str) -> set[str]:
    """The jobs of all networks that were trained for a model, phases before the last included."""
    trials = {
        job for name, outcome in record.searched if name == model for trial in outcome.trials for job in trial.jobs
    }
    last = {job for job in {*record.planned[model].jobs, *trials} if record.folder_of(job).result_path.exists()}
    return {phase for job in last for phase in phases_of(record, job)}


def _seconds(record: RunRecord, job: str) -> float:
    result = record.folder_of(job).read_result()
    return result.seconds if result is not None else 0.0


def is_baseline(key: str) -> bool:
    """Whether this is the key of a baseline."""
    return key.startswith(KEY_PREFIX)
