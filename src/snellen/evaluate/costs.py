"""The costs of each model of a run, and the Pareto fronts of accuracy and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

from snellen.evaluate.baselines import KEY_PREFIX, baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.cost_file import CostFile, Machine, MeasuredCost
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.pair_differences import Side, difference
from snellen.evaluate.pareto_front import Spread, ruled_out
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate
from snellen.evaluate.trained_networks import own_split_networks, phases_of
from snellen.evaluate.verdicts import CANNOT_TELL, Verdict, verdict
from snellen.statistics.levels import CONFIDENCE

Resource = Literal["prediction", "training"]
CLEARLY: Mapping[Resource, float] = {"prediction": 1.25, "training": 2.0}
"""The factor from which on a cost is clearly lower. Predictions of all models are timed repeatedly in turns; a training
is timed once, whatever else the machine does at the time."""
GUESSING = "majority class"
"""A baseline that does not use the image. It is no model to use, so it is left out."""


@dataclass(frozen=True)
class ModelCost:
    """key: the name of a model, or the key of a baseline. role: where the accuracy was measured.

    alone_ms, batch_ms: milliseconds for a single image, and per image in a batch. training_s: seconds of one network
    with all its phases, one value per seed; includes features_s, the seconds of a frozen backbone for all training and
    validation images, from its prediction times (features are computed once, or read from the cache). all_training_s:
    seconds of all its networks: seeds, folds, trials of its search, final network; networks: their number. file_bytes,
    parameters, trained_parameters: see `MeasuredCost`.
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
    features_s: float = 0.0

    def of(self, resource: Resource) -> Spread:
        """Its milliseconds per image in a batch, or its seconds of training."""
        return self.batch_ms if resource == "prediction" else self.training_s


@dataclass(frozen=True)
class Costs:
    """models: measured ones and baselines, most accurate first. verdicts: by pair of keys, in both orders; those of the
    report's comparisons, and of baselines with each other. off: by resource, the models that are not on the front, each
    with a model that rules it out."""

    machine: Machine
    models: tuple[ModelCost, ...]
    verdicts: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
    off: Mapping[Resource, Mapping[str, str]] = field(default_factory=dict)

    def get(self, key: str) -> ModelCost | None:
        """The costs of a model, or of a baseline by its key."""
        return next((one for one in self.models if one.key == key), None)

    def better(self, a: str, b: str) -> bool:
        """Whether A is shown to be more accurate than B."""
        return self.verdicts.get((a, b), CANNOT_TELL).better

    @property
    def candidates(self) -> list[str]:
        """The models than which no other is shown to be better, most accurate first; at least one."""
        keys = [one.key for one in self.models]
        return [b for b in keys if not any(self.better(a, b) for a in keys if a != b)] or keys

    def clearly_below(self, a: str, b: str, resource: Resource) -> bool:
        """Whether A costs clearly less than B."""
        one, other = self.get(a), self.get(b)
        if one is None or other is None:
            return False
        return one.of(resource).clearly_below(other.of(resource), CLEARLY[resource])

    def cheapest(self, keys: Sequence[str]) -> str | None:
        """The model, of at least two, that predicts clearly faster than each of the others, if there is one."""
        found = [a for a in keys if all(self.clearly_below(a, b, "prediction") for b in keys if a != b)]
        return found[0] if found and len(keys) > 1 else None


def costs_of(record: RunRecord, evaluation: Evaluation) -> Costs | None:
    """The costs of the models and baselines that were measured; None if none was."""
    stored = record.measured_costs
    if stored is None:
        return None
    found = [*_models(record, evaluation, stored), *_baselines(record, evaluation, stored)]
    found.sort(key=lambda one: -(one.accuracy.value or 0.0))
    if not found:
        return None
    verdicts = dict(_verdicts(record, evaluation, [one.key for one in found]))
    costs = Costs(stored.machine, tuple(found), verdicts)
    return replace(costs, off={resource: _off(costs, resource) for resource in CLEARLY})


def compared(evaluation: Evaluation, a: str, b: str) -> Comparison | None:
    """The comparison of two models, or of a model with a baseline, on the role that chooses models; None between
    baselines, and if a search chose one of the two by these images."""
    one = evaluation.comparisons.between(a, b) or evaluation.comparisons.between(a, b, "validation")
    return None if one is None or one.kind == "selected" else one


def _verdicts(
    record: RunRecord, evaluation: Evaluation, keys: Sequence[str]
) -> Iterator[tuple[tuple[str, str], Verdict]]:
    for a, b in combinations(keys, 2):
        one = compared(evaluation, a, b)
        found = one.verdict if one is not None else None
        if is_baseline(a) and is_baseline(b):
            found = _of_baselines(record, a, b, evaluation.comparisons.margin)
        if found is not None:
            yield (a, b), found
            yield (b, a), found.swapped


def _of_baselines(record: RunRecord, a: str, b: str, margin: float) -> Verdict | None:
    """Two baselines on the same validation images, which the comparisons of the report leave out: exact McNemar. There
    is only one such pair, because the majority class is left out, so no correction is needed."""
    stored = [record.baselines[key.removeprefix(KEY_PREFIX)].job.read_predictions("validation") for key in (a, b)]
    if any(each is None or each.labels is None for each in stored):
        return None
    sides = [Side((each.predicted == each.labels)[None], fixed=True) for each in stored if each is not None]
    limits = difference(*sides).limits
    p_value = limits.p_value
    return verdict(limits.difference, limits.at(CONFIDENCE), 1.0 if p_value is None else p_value, margin)


def _off(costs: Costs, resource: Resource) -> dict[str, str]:
    return ruled_out(
        [one.key for one in costs.models],
        costs.better,
        lambda a, b: costs.verdicts.get((a, b), CANNOT_TELL).equivalent,
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
        features = _features_seconds(record, measured)
        jobs = _all_jobs(record, model)
        yield ModelCost(
            model,
            accuracy,
            "held_out" if folds else "validation",
            *_spreads(measured),
            Spread.of([features + each for each in seconds]),
            features + sum(_seconds(record, job) for job in jobs),
            len(jobs),
            measured.parameters,
            measured.trained_parameters,
            measured.file_bytes,
            features,
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


def _features_seconds(record: RunRecord, measured: MeasuredCost) -> float:
    """Seconds of a frozen backbone for all training and validation images; 0 without one."""
    counts = record.data["roles"]["counts"]
    images = counts.get("train", 0) + counts.get("validation", 0)
    return images * Spread.of(measured.batch_ms).median / 1000 if measured.frozen_backbone else 0.0


def _network_seconds(record: RunRecord, job: str) -> float:
    """Seconds of all phases of one network."""
    return sum(_seconds(record, phase) for phase in phases_of(record, job))


def _all_jobs(record: RunRecord, model: str) -> set[str]:
    """The jobs of all networks that were trained for a model, including phases before the last."""
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
