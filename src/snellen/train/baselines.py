"""Baselines in a run directory: floors/<id>/ with the fitted arrays, predictions, and result.json, written last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from snellen.data.dataset import SEALED, Dataset
from snellen.data.splits.split_data import SplitData
from snellen.errors import IdentityError, SnellenError, unknown
from snellen.files import hashes, tensors
from snellen.files.atomic import write_json
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.files.stored import STORED, read_as, read_json
from snellen.metrics.scores import accuracy
from snellen.models import baselines, feature_baselines
from snellen.models.baselines import BASELINES, Fitted
from snellen.models.feature_baselines import FEATURE_BASELINES
from snellen.models.frozen_part import frozen_identities
from snellen.models.predictions import Bounds, Predictions
from snellen.train.job import ID_LENGTH, Job, Trajectory
from snellen.train.results import JobFolder
from snellen.train.run_context import RunContext

FORMAT = 1
"""Raised when baselines are fitted differently: it is part of every id."""

FILE = "floors.json"
"""The id of each baseline of a run, by its name."""

ON, FEATURES = " on ", "'s features"
"""Around the model whose features a baseline is fitted to: `logistic regression on vgg's features`."""


@dataclass(frozen=True)
class BaselineResult:
    """result.json of a baseline; where it exists, the baseline is fitted, or has failed.

    floor: the name of the baseline; one on features is called by the plan of the run, which may have changed since it
    was stored. images: how many training images it was fitted to, of `of_images`. rounds,
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

    @property
    def backbone_path(self) -> Path:
        """Of a baseline on features: a trajectory whose frozen backbone gives them."""
        return self.path / "backbone.json"

    def read_trajectory(self) -> Trajectory:
        """What gives the features. Raises IdentityError for what is none."""
        path = self.backbone_path
        try:
            return Trajectory.model_validate(read_json(path))
        except (SnellenError, ValueError, RecursionError) as error:
            hint = f"Remove {self.path} to fit this baseline again."
            raise IdentityError(f"not a backbone ({error})", where=str(path), hint=hint) from None

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
    ids = _read_ids(run)
    for name in ids:
        if name not in BASELINES and kind_of(name) not in FEATURE_BASELINES:
            raise unknown("baseline", name, BASELINES, where=str(run / FILE))
    return {name: BaselineFolder(inside(run, "floors", each), bounds) for name, each in ids.items()}


def _read_ids(run: Path) -> dict[str, str]:
    path = run / FILE
    return read_as(_IDS, path) if path.exists() else {}


def is_on_features(name: str) -> bool:
    """Whether a baseline is fitted to the features of a backbone, not to pixels."""
    return ON in name


def kind_of(name: str) -> str:
    """The kind of a baseline on features: `logistic regression` of `logistic regression on vgg's features`; empty for
    one on pixels."""
    return name.partition(ON)[0] if is_on_features(name) else ""


def model_of(name: str) -> str:
    """The first model with the features of a baseline on features: `vgg` of `logistic regression on vgg's features`."""
    return name.partition(ON)[2].removesuffix(FEATURES)


def fit_baselines(run: Path, data: SplitData) -> Iterator[BaselineResult]:
    """The result of every baseline on pixels, in the order of the registry; one without a result is fitted first, and
    predicts the validation and calibration images."""
    contents = data.main.sha256
    ids = {name: identity({"floor": name, "format": FORMAT, **contents})[:ID_LENGTH] for name in BASELINES}
    write_json(run / FILE, ids)
    for name, folder in read_baselines(run).items():
        fitted = partial(baselines.fit, name, data.sealed, data.main.rows["train"], data.class_means)
        yield _result(name, folder, data, fitted, partial(predict_pixels, name, folder, data.sealed))


def fit_feature_baselines(
    context: RunContext, data: SplitData, planned: Mapping[str, Sequence[Job]]
) -> Iterator[BaselineResult]:
    """The same on the features of each different frozen backbone. planned: the jobs of each model, one a phase."""
    run, contents = context.run, data.main.sha256
    jobs = {
        f"{kind}{ON}{model}{FEATURES}": job for model, job in _different(planned).items() for kind in FEATURE_BASELINES
    }
    if not jobs:
        return
    ids = {name: _feature_id(name, job, contents) for name, job in jobs.items()}
    write_json(run / FILE, {**_read_ids(run), **ids})
    folders = read_baselines(run)
    for name, job in jobs.items():
        folder = folders[name]
        if folder.read_result() is None:
            write_json(folder.backbone_path, job.trajectory.model_dump(mode="json"))
        features, rows = _features(folder, context), data.main.rows["train"]
        labels, classes = data.sealed.unsealed_labels(rows), len(data.sealed.classes)
        fitted = partial(feature_baselines.fit, kind_of(name), features, labels, rows, classes)
        yield _result(name, folder, data, fitted, partial(_predict_on_features, name, folder, context))


def predict_baseline(
    name: str, role: str, folder: BaselineFolder, context: RunContext, rows: np.ndarray
) -> Predictions:
    """The predictions of a stored baseline for `rows` of the images of a run; labels None where they are sealed."""
    if name in BASELINES:
        return predict_pixels(name, folder, context.dataset, role, rows)
    return _predict_on_features(name, folder, context, role, rows)


def predict_pixels(name: str, folder: BaselineFolder, dataset: Dataset, role: str, rows: np.ndarray) -> Predictions:
    """Of a stored baseline on pixels."""
    arrays, _ = tensors.load(folder.job.weights)
    return _labelled(role, rows, dataset, baselines.predict(name, arrays, dataset, rows))


def _predict_on_features(
    name: str, folder: BaselineFolder, context: RunContext, role: str, rows: np.ndarray
) -> Predictions:
    (arrays, _), dataset = tensors.load(folder.job.weights), context.dataset
    features, classes = _features(folder, context), len(dataset.classes)
    found = feature_baselines.predict(kind_of(name), arrays, features, rows, classes)
    return _labelled(role, rows, dataset, found)


def _labelled(role: str, rows: np.ndarray, dataset: Dataset, probabilities: np.ndarray) -> Predictions:
    labels = dataset.labels[rows]
    return Predictions(role, rows, dataset.ids[rows], None if (labels == SEALED).any() else labels, probabilities)


def _features(folder: BaselineFolder, context: RunContext) -> feature_baselines.Features:
    data = context.inputs_of(folder.read_trajectory())
    places = None if data.places is None else data.places.cpu().numpy()
    return feature_baselines.Features(data.images.reshape(len(data.images), -1).cpu().numpy(), places)


def _different(planned: Mapping[str, Sequence[Job]]) -> dict[str, Job]:
    """The first job with each different frozen backbone, by its model; phases of a model have no two of them."""
    found, seen = dict[str, Job](), set[str]()
    for model, job in ((model, job) for model, phases in planned.items() for job in phases):
        if not job.trajectory.frozen or _frozen(job) in seen:
            continue
        seen.add(_frozen(job))
        found[model] = job
    return found


def _feature_id(name: str, job: Job, contents: Mapping[str, str]) -> str:
    return identity({"floor": kind_of(name), "format": FORMAT, "frozen": _frozen(job), **contents})[:ID_LENGTH]


def _frozen(job: Job) -> str:
    """The identity of the frozen layers of a job, and of what they see."""
    trajectory = job.trajectory
    return identity([frozen_identities(trajectory.frozen), list(trajectory.input_shape), list(trajectory.pixel_range)])


def _result(
    name: str,
    folder: BaselineFolder,
    data: SplitData,
    fit: Callable[[], Fitted],
    predict: Callable[[str, np.ndarray], Predictions],
) -> BaselineResult:
    """The result of a baseline, which is fitted and stored with its predictions where it has none; where memory runs
    out, the result says so. predict: the rows of a role."""
    stored = folder.read_result()
    if stored is not None:
        return replace(stored, floor=name)
    baselines.load_libraries()
    began, rows = time.perf_counter(), data.main.rows
    try:
        fitted = fit()
        tensors.save(folder.job.weights, fitted.arrays, {"job": folder.path.name})
        predictions = {role: predict(role, rows[role]) for role in rows if role != "train"}
    except MemoryError as error:
        reason = f"out of memory ({error})"
        result = BaselineResult(name, "failed", reason, 0, len(rows["train"]), None, None, 0, 0.0, None, {})
    else:
        result = _store(name, folder, fitted, len(rows["train"]), predictions, time.perf_counter() - began)
    folder.write_result(result)
    hashes.note(folder.path.parent.parent, hashes.below(folder.path))
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
