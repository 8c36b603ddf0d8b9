"""The plan: what the networks of a study are, as jobs in the order in which they can be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict

from snellen.data.splits.split_data import RoleRows, SplitData
from snellen.errors import located
from snellen.files.stored import STORED
from snellen.models.build import Network
from snellen.study.jobs import Collector, add_jobs
from snellen.study.points import Curve
from snellen.study.schema import StudyFile
from snellen.study.search_results import Nested, split_label
from snellen.study.thresholds import expect_classes
from snellen.train.lane import Lane


@dataclass(frozen=True)
class FoldJob:
    """One network of cross-validation: its place, its job, and the numbers of rows it was fitted and scored on."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    repeat: int
    fold: int
    seed: int
    job: str
    num_train: int
    num_held_out: int


@dataclass(frozen=True)
class PlannedModel:
    """The jobs of one model. seeds: seed -> job of its last phase, the main split. phases: all jobs of the first seed,
    in order. folds: those of cross-validation. final: after cross-validation, the phases of the first seed trained on
    all rows."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    seeds: Mapping[int, str]
    phases: tuple[str, ...]
    folds: tuple[FoldJob, ...] = ()
    final: tuple[str, ...] = ()

    @property
    def job(self) -> str:
        """The network that stands for the model: that of the first seed."""
        return self.phases[-1]

    @property
    def tested(self) -> tuple[str, ...]:
        """The networks whose test is opened with the model: the final one, else those of all seeds."""
        return self.final[-1:] or tuple(self.seeds.values())

    @property
    def shipped(self) -> str:
        """The network that becomes the model's bundle."""
        return self.final[-1] if self.final else self.job

    @property
    def jobs(self) -> set[str]:
        """All of them."""
        return {*self.seeds.values(), *self.phases, *(fold.job for fold in self.folds), *self.final}


@dataclass(frozen=True)
class Plan:
    """stages: lanes that may be trained at once; each stage begins from weights of those before. models: by name.
    curves: what is trained for them alone stands in the last stages."""

    stages: tuple[tuple[Lane, ...], ...]
    models: Mapping[str, PlannedModel]
    curves: tuple[Curve, ...] = ()

    @property
    def lanes(self) -> list[Lane]:
        """Of all stages."""
        return [lane for stage in self.stages for lane in stage]

    @property
    def main_lanes(self) -> list[Lane]:
        """Those of the networks that stand for the models."""
        main = {planned.job for planned in self.models.values()}
        return [lane for lane in self.lanes if main.intersection(lane.ids)]

    @property
    def networks(self) -> dict[str, Network]:
        """What stands for each model, without its numbers."""
        of_jobs = {job: lane.trajectory.network for lane in self.lanes for job in lane.ids}
        return {model: of_jobs[planned.job] for model, planned in self.models.items()}

    @cached_property
    def labels(self) -> dict[str, str]:
        """What to call each job: its model, and which network of it."""
        named: dict[str, str] = {}
        for model, planned in self.models.items():
            several = len(planned.seeds) > 1
            for seed, job in planned.seeds.items():
                named.setdefault(job, f"{model}, seed {seed}" if several else model)
            for fold in planned.folds:
                place = split_label(model, (fold.repeat, fold.fold))
                named.setdefault(fold.job, f"{place}, seed {fold.seed}" if several else place)
            for job in planned.final[-1:]:
                named.setdefault(job, f"{model}, on all rows")
        for curve in self.curves:
            named = {**curve.labels(), **named}
        for lane in sorted(self.lanes, key=_last_phase_first):
            start = lane.trajectory.start
            if start is not None:
                network = named[lane.ids[0]].partition(", phase ")[0]
                named.setdefault(start.id, f"{network}, phase {start.trajectory.phase + 1}")
        return named


def _last_phase_first(lane: Lane) -> int:
    return -lane.trajectory.phase


def plan(study: StudyFile, data: SplitData, nested: Nested | None = None) -> Plan:
    """The jobs of a study. nested: the models that a search found inside each split. Raises ShapeError naming model and
    layer when a network does not fit the images, UnknownName for a threshold of a class that the data do not have."""
    expect_classes(study.thresholds, data.dataset.classes)
    collected, models = Collector(), {}
    for name in study.models:
        with located(f"model {name}"):
            models[name] = _planned(study, name, data, nested or {}, collected)
    return Plan(collected.stages(), models)


def seeds_of(study: StudyFile) -> range:
    """The seeds of each model."""
    return range(study.seed, study.seed + study.seeds)


def _planned(study: StudyFile, name: str, data: SplitData, nested: Nested, collected: Collector) -> PlannedModel:
    model, own, seeds = study.models[name], nested.get(name, {}), seeds_of(study)
    chains = add_jobs(model, data.dataset, data.main, seeds, collected)
    folds, before = list[FoldJob](), None
    for fold, rows in data.fold_rows:
        added = add_jobs(
            own.get((fold.repeat, fold.number), model), data.dataset, rows, seeds, collected, starts=before
        )
        train, held_out = len(fold.rows["train"]), len(fold.rows["held_out"])
        folds += [FoldJob(fold.repeat, fold.number, seed, each[-1].id, train, held_out) for seed, each in added.items()]
        if "folds_continue_training" in data.faults:
            before = {seed: each[-1] for seed, each in added.items()}
    first = tuple(job.id for job in chains[study.seed])
    return PlannedModel({seed: chain[-1].id for seed, chain in chains.items()}, first, tuple(folds))


def with_final(planned: Plan, study: StudyFile, data: SplitData, epochs: Mapping[str, Sequence[int]]) -> Plan:
    """The plan and, for the models of `epochs`, one more network on all rows but the test.

    epochs: how many, of each phase. Nothing is left to stop by: the last epoch is kept.
    """
    collected, models = Collector(), dict(planned.models)
    everything = np.union1d(data.roles.rows["train"], data.roles.rows["validation"])
    parts = {"train": everything, "validation": everything[:0]}
    if study.thresholds:
        parts["calibration"] = data.roles.rows["calibration"]
    rows = RoleRows.of(data.dataset, parts, data.faults)
    for name, counts in epochs.items():
        chain = add_jobs(study.models[name], data.dataset, rows, [study.seed], collected, counts)[study.seed]
        models[name] = replace(models[name], final=tuple(job.id for job in chain))
    return replace(planned, stages=(*planned.stages, *collected.stages()), models=models)
