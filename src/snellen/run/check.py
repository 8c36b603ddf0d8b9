"""What `snellen check` says: the plan of a study, and what it will cost at most, without training it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any

from snellen.data.dataset import Dataset
from snellen.data.inspect.near_duplicates import near_groups_if_quick
from snellen.data.load import read
from snellen.data.splits.roles import rows_in_several_roles
from snellen.data.splits.split_data import SplitData
from snellen.explain.analyses import asked, price
from snellen.run.bundle_check import expect_loadable
from snellen.run.pricing import Clock, baseline_seconds, checkpoint_bytes, stored_bytes
from snellen.run.run_folder import Settings
from snellen.run.train import nested_scopes, scope_of
from snellen.search.cost_forecast import Foreseen, foresee
from snellen.search.drive import PREDICTED
from snellen.study.curves import with_curves
from snellen.study.data_settings import options_of, split_of_study
from snellen.study.found import Found, with_found
from snellen.study.plan import Plan, PlannedModel, plan
from snellen.study.points import Curve
from snellen.study.schema import StudyFile
from snellen.train.environment import settle
from snellen.train.lane import Lane
from snellen.train.strategy.estimate import Cost

STOPPED_BYTES = 4_000
"""Stored of a trial that was stopped early: its values and its history."""

REPORT_SECONDS = 3.0
"""To start, to evaluate and to write the report."""


@dataclass(frozen=True)
class Amounts:
    """Sums over networks. jobs: networks; trajectories: how many trainings they need, as networks that differ in their
    stop rule alone share one.

    epochs: that are trained. saved_epochs: that are not, because trainings are shared. disk_bytes: of the results;
    checkpoint_bytes: of the checkpoints during training.
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
        """The sums of so many equal searches, one after another: checkpoints of one are removed before the next."""
        amounts = {name: count * value for name, value in vars(self).items()}
        return replace(Amounts(**amounts), checkpoint_bytes=self.checkpoint_bytes)


def check_study(study: StudyFile, settings: Settings, dataset: Dataset | None = None) -> dict[str, Any]:
    """The plan of a study and what it costs at most, as JSON values; a few steps on random images are timed."""
    environment, began = settle(settings.device, settings.threads, {}), time.perf_counter()
    dataset = dataset or read(study.data.source, options_of(study), settings.data_folder)
    data = split_of_study(study, dataset)
    reading = time.perf_counter() - began
    threads = environment["threads"]
    clock = Clock(dataset, environment, settings.workers or threads)
    prices = _Prices(study, data, clock)
    expect_loadable(study, dataset, prices.planned)
    models, amounts = prices.models(), prices.amounts
    baselines, analyses = baseline_seconds(data), _analyses(study, prices.planned, len(dataset))
    return {
        "study": study.study,
        "data": {
            "name": dataset.name,
            "images": len(dataset),
            "shape": list(dataset.shape),
            "classes": list(dataset.classes),
            "bytes": dataset.images.nbytes,
        },
        "roles": {role: len(rows) for role, rows in data.roles.rows.items()},
        "left_out": len(data.roles.left_out),
        "near_duplicates": _near_in_other_roles(data),
        "models": models,
        "curves": prices.curves(),
        "seeds": study.seeds,
        "folds": study.folds.count if study.folds else None,
        "repeats": study.folds.repeats if study.folds else None,
        "final_networks": prices.finals,
        **asdict(amounts),
        "floor_seconds": baselines,
        "analyses": analyses,
        "seconds": amounts.seconds + baselines + sum(analyses.values()) + reading + REPORT_SECONDS,
        "device": environment["device"],
        "threads": threads,
    }


def _analyses(study: StudyFile, planned: Plan, images: int) -> dict[str, float]:
    """About how many seconds each analysis takes, by its title."""
    networks = planned.networks
    return {one.title: price(one, networks, images) for one in asked(study, networks)}


@dataclass(frozen=True, eq=False)
class _Prices:
    """What the networks of a study cost. A searched model is planned with those of its values that take longest."""

    study: StudyFile
    data: SplitData
    clock: Clock

    @cached_property
    def planned(self) -> Plan:
        """The plan, without final networks."""
        costliest = Found({name: each.dearest for name, each in self.foreseen.items()})
        study = with_found(self.study, costliest)
        return with_curves(plan(study, self.data), study, self.data)

    @cached_property
    def costs(self) -> dict[Lane, Cost]:
        """The cost of each lane of the plan, in the packs that it will be trained in."""
        return {lane: cost for stage in self.planned.stages for lane, cost in self.clock.costs(stage).items()}

    @cached_property
    def foreseen(self) -> dict[str, Foreseen]:
        """The searches, by model."""
        models = self.study.models.items()
        scopes = {name: scope_of(self.study, model, self.data) for name, model in models if model.search}
        return {name: foresee(self.study.models[name], scope) for name, scope in scopes.items()}

    @cached_property
    def inside(self) -> dict[str, tuple[Foreseen, int]]:
        """The searches inside folds, by model: that of the first fold, and how many there are like it."""
        models = {name: self.study.models[name] for name in self.foreseen}
        scopes = {name: nested_scopes(self.study, each, self.data) for name, each in models.items()}
        return {
            name: (foresee(models[name], next(iter(found.values()))), len(found))
            for name, found in scopes.items()
            if found
        }

    @property
    def finals(self) -> int:
        """How many networks are trained on all rows: one for each cross-validated model whose test is opened."""
        opened = self.study.open_test
        if not self.study.folds:
            return 0
        return len(opened) if isinstance(opened, tuple) else {"chosen": 1, "all": len(self.planned.models)}[opened]

    @property
    def amounts(self) -> Amounts:
        """The sums over everything that is trained."""
        lanes = self._of_lanes(self.planned.lanes)
        finals = sorted((self._final(model) for model in self.planned.models), key=lambda each: each.seconds)
        searches = [self._searches(model) for model in self.foreseen]
        return reduce(add, [lanes, *finals[len(finals) - self.finals :], *searches])

    def models(self) -> list[dict[str, Any]]:
        """A row for each model: its first network, and the sums over all networks that are trained for it."""
        return [self._model(name) for name in self.planned.models]

    def curves(self) -> list[dict[str, Any]]:
        """A row for each curve: its points, and the sums over networks that only the curve needs."""
        own = {job for planned in self.planned.models.values() for job in self._jobs(planned)}
        return [self._curve(curve, own) for curve in self.planned.curves]

    def _curve(self, curve: Curve, own: set[str]) -> dict[str, Any]:
        jobs = curve.jobs - own
        lanes = [lane for lane in self.planned.lanes if jobs & set(lane.ids)]
        shared = {"model": curve.model, "over": curve.options["over"], "points": len(curve.points)}
        shared |= {"seeds": curve.options["seeds"]}
        return {**shared, **asdict(self._of_lanes(lanes, jobs))}

    def _model(self, name: str) -> dict[str, Any]:
        planned, foreseen = self.planned.models[name], self.foreseen.get(name)
        jobs = self._jobs(planned)
        lanes = [lane for lane in self.planned.lanes if jobs & set(lane.ids)]
        amounts = self._of_lanes(lanes, jobs)
        if foreseen:
            amounts += self._searches(name)
        cost = self.costs[next(lane for lane in lanes if planned.job in lane.ids)]
        shown = ("parameters", "steps_an_epoch", "epochs", "memory_bytes")
        return {
            "model": name,
            "job": planned.job,
            **{each: getattr(cost, each) for each in shown},
            **{f"all_{key}" if key == "epochs" else key: value for key, value in asdict(amounts).items()},
            "seeds": len(planned.seeds),
            "fold_networks": len(planned.folds),
            "search": self._how_searched(name, foreseen) if foreseen else None,
        }

    def _how_searched(self, name: str, foreseen: Foreseen) -> dict[str, Any]:
        over = self.study.models[name].search
        inside = self.inside.get(name, (None, 0))[1]
        return {**_shown(foreseen), "inside_folds": inside, "mean_over": over.mean_over if over else None}

    def _jobs(self, planned: PlannedModel) -> set[str]:
        """All jobs of a model, also those of earlier phases."""
        found = {*planned.seeds.values(), *(fold.job for fold in planned.folds)}
        for stage in reversed(self.planned.stages):
            starts = [lane.trajectory.start for lane in stage if found & set(lane.ids)]
            found |= {start.id for start in starts if start}
        return found

    def _of_lanes(self, lanes: Sequence[Lane], jobs: set[str] | None = None) -> Amounts:
        """The sums over lanes. jobs: those of their jobs that count; all when None."""
        own = [[job for job in lane.jobs if jobs is None or job.id in jobs] for lane in lanes]
        epochs = [max(job.stop.epochs for job in each) for each in own]
        return Amounts(
            jobs=sum(map(len, own)),
            trajectories=len(lanes),
            epochs=sum(epochs),
            saved_epochs=sum(job.stop.epochs for each in own for job in each) - sum(epochs),
            seconds=sum(self.costs[lane].seconds + self.clock.around(lane) for lane in lanes),
            disk_bytes=sum(stored_bytes(lane, self.data.dataset) for lane in lanes),
            checkpoint_bytes=max((checkpoint_bytes(lane) for lane in lanes), default=0),
        )

    def _final(self, name: str) -> Amounts:
        """The amounts of one more network of a model, on all rows but those of the test."""
        phases = set(self.planned.models[name].phases)
        lanes = [lane for lane in self.planned.lanes if phases & set(lane.ids)]
        one, rows = self._of_lanes(lanes, phases), lanes[0].rows
        more = (len(rows["train"]) + len(rows["validation"])) / len(rows["train"])
        return replace(one, saved_epochs=0, seconds=one.seconds * more)

    def _searches(self, name: str) -> Amounts:
        """The sums over the search of a model, and over those inside its folds."""
        planned = self.planned.models[name]
        amounts = self._search(self.foreseen[name], planned.job)
        if name in self.inside:
            foreseen, count = self.inside[name]
            amounts += self._search(foreseen, planned.folds[0].job).times(count)
        return amounts

    def _search(self, foreseen: Foreseen, winner: str) -> Amounts:
        """The sums over the trials of a search but the best one, whose job `winner` is in the plan."""
        lane = next(lane for lane in self.planned.lanes if winner in lane.ids)
        known, trials = foreseen.networks * lane.epochs, foreseen.trials or foreseen.sampled
        seconds = foreseen.networks * -self.costs[lane].seconds
        seconds += sum(each.weight * self.clock.seconds(each.lanes, each.epochs) for each in foreseen.stretches)
        epochs = max(0, (foreseen.epochs or 0) - known)
        more = max(0, trials - 1) * foreseen.networks
        ended = max(0, more - foreseen.stopped * foreseen.networks)
        shared = (foreseen.in_full or 0) - (foreseen.epochs or 0) if not foreseen.rungs and foreseen.epochs else 0
        return Amounts(
            jobs=more,
            trajectories=max(0, round(foreseen.trajectories) - foreseen.networks),
            epochs=epochs,
            saved_epochs=max(0, shared),
            seconds=min(max(0.0, seconds), foreseen.seconds or math.inf),
            disk_bytes=more * STOPPED_BYTES + ended * stored_bytes(replace(lane, roles=PREDICTED), self.data.dataset),
            checkpoint_bytes=foreseen.waiting * checkpoint_bytes(lane),
        )


def _shown(foreseen: Foreseen) -> dict[str, Any]:
    """A search as `check` shows it: at most how many trials and epochs, and its rungs."""
    names = ("method", "trials", "epochs", "in_full", "networks", "seconds")
    brackets = [[{"trials": trials, "epochs": epochs} for trials, epochs in bracket] for bracket in foreseen.rungs]
    return {**{name: getattr(foreseen, name) for name in names}, "rungs": brackets}


def _near_in_other_roles(data: SplitData) -> int | None:
    """How many images have a near-duplicate in another role; None where the study keeps these together, or where they
    were not looked for."""
    near = None if data.split.near_duplicates else near_groups_if_quick(data.dataset)
    return None if near is None else len(rows_in_several_roles(near, data.roles))
