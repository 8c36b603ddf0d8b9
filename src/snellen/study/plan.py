"""The plan: a study, a data set and its roles become jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict

from snellen.data.dataset import Dataset
from snellen.data.readers.reader import Options
from snellen.data.splits import roles as data_roles
from snellen.data.splits.folds import Fold, make_folds
from snellen.data.splits.roles import Roles
from snellen.errors import located
from snellen.files.hashing import canonical_json, digest, digest_arrays
from snellen.files.stored import STORED
from snellen.models.build import Network, assemble
from snellen.models.features import AnyPart
from snellen.models.fit import resolve
from snellen.models.layers import Dense
from snellen.models.views import Views
from snellen.study.points import Curve
from snellen.study.schema import Model, StudyFile, Train
from snellen.study.search_results import Nested, split_label
from snellen.train import class_weights
from snellen.train.augment.registry import refuse_mirrored_characters, refuse_mirrored_views
from snellen.train.job import Job, StopRule, Trajectory
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

    def as_json(self) -> dict[str, Any]:
        """For plan.json."""
        return asdict(self)

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
                named.setdefault(start.id, f"{named[lane.ids[0]]}, phase {start.trajectory.phase + 1}")
        return named


def _last_phase_first(lane: Lane) -> int:
    return -lane.trajectory.phase


def plan(study: StudyFile, dataset: Dataset, roles: Roles, nested: Nested | None = None) -> Plan:
    """The jobs of a study. nested: models that splits have for their own. Raises ShapeError naming model and layer when
    a network does not fit the pictures."""
    collected = Collector()
    main, folds = main_rows(dataset, roles), fold_rows(study, dataset, roles)
    models = {}
    for name, model in study.models.items():
        with located(f"model {name}"):
            own = (nested or {}).get(name, {})
            parts = [(fold, rows, own.get((fold.repeat, fold.number), model)) for fold, rows in folds]
            models[name] = _planned(study, model, dataset, main, parts, collected)
    return Plan(collected.stages(), models)


def seeds_of(study: StudyFile) -> range:
    """The seeds of each model."""
    return range(study.seed, study.seed + study.seeds)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows by role, and the digests of those that a job's identity names."""

    rows: Mapping[str, np.ndarray]
    train: str
    validation: str

    @staticmethod
    def of(dataset: Dataset, rows: Mapping[str, np.ndarray]) -> Rows:
        """With the digests of the training and validation rows."""
        return Rows(rows, *(content_digest(dataset, rows[role]) for role in ("train", "validation")))

    def inner(self) -> Rows:
        """The training and validation rows alone."""
        return replace(self, rows={role: self.rows[role] for role in ("train", "validation")})


@dataclass(frozen=True)
class Collector:
    """Gathers lanes: each trajectory once, with all jobs that share it, by phase. predicted: the roles whose
    predictions they store; all of them when None."""

    gathered: dict[tuple[str, str], Lane] = field(default_factory=dict)
    predicted: tuple[str, ...] | None = None

    def add(self, job: Job, rows: Rows) -> None:
        """One more job; jobs of the same trajectory become one lane."""
        key = job.trajectory.id, rows.validation
        known = self.gathered.get(key)
        jobs = known.jobs if known else ()
        if job not in jobs:
            self.gathered[key] = Lane((*jobs, job), rows.rows, self.predicted)

    def stages(self) -> tuple[tuple[Lane, ...], ...]:
        """The lanes by phase, in the order in which they came."""
        lanes = list(self.gathered.values())
        phases = sorted({lane.trajectory.phase for lane in lanes})
        return tuple(tuple(lane for lane in lanes if lane.trajectory.phase == phase) for phase in phases)


def main_rows(dataset: Dataset, roles: Roles) -> Rows:
    """The rows of the study's split, but those of the test."""
    return Rows.of(dataset, {role: rows for role, rows in roles.rows.items() if role != "test" and len(rows)})


def fold_rows(study: StudyFile, dataset: Dataset, roles: Roles) -> list[tuple[Fold, Rows]]:
    """The folds that the study asks for; none where it asks for none."""
    if study.folds is None:
        return []
    made = make_folds(dataset, roles, split_of(study), study.folds.count, study.folds.repeats)
    return [(fold, Rows.of(dataset, fold.rows)) for fold in made]


def _planned(
    study: StudyFile,
    model: Model,
    dataset: Dataset,
    main: Rows,
    folds: Sequence[tuple[Fold, Rows, Model]],
    collected: Collector,
) -> PlannedModel:
    """folds: each with its rows and the model that is trained in it."""
    chains = add_jobs(model, dataset, main, seeds_of(study), collected)
    held_out = tuple(
        FoldJob(
            fold.repeat,
            fold.number,
            seed,
            chain[-1].id,
            len(fold.rows["train"]),
            len(fold.rows["held_out"]),
        )
        for fold, rows, own in folds
        for seed, chain in add_jobs(own, dataset, rows, seeds_of(study), collected).items()
    )
    first = tuple(job.id for job in chains[study.seed])
    return PlannedModel({seed: chain[-1].id for seed, chain in chains.items()}, first, held_out)


def add_jobs(
    model: Model,
    dataset: Dataset,
    rows: Rows,
    seeds: Iterable[int],
    collected: Collector,
    epochs: Sequence[int] | None = None,
) -> dict[int, list[Job]]:
    """The jobs of all phases of each network, by seed, also given to the collector. epochs: how many of each phase,
    the last kept; the study's own stop rules when None."""
    layers = _complete(model, dataset, rows)
    assemble(layers, dataset.shape, len(dataset.classes))
    counts: Sequence[int | None] = epochs or [None] * len(model.train)
    chains = {seed: list(_chain(model, layers, dataset, rows, seed, counts)) for seed in seeds}
    for job in (job for chain in chains.values() for job in chain):
        collected.add(job, rows)
    return chains


def _complete(model: Model, dataset: Dataset, rows: Rows) -> tuple[AnyPart, ...]:
    """Views, feature steps, the model's layers and the output layer."""
    refuse_mirrored_views(model.views, dataset.classes, dataset.name)
    views = (Views(views=model.views),) if model.views else ()
    features = resolve(model.features, dataset, rows.rows["train"])
    return (*views, *features, *model.layers, Dense(units=len(dataset.classes)))


def with_final(
    planned: Plan, study: StudyFile, dataset: Dataset, roles: Roles, epochs: Mapping[str, Sequence[int]]
) -> Plan:
    """The plan and, for the models of `epochs`, one more network on all rows but the test.

    epochs: how many, of each phase. Nothing is left to stop by: the last epoch is kept.
    """
    collected, models = Collector(), dict(planned.models)
    everything = np.union1d(roles.rows["train"], roles.rows["validation"])
    rows = Rows.of(dataset, {"train": everything, "validation": everything[:0]})
    for name, counts in epochs.items():
        chain = add_jobs(study.models[name], dataset, rows, [study.seed], collected, counts)[study.seed]
        models[name] = replace(models[name], final=tuple(job.id for job in chain))
    return replace(planned, stages=(*planned.stages, *collected.stages()), models=models)


def content_digest(dataset: Dataset, rows: np.ndarray) -> str:
    """SHA-256 of pictures as stored, their black and white, labels and order of `rows`; not of ids or other rows."""
    content = digest_arrays(dataset.images[rows], dataset.labels[rows])
    return digest(content.encode(), canonical_json(list(map(float, dataset.pixel_range))))


def split_of(study: StudyFile) -> data_roles.Split:
    """How the study divides its rows."""
    return data_roles.Split(
        test=study.split.test,
        validation=study.split.validation,
        calibration=study.split.calibration or 0,
        seed=study.split.seed,
        drop_duplicates=study.data.drop_duplicates,
        near_duplicates=study.data.near_duplicates,
    )


def options_of(study: StudyFile) -> Options:
    """How the study wants its data read."""
    data = study.data
    return Options(
        kind=data.kind,
        keys=data.keys,
        class_names=data.class_names,
        pixel_range=data.pixel_range,
        classes=data.classes,
        resizing=data.resizing,
        grey=data.grey,
        background=data.background,
        group=data.group,
        on_bad_image=data.on_bad_image,
    )


def _chain(
    model: Model,
    layers: tuple[AnyPart, ...],
    dataset: Dataset,
    rows: Rows,
    seed: int,
    counts: Sequence[int | None],
) -> Iterator[Job]:
    """The jobs of a model's phases, each beginning from the kept weights of the one before."""
    job: Job | None = None
    labels = dataset.labels[rows.rows["train"]]
    for phase, count in zip(model.train, counts, strict=True):
        refuse_mirrored_characters(phase.augment, dataset.classes, dataset.name)
        trajectory = Trajectory(
            layers=layers,
            input_shape=dataset.shape,
            classes=len(dataset.classes),
            pixel_range=dataset.pixel_range,
            optimizer=phase.optimizer,
            learning_rate=phase.learning_rate,
            weight_decay=phase.weight_decay,
            schedule=phase.schedule,
            batch_size=phase.batch_size,
            seed=seed,
            rows=rows.train,
            total_epochs=phase.epochs if phase.schedule.needs_total else None,
            start=job,
            clip_norm=phase.clip_norm,
            label_smoothing=phase.label_smoothing,
            class_weights=class_weights.resolve(phase.class_weights, dataset.classes, labels),
            augment=phase.augment,
        )
        job = Job(trajectory=trajectory, stop=_stop_rule(phase, rows, count))
        yield job


def _stop_rule(phase: Train, rows: Rows, count: int | None) -> StopRule:
    """That of the study, or `count` epochs of which the last is kept."""
    if count is not None:
        return StopRule(
            epochs=count, patience=None, measure=phase.measure, validation_rows=rows.validation, keep="last"
        )
    return StopRule(
        epochs=phase.epochs, patience=phase.patience, measure=phase.measure, validation_rows=rows.validation
    )
