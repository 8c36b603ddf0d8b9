"""The run that trained a model: which of given images are images of the run, and the model's answers on its test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import image_keys
from snellen.data.load import read
from snellen.data.slices import row_slices
from snellen.data.splits.roles import ROLES
from snellen.deploy.model import Model
from snellen.errors import DataError, RunError, StudyError, UnknownName
from snellen.evaluate.evaluation import uses
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import which_network
from snellen.evaluate.verdicts import LARGEST_MARGIN, equivalence_margin
from snellen.files import hashes
from snellen.models.predictions import Predictions
from snellen.study.data_settings import options_of, split_of_study

FITTED = ("train", "validation")
"""Roles that training or the choice of the epoch used."""
NO_RUN = "there is no run beside this model"


@dataclass(frozen=True, eq=False)
class OwnImages:
    """Which of N images are exact copies of images of the run. role_N: role of the copied image, "" for images without
    a role. test_place_N: int64, index of the copied image among the test images, -1 for others."""

    role_N: np.ndarray
    test_place_N: np.ndarray

    def counts(self, rows: np.ndarray | slice = slice(None)) -> dict[str, int]:
        """The number of images of each role, without zeros, among these rows, or all rows."""
        counts = {role: int((self.role_N[rows] == role).sum()) for role in ROLES}
        return {role: number for role, number in counts.items() if number}


@dataclass(frozen=True, eq=False)
class OwnRun:
    """The finished run that trained a model. dataset: its images, if the study was given arrays."""

    record: RunRecord
    model: str
    dataset: Dataset | None = None

    @staticmethod
    def of(path: Path, model: Model, dataset: Dataset | None = None) -> OwnRun | None:
        """The run at `path`, or the run whose folder `models` contains it; None for a bundle that was copied out of its
        run, or if the run now has other networks."""
        about = model.description
        for folder in (path, path.resolve().parent.parent):
            if not (folder / "evaluation.json").is_file() or not (folder / "plan.json").is_file():
                continue
            record = RunRecord.open(folder)
            planned = record.planned.get(about.name)
            if planned is not None and planned.shipped == about.job:
                return OwnRun(record, about.name, dataset)
        return None

    @property
    def network(self) -> str:
        """Which of several networks the model is, in words; empty if there is only one."""
        return which_network(self.record, self.model, "test")

    @cached_property
    def test(self) -> Predictions | None:
        """The stored answers of the model on the test of its run; None if the test was not opened for it."""
        job = self.record.folder_of(self.record.planned[self.model].shipped)
        path = job.predictions_path("test").relative_to(self.record.folder)
        hashes.expect_unchanged(self.record.folder, path.as_posix())
        if self.model not in uses(self.record)[0]:
            return None
        predictions = job.read_predictions("test")
        return predictions if predictions is not None and predictions.labels is not None and len(predictions) else None

    @property
    def margin(self) -> float:
        """The margin of practical equivalence, a share: from the best accuracy on validation."""
        networks = [networks_on(self.record, model, "validation") for model in self.record.done]
        best = [float(each.values("accuracy").mean()) for each in networks if each is not None]
        return equivalence_margin(1 - max(best)) if best else LARGEST_MARGIN

    def copies(self, images: np.ndarray, data_folder: Path | None) -> OwnImages:
        """Which of the images (N, H, W, C), in the form that the model takes, are images of the run. Raises DataError
        or RunError if the images of the run are not on this machine, or have changed.
        """
        study = self.record.study
        try:
            dataset = self.dataset or read(study.data.source, options_of(study), data_folder)
        except UnknownName as error:
            raise DataError("the images of the run are not here", where=study.data.source) from error
        data = split_of_study(study, dataset, self.record.folder)
        if data.dataset.fingerprint != self.record.data["data"]["fingerprint"]:
            raise RunError("the images of the run were changed", where=study.data.source)
        return find_copies(images, data.dataset.images, data.roles.rows)


def copies_of(run: OwnRun | None, images: np.ndarray, data_folder: Path | None) -> tuple[OwnImages | None, str | None]:
    """Which images are images of the run; or why that is unknown, as a clause."""
    if run is None:
        return None, NO_RUN
    try:
        return run.copies(images, data_folder), None
    except (DataError, RunError, StudyError) as error:
        return None, str(error).rstrip(".")


def find_copies(images: np.ndarray, own: np.ndarray, rows: Mapping[str, np.ndarray]) -> OwnImages:
    """Which of `images` are in `own`, both (N, H, W, C) on one scale, by equal keys of `image_keys`. rows: those of
    each role."""
    kind = np.uint8 if images.dtype == own.dtype == np.uint8 else np.float32
    keys, own_keys = _keys(images, kind), _keys(own, kind)
    role_N, place_N = np.full(len(images), "", "<U11"), np.full(len(images), -1)
    for role, of_role in rows.items():
        if not len(of_role):
            continue
        unique_keys, first = np.unique(own_keys[of_role], return_index=True)
        at = np.minimum(np.searchsorted(unique_keys, keys), len(unique_keys) - 1)
        is_copy = unique_keys[at] == keys
        role_N[is_copy] = role
        if role == "test":
            place_N[is_copy] = first[at[is_copy]]
    return OwnImages(role_N, place_N)


def _keys(images: np.ndarray, kind: type) -> np.ndarray:
    parts = [image_keys(np.asarray(images[rows], kind)) for rows in row_slices(images)]
    return np.concatenate(parts) if parts else image_keys(images)
