"""What a fitted ImageClassifier holds: a bundle in memory, and how it is made from images and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen.data.dataset import Dataset, fingerprint
from snellen.data.inspect.polarity import polarity_of
from snellen.data.splits.roles import Split, assign
from snellen.data.splits.split_data import RoleRows
from snellen.deploy.load_bundle import read_bundle
from snellen.deploy.model import Model as LoadedModel
from snellen.errors import BundleError, DataError, located
from snellen.estimator.recipe import NAME, Recipe
from snellen.limits import MAX_CLASSES
from snellen.models.bundle import CARD, DESCRIPTION, WEIGHTS, Description, save_bundle
from snellen.models.forward import resident
from snellen.models.input_contract import Input
from snellen.models.threads import own_settings
from snellen.models.weights import pack_weights
from snellen.study.jobs import Collector, add_jobs
from snellen.train.batches import ResidentData
from snellen.train.environment import PackEnvironment, choose_device, current_environment
from snellen.train.in_memory import TrainedPhase, train_in_memory
from snellen.train.snapshot import EpochRecord
from snellen.train.watcher import Silent

OnEpoch = Callable[[Mapping[str, Any]], None]
"""Is called with each row of the history."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """The files of a model bundle, by name."""

    files: Mapping[str, bytes]

    @cached_property
    def model(self) -> LoadedModel:
        """The model, read by the loader of bundles. Raises BundleError for files that are none."""
        return read_bundle(self._read)

    def _read(self, name: str, limit: int) -> bytes:
        content = self.files.get(name)
        if content is None:
            raise BundleError("missing file", where=name)
        if len(content) > limit:
            raise BundleError("file too large", found=f"{len(content):,} bytes", expected=f"at most {limit:,}")
        return content

    def save(self, folder: Path) -> None:
        """Writes it as a folder."""
        card = self.files[CARD].decode()
        save_bundle(folder, self.model.description, self.files[WEIGHTS], card)

    def probabilities(self, images: np.ndarray, device: str) -> np.ndarray:
        """(N, K) float32, of (N, H, W, C) images on the scale of the model."""
        chosen = choose_device(device)
        with own_settings():
            return (self.model if chosen == "cpu" else self.model.on(chosen)).probabilities(images)


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit gives. history: a row an epoch. job: the id of the job that was trained. validation: rows that chose
    the epoch."""

    bundle: Bundle
    history: list[dict[str, Any]]
    strategy: dict[str, Any]
    job: str
    dataset: Dataset
    validation: np.ndarray


def dataset_of(images: np.ndarray, codes: np.ndarray, classes: np.ndarray, pixel_range: tuple[float, float]) -> Dataset:
    """Images and labels as training takes them. Raises DataError for too few or too many classes."""
    if not 2 <= len(classes) <= MAX_CLASSES:
        found = f"{len(classes):,} class{'es' * (len(classes) != 1)}"
        raise DataError("not a number of classes to tell apart", found=found, expected=f"2 to {MAX_CLASSES:,} classes")
    names, ids = tuple(map(str, classes.tolist())), np.char.add("X:", np.arange(len(images)).astype(str))
    return Dataset("X", images, codes.astype(np.int64), names, ids, None, pixel_range, fingerprint="")


def fit(
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    device: str,
    threads: int | None,
    on_epoch: OnEpoch | None = None,
    is_table: bool = False,
) -> Fit:
    """Trains the model of a recipe: the job that a study with this seed has for the same rows."""
    rows = _rows(recipe, dataset, seed)
    collected = Collector()
    with located(recipe.name):
        add_jobs(recipe.model, dataset, rows, [seed], collected)
    lanes = [lane for stage in collected.stages() for lane in stage]
    with own_settings():
        found = current_environment(device, threads, {})
        environment = PackEnvironment(
            device=found["device"], threads=found["threads"], torch=found["torch"], processor=found["processor"]
        )
        data = ResidentData(
            resident(dataset.images, found["device"]), torch.from_numpy(dataset.labels).to(found["device"])
        )
        phases = train_in_memory(lanes, data, environment, _Told(on_epoch) if on_epoch else Silent())
    bundle = _bundle(recipe, dataset, phases[-1], is_table)
    history = _history(phases)
    strategy: dict[str, Any] = {**phases[-1].strategy}
    return Fit(bundle, history, strategy, phases[-1].lane.ids[0], dataset, rows.rows["validation"])


def _rows(recipe: Recipe, dataset: Dataset, seed: int) -> RoleRows:
    """All rows to train on, or those that a study leaves for training beside its validation rows."""
    if recipe.validation is None:
        everything = np.arange(len(dataset))
        return RoleRows.of(dataset, {"train": everything, "validation": everything[:0]})
    roles = assign(dataset, Split(test=0, validation=recipe.validation, seed=seed))
    return RoleRows.of(dataset, {role: roles.rows[role] for role in ("train", "validation")})


def _history(phases: list[TrainedPhase]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, phase in enumerate(phases, 1):
        for record in phase.history:
            more = {"phase": number} if len(phases) > 1 else {}
            rows.append({**record, "epoch": len(rows) + 1, **more})
    return rows


def _bundle(recipe: Recipe, dataset: Dataset, phase: TrainedPhase, is_table: bool) -> Bundle:
    height, width, channels = dataset.shape
    job, low, high = phase.lane.ids[0], *dataset.pixel_range
    weights = pack_weights(*phase.values, {"job": job})
    tone = None if is_table else polarity_of((dataset.images.mean(axis=0, dtype=np.float64) - low) / (high - low))
    description = Description(
        name=recipe.name,
        study=NAME,
        job=job,
        input=Input(height=height, width=width, channels=channels, pixel_range=(low, high)),
        classes=dataset.classes,
        layers=phase.lane.trajectory.layers,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        tone=tone,
    )
    files = {DESCRIPTION: description.text().encode(), WEIGHTS: weights, CARD: _card(description).encode()}
    return Bundle(files)


def _card(description: Description) -> str:
    size = f"{description.input.height}x{description.input.width} pixels"
    return "\n".join(
        [
            f"# {description.name}",
            "",
            f"Classifies images of {size} into {len(description.classes)} classes: {', '.join(description.classes)}.",
            "Trained by snellen.ImageClassifier, without a study.",
            "",
            "How good it is was not measured here: `snellen evaluate` does it on labelled images.",
            "",
        ]
    )


@dataclass(frozen=True, eq=False)
class _Told(Silent):
    """A watcher that passes each epoch on."""

    on_epoch: OnEpoch

    def trained(self, place: int, record: EpochRecord) -> None:
        """One epoch."""
        self.on_epoch(record)


def with_official_parts(fit: Fit, test: tuple[np.ndarray, np.ndarray] | None) -> Dataset:
    """The data of a fit for its report: its validation rows as the official validation part, and the test images."""
    dataset, number = fit.dataset, len(fit.dataset)
    images, labels = dataset.images, dataset.labels
    if test is not None:
        images, labels = np.concatenate([images, test[0]]), np.concatenate([labels, test[1].astype(np.int64)])
    rows = np.arange(len(images))
    validation = np.isin(rows, fit.validation) if len(fit.validation) else None
    official = rows >= number if test is not None else None
    ids = np.char.add("X:", rows.astype(str))
    content = fingerprint(images, labels, dataset.classes, official, dataset.pixel_range, validation)
    whole = replace(dataset, images=images, labels=labels, ids=ids, fingerprint=content)
    return replace(whole, official_test=official, official_validation=validation)
