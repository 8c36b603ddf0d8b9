"""The plan: a study, a data set and its roles become jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snellen.data import roles as data_roles
from snellen.data.dataset import Dataset
from snellen.data.roles import Roles
from snellen.data.source import Options
from snellen.errors import located
from snellen.files.hashing import canonical_json, digest, digest_arrays
from snellen.models.build import assemble
from snellen.models.fit import resolve
from snellen.models.layers import Dense
from snellen.study.schema import Model, StudyFile
from snellen.train.engine import Lane
from snellen.train.job import Job, StopRule, Trajectory


@dataclass(frozen=True)
class Plan:
    """lanes: each job once, by id, in the order of the study. models: the job of each model; two may share one."""

    lanes: Mapping[str, Lane]
    models: Mapping[str, str]


def plan(study: StudyFile, dataset: Dataset, roles: Roles) -> Plan:
    """The jobs of a study. Raises ShapeError naming model and layer when a network does not fit the pictures."""
    train_rows, validation_rows = roles.rows["train"], roles.rows["validation"]
    train_digest, validation_digest = (content_digest(dataset, rows) for rows in (train_rows, validation_rows))
    lanes: dict[str, Lane] = {}
    models: dict[str, str] = {}
    for name, model in study.models.items():
        with located(f"model {name}"):
            job = _job(study, model, dataset, train_rows, train_digest, validation_digest)
        models[name] = job.id
        lanes.setdefault(job.id, Lane(job, train_rows, validation_rows))
    return Plan(lanes, models)


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
        fit=data.fit,
        background=data.background,
        group=data.group,
        on_bad_image=data.on_bad_image,
    )


def _job(
    study: StudyFile, model: Model, dataset: Dataset, train_rows: np.ndarray, train_digest: str, validation_digest: str
) -> Job:
    train, classes = model.train, len(dataset.classes)
    features = resolve(model.features, dataset, train_rows)
    layers = (*features, *model.layers, Dense(units=classes))
    assemble(layers, dataset.shape, classes)
    trajectory = Trajectory(
        layers=layers,
        input_shape=dataset.shape,
        classes=classes,
        pixel_range=dataset.pixel_range,
        optimizer=train.optimizer,
        learning_rate=train.learning_rate,
        weight_decay=train.weight_decay,
        schedule=train.schedule,
        batch_size=train.batch_size,
        seed=study.seed,
        rows=train_digest,
        total_epochs=train.epochs if train.schedule.needs_total else None,
    )
    stop = StopRule(
        epochs=train.epochs, patience=train.patience, measure=train.measure, validation_rows=validation_digest
    )
    return Job(trajectory=trajectory, stop=stop)
