"""The predictions of a model for images: class probabilities, and the labels where the source has some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from snellen.data.dataset import fingerprint
from snellen.data.splits.vault import part_fingerprint
from snellen.deploy.batch import NO_LABEL, Batch, Reading
from snellen.deploy.labels import in_model_classes, label_names
from snellen.deploy.model import Model
from snellen.errors import DataError
from snellen.models.temperature import with_temperature
from snellen.models.thresholds import accepted, answered


@dataclass(frozen=True, eq=False)
class Answers:
    """Predictions of a model. probabilities: (N, K), float64 after a temperature, else float32. labels: (N,) int64 in
    the model's classes, NO_LABEL for an image without a label and for a class that the model does not have;
    label_names: the names, also of such classes. Both are None if no source has labels. test: (N,) bool, rows of an
    official test part. mean: (H, W, C), the mean image. fingerprints: those of the labelled parts that scoring opens.
    trained_on: whether the model was trained on a part of these images. unfamiliar: (N,) bool, whether an image is
    unlike the training images, which is when its distance, (N,) float64, is above 1; both are None if the bundle has no
    such measure. answered: (N,) bool, whether the most probable class is given as the answer; None without thresholds.
    accepted: (N,) bool for each class with a threshold, whether it is reached. numbered: whether any ids are made of
    file and row."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    labels: np.ndarray | None
    label_names: tuple[str | None, ...] | None
    test: np.ndarray
    mean: np.ndarray
    fingerprints: tuple[str, ...]
    trained_on: bool
    unfamiliar: np.ndarray | None = None
    answered: np.ndarray | None = None
    accepted: Mapping[str, np.ndarray] = field(default_factory=dict)
    numbered: bool = False
    distances: np.ndarray | None = None

    def table(self) -> pl.DataFrame:
        """One row for each image: id, predicted class, its probability, whether the image is unlike the training
        images, the label if any source has labels, and the probability of each class. If the bundle has thresholds,
        also whether the class is given as the answer, and for each class with a threshold whether it is reached."""
        columns: dict[str, object] = {
            "id": list(self.ids),
            "class": [self.classes[index] for index in self.probabilities.argmax(1)],
            "probability": self.probabilities.max(1),
        }
        if self.answered is not None:
            columns["answered"] = self.answered
        columns |= {f"accepted({name})": values for name, values in self.accepted.items()}
        if self.unfamiliar is not None:
            columns["unfamiliar"] = self.unfamiliar
        if self.label_names is not None:
            columns["label"] = pl.Series(self.label_names, dtype=pl.String)
        return pl.DataFrame(columns | {f"p({name})": self.probabilities[:, k] for k, name in enumerate(self.classes)})


@dataclass(frozen=True, eq=False)
class _Part:
    """The values of a batch that are kept."""

    ids: list[str]
    place: str
    probabilities: np.ndarray
    labels: np.ndarray | None
    names: list[str | None]
    test: np.ndarray
    total: np.ndarray
    fingerprint: str | None
    trained_on: bool
    distances: np.ndarray | None
    numbered: bool


def answer(
    model: Model,
    batches: Iterable[Batch],
    shown: Callable[[np.ndarray], np.ndarray] = np.asarray,
    reading: Reading | None = None,
    raw: bool = False,
) -> Answers:
    """Predicts every image of all batches, of which there is at least one. shown: applied to the (N, H, W, C) images
    first. reading: collects remarks on how labels were understood. raw: without temperature and thresholds.

    Raises BundleError when size or channels do not fit the model, DataError when there are no images.
    """
    notes = reading or Reading()
    parts = [_part(model, batch, shown, notes) for batch in batches]
    number = sum(len(part.ids) for part in parts)
    if not number:
        raise DataError("no images", found="none that can be predicted")
    labels = [np.full(len(part.ids), NO_LABEL) if part.labels is None else part.labels for part in parts]
    labelled = any(part.labels is not None for part in parts)
    distances = np.concatenate([part.distances for part in parts if part.distances is not None] or [np.zeros(0)])
    found = Answers(
        ids=_unique([(part.place, part.ids) for part in parts]),
        classes=model.classes,
        probabilities=np.concatenate([part.probabilities for part in parts]),
        labels=np.concatenate(labels) if labelled else None,
        label_names=tuple(name for part in parts for name in part.names) if labelled else None,
        test=np.concatenate([part.test for part in parts]),
        mean=np.asarray(sum(part.total for part in parts)) / number,
        fingerprints=tuple(part.fingerprint for part in parts if part.fingerprint),
        trained_on=any(part.trained_on for part in parts),
        unfamiliar=distances > 1 if model.distance else None,
        numbered=any(part.numbered for part in parts),
        distances=distances if model.distance else None,
    )
    return found if raw else applied(found, model)


def applied(answers: Answers, model: Model) -> Answers:
    """The raw answers with the temperature and the thresholds of the model applied."""
    probabilities, thresholds = with_temperature(answers.probabilities, model.temperature), model.thresholds
    return replace(
        answers,
        probabilities=probabilities,
        answered=answered(probabilities, thresholds, model.classes) if thresholds else None,
        accepted={
            each.class_name: accepted(probabilities, each, model.classes)
            for each in thresholds
            if each.class_name is not None
        },
    )


def _part(model: Model, batch: Batch, shown: Callable[[np.ndarray], np.ndarray], reading: Reading) -> _Part:
    labels, images = in_model_classes(batch, model.classes, reading), shown(batch.images)
    test = np.zeros(len(batch.ids), bool) if batch.test is None else batch.test
    known = np.flatnonzero(labels != NO_LABEL)
    opened = known[test[known]] if test.any() else known
    probabilities, distances = model.answers(images)
    return _Part(
        ids=batch.ids,
        place=batch.place,
        probabilities=probabilities,
        labels=None if batch.labels is None else labels,
        names=label_names(batch, labels, model.classes),
        test=test,
        total=batch.images.sum(axis=0, dtype=np.float64),
        fingerprint=part_fingerprint(batch.images[opened], labels[opened]) if len(opened) else None,
        distances=distances,
        numbered=batch.numbered,
        trained_on=bool(len(known)) and not test.any() and _is_training_data(model, batch, labels, known),
    )


def _is_training_data(model: Model, batch: Batch, labels: np.ndarray, known: np.ndarray) -> bool:
    """Whether the rows with a known label are the whole data set of which the model was trained on a part."""
    about, validation = model.description, None if batch.validation is None else batch.validation[known]
    if about.data_sha256 is None:
        return False
    pixel_range = about.input.pixel_range
    content = fingerprint(batch.images[known], labels[known], about.classes, None, pixel_range, validation)
    return content == about.data_sha256


def _unique(parts: Sequence[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """The ids of all images, made unique: equal ids get the place of their source in front, and, if they are still
    equal, a number at the end."""
    twice = {name for name, number in Counter(name for _, names in parts for name in names).items() if number > 1}
    ids = [f"{place}/{name}" if place and name in twice else name for place, names in parts for name in names]
    numbers, unique = Counter[str](), dict[str, None]()
    for name in ids:
        new = name
        while new in unique:
            numbers[name] += 1
            new = f"{name} ({numbers[name] + 1})"
        unique[new] = None
    return tuple(unique)
