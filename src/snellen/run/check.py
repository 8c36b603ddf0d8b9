"""What `snellen check` says: the plan of a study, and its maximum cost, without training."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any

from snellen.data.dataset import Dataset
from snellen.data.inspect.near_duplicates import near_duplicates_if_quick
from snellen.data.load import read
from snellen.data.splits.left_out import left_out_rows, near_apart
from snellen.data.splits.split_data import SplitData
from snellen.explain.analyses import estimated_seconds, planned_analyses
from snellen.explain.exploration_cost import exploration_work
from snellen.explain.robustness.other_data import expect_other_data
from snellen.limits import PREDICTION_BATCH
from snellen.models.frozen_part import trained_count
from snellen.run.backbone_costs import backbone_rows
from snellen.run.bundle_check import expect_loadable
from snellen.run.measure_costs import measuring_seconds
from snellen.run.pricing import CostEstimator, baseline_seconds, checkpoint_bytes, stored_bytes
from snellen.run.run_folder import Settings
from snellen.run.train import nested_scopes, scope_of
from snellen.search.cost_forecast import CostForecast, forecast_cost
from snellen.search.drive import PREDICTED
from snellen.study.backbones import find_backbones
from snellen.study.curves import with_curves
from snellen.study.data_settings import options_of, split_of_study
from snellen.study.document import parse, to_yaml
from snellen.study.on_purpose import changes_training, without_faults
from snellen.study.plan import Plan, PlannedModel, plan
from snellen.study.points import Curve
from snellen.study.schema import StudyFile
from snellen.study.search_results import SearchResults, apply_search_results
from snellen.train.environment import current_environment
from snellen.train.frozen_features import expect_to_fit, processes
from snellen.train.job import Trajectory
from snellen.train.lane import Lane
from snellen.train.strategy.estimate import Cost

STOPPED_BYTES = 4_000
"""Bytes stored for a trial that was stopped early: its values and its history."""
REPORT_SECONDS = 3.0
"""Seconds to start, to evaluate and to write the report."""


@dataclass(frozen=True)
class Amounts:
    """Sums over networks. jobs: number of networks; trajectories: number of trainings, which networks share if they
    differ only in their stop rule. epochs: trained epochs. saved_epochs: epochs that need no training because trainings
    are shared. disk_bytes: of the results; checkpoint_bytes: of the checkpoints during training.
    """

    jobs: int = 0
    trajectories: int = 0
    epochs: int = 0
    saved_epochs: int = 0
    seconds: float = 0.0
    disk_bytes: int = 0
    checkpoint_bytes: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def times(self, count: int) -> Amounts:
        """The sums for this many equal searches, one after another: the checkpoints of each are removed before the
        next."""
        amounts = {name: count * value for name, value in vars(self).items()}
        return replace(Amounts(**amounts), checkpoint_bytes=self.checkpoint_bytes)


def check_study(study: StudyFile, settings: Settings, dataset: Dataset | None = None) -> dict[str, Any]:
    """The plan of a study and its maximum cost, as JSON values; a few steps on random images are timed. Weights of
    backbones are not downloaded: the result says which ones `run` will download."""
    environment, began = current_environment(settings.device, settings.threads, {}), time.perf_counter()
    dataset = dataset or read(study.data.source, options_of(study), settings.data_folder)
    found = find_backbones(study, settings.data_folder, may_download=False)
    study = found.study
    expect_other_data(study, dataset, settings.data_folder)
    data = split_of_study(study, dataset)
    reading = time.perf_counter() - began
    threads = environment["threads"]
    estimator = CostEstimator(dataset, environment, settings.workers or threads)
    costs = _StudyCosts(study, data, estimator)
    expect_loadable(study, dataset, costs.planned)
    trajectories = {name: costs.trajectories(name) for name in costs.planned.models}
    every = [lane.trajectory for lane in costs.planned.lanes] + [each for own in trajectories.values() for each in own]
    expect_to_fit(every, data.sealed, len(data.used), processes(environment["device"], settings.workers or threads))
    backbones = backbone_rows(trajectories, found, data.sealed, data.used, environment["device"])
    extraction = sum(row["seconds"] for row in backbones)
    features = [math.prod(row["features"]) for row in backbones if row["features"] and not row["shared"]]
    models, extra = costs.models(), _extra(costs, dataset)
    amounts = reduce(add, extra.values(), costs.amounts)
    measuring = _measuring(costs, backbones, threads)
    baselines, analyses = baseline_seconds(data, features), _analyses(study, costs.planned, len(dataset))
    exploration = exploration_work(dataset, data.roles.rows).seconds
    return {
        "study": study.study,
        "on_purpose": list(study.on_purpose),
        "data": {
            "name": dataset.name,
            "images": len(dataset),
            "shape": list(dataset.shape),
            "classes": list(dataset.classes),
            "bytes": dataset.images.nbytes,
            "remarks": list(data.dataset.remarks),
        },
        "roles": {role: len(rows) for role, rows in data.roles.rows.items()},
        "left_out": len(data.roles.left_out),
        "left_out_rows": [
            asdict(each) | {"sentence": each.sentence} for each in left_out_rows(data.dataset, data.roles)
        ],
        "near_duplicates": _near_apart(data),
        "backbones": found.sentences,
        "models": models,
        "curves": costs.curves(),
        "seeds": study.seeds,
        "folds": study.folds.count if study.folds else None,
        "repeats": study.folds.repeats if study.folds else None,
        "final_networks": costs.finals,
        "extra": {name: asdict(each) for name, each in extra.items()},
        **asdict(amounts),
        "backbone_costs": backbones,
        "skipped": dict(found.skipped),
        "extraction_seconds": extraction,
        "floor_seconds": baselines,
        "measuring_seconds": measuring,
        "exploration_seconds": exploration,
        "analyses": analyses,
        "seconds": amounts.seconds
        + sum([extraction, baselines, measuring, exploration, *analyses.values(), reading, REPORT_SECONDS]),
        "device": environment["device"],
        "threads": threads,
    }


def _analyses(study: StudyFile, planned: Plan, images: int) -> dict[str, float]:
    """Estimated seconds of each analysis, by title."""
    networks = planned.networks
    return {one.title: estimated_seconds(one, networks, images) for one in planned_analyses(study, networks)}


def _measuring(costs: _StudyCosts, backbones: Sequence[Mapping[str, Any]], threads: int) -> float:
    """Estimated seconds to time the predictions of the models, one network of each."""
    of_features = {row["model"]: row["seconds_an_image"] for row in backbones}
    of_heads = [costs.batch_seconds(name) / (PREDICTION_BATCH * threads) for name in costs.planned.models]
    return measuring_seconds([*of_heads, *of_features.values()], threads, bool(of_features))


def _extra(costs: _StudyCosts, dataset: Dataset) -> dict[str, Amounts]:
    """What is trained in addition to the networks of the study: networks without its reviews, and the study without its
    faults."""
    rows = {"without reviews": costs.unreviewed()} if costs.data.unreviewed is not None else {}
    if changes_training(costs.study):
        study = parse(to_yaml(without_faults(costs.study)), "study without faults").study()
        beside = _StudyCosts(study, split_of_study(study, dataset), costs.estimator)
        seconds = beside.amounts.seconds + baseline_seconds(beside.data)
        rows["without faults"] = replace(beside.amounts, seconds=seconds)
    return {name: each for name, each in rows.items() if each.jobs}


@dataclass(frozen=True, eq=False)
class _StudyCosts:
    """The costs of the networks of a study. A model with a search is planned with the most expensive of the sampled
    values."""

    study: StudyFile
    data: SplitData
    estimator: CostEstimator

    @cached_property
    def planned(self) -> Plan:
        """The plan, without the final networks that are trained on all rows."""
        values = SearchResults({name: each.most_expensive for name, each in self.searches.items()})
        study = apply_search_results(self.study, values)
        return with_curves(plan(study, self.data), study, self.data)

    @cached_property
    def costs(self) -> dict[Lane, Cost]:
        """The cost of each lane of the plan, in the packs that will be formed."""
        return {lane: cost for stage in self.planned.stages for lane, cost in self.estimator.costs(stage).items()}

    @cached_property
    def searches(self) -> dict[str, CostForecast]:
        """The cost forecast of the search of each model, by model."""
        models = self.study.models.items()
        scopes = {name: scope_of(self.study, model, self.data) for name, model in models if model.search}
        return {name: forecast_cost(self.study.models[name], scope) for name, scope in scopes.items()}

    @cached_property
    def nested_searches(self) -> dict[str, tuple[CostForecast, int]]:
        """The searches inside folds, by model: that of the first fold, and how many folds there are."""
        models = {name: self.study.models[name] for name in self.searches}
        scopes = {name: nested_scopes(self.study, each, self.data) for name, each in models.items()}
        return {
            name: (forecast_cost(models[name], next(iter(by_split.values()))), len(by_split))
            for name, by_split in scopes.items()
            if by_split
        }

    @property
    def finals(self) -> int:
        """The number of networks that are trained on all rows: one for each cross-validated model whose test is
        opened."""
        return self.tested if self.study.folds else 0

    @property
    def tested(self) -> int:
        """The number of models that are evaluated on the test."""
        opened = self.study.open_test
        return len(opened) if isinstance(opened, tuple) else {"chosen": 1, "all": len(self.planned.models)}[opened]

    @property
    def amounts(self) -> Amounts:
        """The sums over everything that is trained."""
        lanes = self._of_lanes(self.planned.lanes)
        finals = sorted((self._final(model) for model in self.planned.models), key=lambda each: each.seconds)
        searches = [self._searches(model) for model in self.searches]
        return reduce(add, [lanes, *finals[len(finals) - self.finals :], *searches])

    def unreviewed(self) -> Amounts:
        """The sums over the networks that are evaluated on the test, trained once more without the reviews. If these
        are not known yet, those of the most expensive models are used."""
        before, data = self.data.unreviewed, self.data
        if before is None or before.dataset.fingerprint == data.dataset.fingerprint or not len(data.roles.rows["test"]):
            return Amounts()
        each = sorted((self._again(name) for name in self.planned.models), key=lambda one: one.seconds)
        return reduce(add, each[len(each) - self.tested :])

    def _again(self, name: str) -> Amounts:
        """The amounts of the networks of a model that are evaluated on test."""
        if self.study.folds:
            return self._final(name)
        jobs = self._jobs(self.planned.models[name])
        return self._of_lanes([lane for lane in self.planned.lanes if jobs & set(lane.ids)], jobs)

    def models(self) -> list[dict[str, Any]]:
        """One row for each model: its first network, and the sums over all networks that are trained for it."""
        return [self._model(name) for name in self.planned.models]

    def batch_seconds(self, name: str) -> float:
        """Seconds to predict a batch with the trained part of a model, on one thread."""
        job = self.planned.models[name].job
        return next(cost.batch_seconds for lane, cost in self.costs.items() if job in lane.ids)

    def curves(self) -> list[dict[str, Any]]:
        """One row for each curve: its points, and the sums over networks that only the curve needs."""
        model_jobs = {job for planned in self.planned.models.values() for job in self._jobs(planned)}
        return [self._curve(curve, model_jobs) for curve in self.planned.curves]

    def _curve(self, curve: Curve, model_jobs: set[str]) -> dict[str, Any]:
        jobs = curve.jobs - model_jobs
        lanes = [lane for lane in self.planned.lanes if jobs & set(lane.ids)]
        shared = {"model": curve.model, "over": curve.options["over"], "points": len(curve.points)}
        shared |= {"seeds": curve.options["seeds"]}
        return {**shared, **asdict(self._of_lanes(lanes, jobs))}

    def _model(self, name: str) -> dict[str, Any]:
        planned, forecast = self.planned.models[name], self.searches.get(name)
        jobs = self._jobs(planned)
        lanes = [lane for lane in self.planned.lanes if jobs & set(lane.ids)]
        amounts = self._of_lanes(lanes, jobs)
        if forecast:
            amounts += self._searches(name)
        lane = next(lane for lane in lanes if planned.job in lane.ids)
        cost, network = self.costs[lane], lane.trajectory.network
        return {
            "model": name,
            "job": planned.job,
            "parameters": network.parameter_count,
            "trained_parameters": trained_count(network),
            "steps_an_epoch": cost.steps_per_epoch,
            "epochs": cost.epochs,
            "memory_bytes": cost.memory_bytes,
            **{f"all_{key}" if key == "epochs" else key: value for key, value in asdict(amounts).items()},
            "seeds": len(planned.seeds),
            "fold_networks": len(planned.folds),
            "search": self._search_row(name, forecast) if forecast else None,
        }

    def _search_row(self, name: str, forecast: CostForecast) -> dict[str, Any]:
        search = self.study.models[name].search
        nested = self.nested_searches.get(name, (None, 0))[1]
        return {**_as_row(forecast), "inside_folds": nested, "mean_over": search.mean_over if search else None}

    def trajectories(self, name: str) -> list[Trajectory]:
        """The trajectories of the networks of a model, and of those that its search may train."""
        jobs = self._jobs(self.planned.models[name])
        lanes = [lane for lane in self.planned.lanes if jobs & set(lane.ids)]
        if name in self.searches:
            lanes += [lane for segment in self.searches[name].segments for lane in segment.lanes]
        return [lane.trajectory for lane in lanes]

    def _jobs(self, planned: PlannedModel) -> set[str]:
        """All jobs of a model, including those of earlier phases."""
        jobs = {*planned.seeds.values(), *(fold.job for fold in planned.folds)}
        for stage in reversed(self.planned.stages):
            starts = [lane.trajectory.start for lane in stage if jobs & set(lane.ids)]
            jobs |= {start.id for start in starts if start}
        return jobs

    def _of_lanes(self, lanes: Sequence[Lane], jobs: set[str] | None = None) -> Amounts:
        """The sums over lanes. jobs: the jobs that are counted; None for all."""
        counted = [[job for job in lane.jobs if jobs is None or job.id in jobs] for lane in lanes]
        epochs = [max(job.stop.epochs for job in each) for each in counted]
        return Amounts(
            jobs=sum(map(len, counted)),
            trajectories=len(lanes),
            epochs=sum(epochs),
            saved_epochs=sum(job.stop.epochs for each in counted for job in each) - sum(epochs),
            seconds=sum(self.costs[lane].seconds + self.estimator.overhead(lane) for lane in lanes),
            disk_bytes=sum(stored_bytes(lane, self.data.dataset) for lane in lanes),
            checkpoint_bytes=max((checkpoint_bytes(lane) for lane in lanes), default=0),
        )

    def _final(self, name: str) -> Amounts:
        """The amounts of one more network of a model, on all rows except those of the test."""
        phases = set(self.planned.models[name].phases)
        lanes = [lane for lane in self.planned.lanes if phases & set(lane.ids)]
        amounts, rows = self._of_lanes(lanes, phases), lanes[0].rows
        more = (len(rows["train"]) + len(rows["validation"])) / len(rows["train"])
        return replace(amounts, saved_epochs=0, seconds=amounts.seconds * more)

    def _searches(self, name: str) -> Amounts:
        """The sums over the search of a model, and over the searches inside its folds."""
        planned = self.planned.models[name]
        amounts = self._search(self.searches[name], planned.job)
        if name in self.nested_searches:
            forecast, count = self.nested_searches[name]
            amounts += self._search(forecast, planned.folds[0].job).times(count)
        return amounts

    def _search(self, forecast: CostForecast, winner: str) -> Amounts:
        """The sums over the trials of a search except the best one, whose job `winner` is in the plan."""
        lane = next(lane for lane in self.planned.lanes if winner in lane.ids)
        networks, epochs = forecast.networks, forecast.epochs or 0
        seconds = sum(each.weight * self.estimator.seconds(each.lanes, each.epochs) for each in forecast.segments)
        others = max(0, forecast.num_trials - 1) * networks
        ended = max(0, others - forecast.stopped * networks)
        shared = (forecast.in_full or 0) - epochs if not forecast.rungs and epochs else 0
        return Amounts(
            jobs=others,
            trajectories=max(0, round(forecast.trajectories) - networks),
            epochs=max(0, epochs - networks * lane.epochs),
            saved_epochs=max(0, shared),
            seconds=min(max(0.0, seconds - networks * self.costs[lane].seconds), forecast.seconds or math.inf),
            disk_bytes=others * STOPPED_BYTES + ended * stored_bytes(replace(lane, roles=PREDICTED), self.data.dataset),
            checkpoint_bytes=forecast.paused * checkpoint_bytes(lane),
        )


def _as_row(forecast: CostForecast) -> dict[str, Any]:
    """Upper bounds of trials and epochs, and the rungs."""
    brackets = [[{"trials": trials, "epochs": epochs} for trials, epochs in bracket] for bracket in forecast.rungs]
    return {
        "method": forecast.method,
        "trials": forecast.trials,
        "epochs": forecast.epochs,
        "in_full": forecast.in_full,
        "networks": forecast.networks,
        "seconds": forecast.seconds,
        "rungs": brackets,
    }


def _near_apart(data: SplitData) -> dict[str, Any] | None:
    """A sentence on near-duplicates with different roles; None if there are none, or they were not looked for."""
    near = data.near_duplicates or near_duplicates_if_quick(data.dataset)
    apart = near and near_apart(data.dataset, data.roles, near, data.split.near_duplicates is not None)
    return asdict(apart) | {"sentence": apart.sentence} if apart else None
