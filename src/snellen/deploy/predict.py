"""`snellen predict`: a table of the predictions of a model, and its scores when there are labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from snellen.data.splits.vault import part_fingerprint, record_opening
from snellen.deploy.pictures import Batch
from snellen.deploy.unfamiliar import unfamiliar
from snellen.errors import BundleError, DataError, RunError
from snellen.files import hashes
from snellen.files.stored import read_json
from snellen.metrics.scores import accuracy, loss
from snellen.models.bundle import DESCRIPTION, Model, load_bundle
from snellen.models.bundle_files import shown


@dataclass(frozen=True, eq=False)
class Answers:
    """Predictions of a model. probabilities: (N, K) float32. labels: (N,) int64 in the model's classes, None when a
    source has none. test: (N,) bool, rows of an official test part. fingerprints: of the labelled parts that scoring
    opens. unfamiliar: (N,) bool, unlike the training pictures; None where the bundle has no measure of it."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    labels: np.ndarray | None
    test: np.ndarray
    fingerprints: tuple[str, ...]
    unfamiliar: np.ndarray | None = None

    def table(self) -> pl.DataFrame:
        """A row for each picture: id, predicted class, its probability, whether the picture is unlike the training
        pictures, the label if known, and the probability of each class."""
        best = self.probabilities.argmax(1)
        columns: dict[str, object] = {
            "id": list(self.ids),
            "class": [self.classes[index] for index in best],
            "probability": self.probabilities.max(1) if len(best) else [],
        }
        if self.unfamiliar is not None:
            columns["unfamiliar"] = self.unfamiliar
        if self.labels is not None:
            columns["label"] = [self.classes[index] for index in self.labels]
        return pl.DataFrame(columns | {f"p({name})": self.probabilities[:, k] for k, name in enumerate(self.classes)})


@dataclass(frozen=True)
class Scored:
    """part: the pictures that were scored. hits: correct predictions of n; loss in nats."""

    part: str
    n: int
    hits: int
    accuracy: float
    loss: float


def open_model(path: Path) -> Model:
    """The model of a bundle, or the chosen model of a run directory, whose choice and bundle are what was written."""
    try:
        is_bundle, is_run = (path / DESCRIPTION).exists() or path.is_file(), (path / "evaluation.json").exists()
    except (OSError, ValueError) as error:  # a name that is too long, a folder that may not be entered
        raise BundleError(f"no model here ({shown(str(error))})", where=shown(str(path))) from None
    if is_bundle:
        return load_bundle(path)
    if is_run:
        chosen = _chosen(path)
        hashes.expect_unchanged(path, "evaluation.json", f"models/{chosen}")
        return load_bundle(path / "models" / chosen)
    raise BundleError(
        "no model here", where=str(path), expected="a bundle (a folder with model.json, or a zip of it) or a run"
    )


def _chosen(run: Path) -> str:
    """The name of a run's chosen model, which must be one of the run's own: the run may come from someone else."""
    stored = read_json(run / "evaluation.json")
    chosen = stored.get("chosen") if isinstance(stored, dict) else None
    if chosen is None:
        raise RunError("no model of this run was trained to the end", where=str(run))
    own = [folder.name for folder in (run / "models").glob("*")]
    if chosen not in own:
        raise BundleError("the chosen model is not in the run", found=repr(chosen), expected=", ".join(sorted(own)))
    return str(chosen)


def answer(model: Model, batches: Iterable[Batch], shown: Callable[[np.ndarray], np.ndarray] = np.asarray) -> Answers:
    """Predicts every picture of every batch, at least one. shown: applied to the (N, H, W, C) pictures before.

    Raises BundleError when size, channels or class names do not fit the model.
    """
    parts = [(batch, model.probabilities(shown(batch.images)), _labels(batch, model.classes)) for batch in batches]
    unlike = [found for batch, _, _ in parts if (found := unfamiliar(model, shown(batch.images))) is not None]
    labels = [found for _, _, found in parts if found is not None]
    return Answers(
        ids=tuple(name for batch, _, _ in parts for name in batch.ids),
        classes=model.classes,
        probabilities=np.concatenate([found for _, found, _ in parts]),
        labels=np.concatenate(labels) if len(labels) == len(parts) and labels else None,
        test=np.concatenate([_test_mask(batch) for batch, _, _ in parts]),
        fingerprints=tuple(_fingerprint(batch) for batch, _, found in parts if found is not None),
        unfamiliar=np.concatenate(unlike) if unlike else None,
    )


def seen_warning(batches: Iterable[Batch], model: Model) -> str | None:
    """A warning when the scored pictures are the data set of the training and have no official test part; or None.

    Only the fingerprint is compared: None also for bundles that do not store it, and for copies or parts of the data.
    """
    known = model.description.data_sha256
    if not any(known and batch.data_sha256 == known and not _test_mask(batch).any() for batch in batches):
        return None
    return (
        "Warning: this model was trained on some of these pictures, so this accuracy says nothing about new pictures. "
        "Its accuracy on test images is in its card.md."
    )


def score(answers: Answers, model: Model) -> Scored:
    """Compares answers with labels: those of the official test part where there is one, else all.

    This opens the test labels, which is recorded. Raises DataError when labels are missing.
    """
    if answers.labels is None or not len(answers.labels):
        raise DataError("no labels to score with", hint="Leave --score out, or give data with labels.")
    chosen = answers.test if answers.test.any() else np.ones(len(answers.ids), bool)
    about = model.description
    for fingerprint in answers.fingerprints:
        record_opening(fingerprint, study=about.study, job=about.job, model=about.name, reason="predict --score")
    labels, probabilities = answers.labels[chosen], answers.probabilities[chosen]
    return Scored(
        part="official test" if answers.test.any() else "all pictures",
        n=len(labels),
        hits=int((probabilities.argmax(1) == labels).sum()),
        accuracy=accuracy(labels, probabilities),
        loss=loss(labels, probabilities),
    )


def _labels(batch: Batch, classes: tuple[str, ...]) -> np.ndarray | None:
    """The labels as numbers of the model's classes."""
    if batch.labels is None or batch.classes is None:
        return None
    unknown = [name for name in batch.classes if name not in classes]
    if unknown:
        found, expected = ", ".join(unknown[:5]), ", ".join(classes)
        raise BundleError("classes that the model does not know", found=found, expected=expected)
    codes = np.array([classes.index(name) for name in batch.classes], np.int64)
    return np.asarray(codes[batch.labels])


def _test_mask(batch: Batch) -> np.ndarray:
    return np.zeros(len(batch.ids), bool) if batch.test is None else batch.test


def _fingerprint(batch: Batch) -> str:
    """The fingerprint of the scored part, equal to that of a study with this part as its test."""
    assert batch.labels is not None  # asked only of labelled batches
    rows = np.flatnonzero(batch.test) if batch.test is not None and batch.test.any() else np.arange(len(batch.ids))
    return part_fingerprint(batch.images[rows], batch.labels[rows])
