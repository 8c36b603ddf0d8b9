"""The jobs of one model: one for each phase and seed, in the lanes that train them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import RoleRows
from snellen.errors import StudyError
from snellen.models.activations import Rescale
from snellen.models.backbones.layer import Backbone
from snellen.models.build import assemble
from snellen.models.fit import resolve
from snellen.models.layers import Dense
from snellen.models.parts import AnyPart
from snellen.models.views import Views, looked_at
from snellen.study.default_penalties import with_penalties
from snellen.study.schema import Model
from snellen.study.train_section import Train
from snellen.train import class_weights
from snellen.train.augment.mirrored_classes import refuse_changed_classes, refuse_mirrored_views
from snellen.train.job import Followed, Job, StopRule, Trajectory
from snellen.train.lane import Lane


@dataclass(frozen=True)
class Collector:
    """Gathers lanes: each trajectory once, with all jobs that share it, by phase. predicted: the roles whose
    predictions they store; all of them when None."""

    gathered: dict[tuple[str, str], Lane] = field(default_factory=dict)
    predicted: tuple[str, ...] | None = None

    def add(self, job: Job, rows: RoleRows) -> None:
        """One more job; jobs of the same trajectory become one lane."""
        key = job.trajectory.id, rows.sha256["validation"]
        known = self.gathered.get(key)
        jobs = known.jobs if known else ()
        continued = known.continued if known else ()
        if job not in jobs:
            self.gathered[key] = Lane((*jobs, job), rows.rows, self.predicted, continued)
        if job.trajectory.start is not None and job.trajectory.continues == "last":
            self._store_end(job.trajectory.start, rows)

    def _store_end(self, job: Job, rows: RoleRows) -> None:
        """A later phase goes on from the end of this job, which was added before."""
        key = job.trajectory.id, rows.sha256["validation"]
        lane = self.gathered[key]
        if job.id not in lane.continued:
            self.gathered[key] = replace(lane, continued=(*lane.continued, job.id))

    def stages(self) -> tuple[tuple[Lane, ...], ...]:
        """The lanes by phase, in the order in which they came."""
        lanes = list(self.gathered.values())
        phases = sorted({lane.trajectory.phase for lane in lanes})
        return tuple(tuple(lane for lane in lanes if lane.trajectory.phase == phase) for phase in phases)


def add_jobs(
    model: Model,
    dataset: Dataset,
    rows: RoleRows,
    seeds: Iterable[int],
    collected: Collector,
    epochs: Sequence[int] | None = None,
    starts: Mapping[int, Job] | None = None,
) -> dict[int, list[Job]]:
    """The jobs of all phases of each network, by seed, also given to the collector. epochs: how many of each phase,
    the last kept; the study's own stop rules when None. starts: by seed, the job that the first phase goes on from; the
    initial weights when None."""
    layers = _complete(model, dataset, rows)
    assemble(layers, dataset.shape, len(dataset.classes))
    counts: Sequence[int | None] = epochs or [None] * len(model.train)
    began = starts or {}
    chains = {seed: list(_chain(model, layers, dataset, rows, seed, counts, began.get(seed))) for seed in seeds}
    for job in (job for chain in chains.values() for job in chain):
        collected.add(job, rows)
    return chains


def _complete(model: Model, dataset: Dataset, rows: RoleRows) -> tuple[AnyPart, ...]:
    """Views, feature steps, the model's layers and the output layer."""
    refuse_mirrored_views(model.views, dataset.classes, dataset.name)
    views = (Views(views=looked_at(model.views)),) if model.views else ()
    features = resolve(model.features, dataset, rows.rows["train"])
    unscaled = (Rescale(scale=255.0),) if "unscaled_pixels" in rows.faults else ()
    return (*views, *features, *unscaled, *model.layers, Dense(units=len(dataset.classes)))


def _chain(
    model: Model,
    layers: tuple[AnyPart, ...],
    dataset: Dataset,
    rows: RoleRows,
    seed: int,
    counts: Sequence[int | None],
    job: Job | None,
) -> Iterator[Job]:
    """The jobs of a model's phases, each going on from the one before; job: before the first."""
    labels = dataset.labels[rows.rows["train"]]
    for phase, count in zip(model.train, counts, strict=True):
        refuse_changed_classes(phase.augment, dataset.classes, dataset.name)
        trajectory = Trajectory(
            layers=_in_phase(with_penalties(layers, phase.l1, phase.l2), phase),
            input_shape=dataset.shape,
            classes=len(dataset.classes),
            pixel_range=dataset.pixel_range,
            optimizer=phase.optimizer,
            learning_rate=phase.learning_rate,
            weight_decay=phase.weight_decay,
            schedule=phase.schedule,
            batch_size=phase.batch_size,
            seed=seed,
            rows=rows.sha256["train"],
            total_epochs=phase.epochs if phase.schedule.needs_total else None,
            start=job,
            continues=phase.continue_,
            clip_norm=phase.clip_norm,
            clip_parameter_norm=phase.clip_parameter_norm,
            clip_value=phase.clip_value,
            label_smoothing=phase.label_smoothing,
            class_weights=class_weights.resolve(phase.class_weights, dataset.classes, labels),
            augment=phase.augment,
            followed=_followed(phase, rows),
        )
        job = Job(trajectory=trajectory, stop=_stop_rule(phase, rows, count))
        yield job


def _in_phase(layers: tuple[AnyPart, ...], phase: Train) -> tuple[AnyPart, ...]:
    """The layers, with the part of the backbone that the phase trains. What a frozen backbone gives for an image is
    computed once, so the image cannot be another each epoch."""
    first, *others = layers
    if not isinstance(first, Backbone):
        if phase.unfreeze is not None:
            raise StudyError("`unfreeze` is for models whose first layer is a `backbone`", found=phase.unfreeze)
        return layers
    if phase.unfreeze is not None:
        first = first.model_copy(update={"train": phase.unfreeze})
    if phase.augment and first.is_frozen and not first.is_random:
        hint = "Leave `augment` out, or train a part of the backbone: `train: all`, or the name of a block."
        raise StudyError("images of a model with a frozen backbone cannot be augmented", where="augment", hint=hint)
    if first.trains_at_own_rate and not phase.optimizer.is_elementwise:
        raise StudyError(
            "this optimizer has one learning rate for all weights",
            found=phase.optimizer.name,
            expected="adam, sgd or another, or a backbone without learning_rate_factor and learning_rate_decay",
        )
    return (first, *others)


def _followed(phase: Train, rows: RoleRows) -> Followed | None:
    """What the schedule depends on of the validation rows; raises StudyError where there are none."""
    if not phase.schedule.follows_validation:
        return None
    if not len(rows.rows["validation"]):
        raise StudyError(
            f"the schedule `{phase.schedule.name}` follows the validation {phase.measure}, and there are no validation "
            "images",
            where="schedule",
            hint="Give the study some, or take another schedule, such as `cosine`.",
        )
    return Followed(measure=phase.measure, validation_rows=rows.sha256["validation"])


def _stop_rule(phase: Train, rows: RoleRows, count: int | None) -> StopRule:
    """That of the study, or `count` epochs of which the last is kept."""
    if count is not None:
        return StopRule(
            epochs=count, patience=None, measure=phase.measure, validation_rows=rows.sha256["validation"], keep="last"
        )
    return StopRule(
        epochs=phase.epochs,
        patience=phase.patience,
        measure=phase.measure,
        validation_rows=rows.sha256["validation"],
        keep="last" if "keep_last_epoch" in rows.faults else "best",
        min_delta=phase.min_delta if phase.patience else 0.0,
        start_from_epoch=phase.start_from_epoch if phase.patience else 0,
    )
