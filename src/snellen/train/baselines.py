"""Baselines in a run directory: floors/<id>/ with the fitted arrays, predictions, and result.json, written last."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from snellen.data.dataset import SEALED, Dataset
from snellen.data.splits.split_data import SplitData
from snellen.errors import IdentityError, unknown
from snellen.files import hashes, tensors
from snellen.files.atomic import write_json
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.files.stored import STORED, read_as
from snellen.metrics.scores import accuracy
from snellen.models import baselines
from snellen.models.baselines import BASELINES, Fitted
from snellen.models.predictions import Bounds, Predictions
from snellen.train.job import ID_LENGTH
from snellen.train.results import JobFolder

FORMAT = 1
"""Raised when baselines are fitted differently: it is part of every id."""

FILE = "floors.json"
"""The id of each baseline of a run, by its name."""


@dataclass(frozen=True)
class BaselineResult:
    """result.json of a baseline; where it exists, the baseline is fitted, or has failed.

    floor: the name of the baseline. images: how many training images it was fitted to, of `of_images`. rounds,
    converged: see `Fitted`. parameters: how many numbers were fitted. validation_accuracy: None when it failed or there
    are no validation images. sha256: of each stored file.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    floor: str
    status: Literal["done", "failed"]
    reason: str | None
    images: int
    of_images: int
    rounds: int | None
    converged: bool | None
    parameters: int
    seconds: float
    validation_accuracy: float | None
    sha256: dict[str, str]

    @property
    def label(self) -> str:
        """Its name, and to how many training images it was fitted where these are not all."""
        is_part = self.images < self.of_images
        return f"{self.floor} ({self.images:,} training images)" if is_part else self.floor


_RESULT, _IDS = TypeAdapter(BaselineResult), TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class BaselineFolder:
    """The files of one baseline."""

    path: Path
    bounds: Bounds | None = None

    @property
    def job(self) -> JobFolder:
        """Its files that a job has too: fitted arrays, predictions, and whether they were compared with test labels."""
        return JobFolder(self.path, self.bounds)

    def write_result(self, result: BaselineResult) -> None:
        """Writes result.json."""
        write_json(self.job.result_path, asdict(result))

    def read_result(self) -> BaselineResult | None:
        """The result, or None while there is none. Raises IdentityError for what is not a result."""
        path = self.job.result_path
        if not path.exists():
            return None
        try:
            return read_as(_RESULT, path)
        except IdentityError as error:
            error.hint = f"Remove {self.path} to fit this baseline again."
            raise


def read_baselines(run: Path, bounds: Bounds | None = None) -> dict[str, BaselineFolder]:
    """The folder of each baseline of a run, by name; none in a run from before there were baselines."""
    path = run / FILE
    ids = read_as(_IDS, path) if path.exists() else {}
    for name in ids:
        if name not in BASELINES:
            raise unknown("baseline", name, BASELINES, where=str(path))
    return {name: BaselineFolder(inside(run, "floors", each), bounds) for name, each in ids.items()}


def fit_baselines(run: Path, data: SplitData) -> Iterator[BaselineResult]:
    """The result of every baseline, in the order of the registry; one without a result is fitted first, and predicts
    the validation and calibration images."""
    contents = data.main.sha256
    ids = {name: identity({"floor": name, "format": FORMAT, **contents})[:ID_LENGTH] for name in BASELINES}
    write_json(run / FILE, ids)
    for name, folder in read_baselines(run).items():
        result = folder.read_result()
        if result is None:
            baselines.load_libraries()
            result = _fit(name, folder, data)
            hashes.note(run, hashes.below(folder.path))
        yield result


def predict_baseline(name: str, role: str, folder: BaselineFolder, dataset: Dataset, rows: np.ndarray) -> Predictions:
    """The predictions of a stored baseline for `rows`; labels None where they are sealed."""
    arrays, _ = tensors.load(folder.job.weights)
    probabilities = baselines.predict(name, arrays, dataset, rows)
    labels = dataset.labels[rows]
    return Predictions(role, rows, dataset.ids[rows], None if (labels == SEALED).any() else labels, probabilities)


def _fit(name: str, folder: BaselineFolder, data: SplitData) -> BaselineResult:
    """Fits a baseline and stores it with its predictions; where memory runs out, the result says so."""
    began, rows = time.perf_counter(), data.main.rows
    try:
        fitted = baselines.fit(name, data.sealed, rows["train"], data.class_means)
        tensors.save(folder.job.weights, fitted.arrays, {"job": folder.path.name})
        predictions = {
            role: predict_baseline(name, role, folder, data.sealed, rows[role]) for role in rows if role != "train"
        }
    except MemoryError as error:
        reason = f"out of memory ({error})"
        result = BaselineResult(name, "failed", reason, 0, len(rows["train"]), None, None, 0, 0.0, None, {})
    else:
        result = _store(name, folder, fitted, len(rows["train"]), predictions, time.perf_counter() - began)
    folder.write_result(result)
    return result


def _store(
    name: str,
    folder: BaselineFolder,
    fitted: Fitted,
    of_images: int,
    predictions: Mapping[str, Predictions],
    seconds: float,
) -> BaselineResult:
    files, validation = folder.job, predictions.get("validation")
    for each in predictions.values():
        files.write_predictions(each)
    return BaselineResult(
        floor=name,
        status="done",
        reason=None,
        images=fitted.images,
        of_images=of_images,
        rounds=fitted.rounds,
        converged=fitted.converged,
        parameters=fitted.parameters,
        seconds=round(seconds, 2),
        validation_accuracy=_accuracy(validation) if validation else None,
        sha256=files.digests(files.weights, *(files.predictions_path(role) for role in predictions)),
    )


def _accuracy(predictions: Predictions) -> float:
    assert predictions.labels is not None  # validation rows are never sealed
    return accuracy(predictions.labels, predictions.probabilities)
