"""`snellen evaluate` in Python: evaluates labelled images, and returns frames and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from snellen.data.as_dataset import read_object
from snellen.data.dataset import Dataset
from snellen.data.readers.memory.cells import as_array, is_array
from snellen.data.readers.memory.columns import is_frame
from snellen.data.readers.reader import Options
from snellen.deploy.array_files import Rows, batch_of
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.images import batch_of_dataset, open_images
from snellen.deploy.model import Model
from snellen.deploy.predict import open_model
from snellen.evaluate.score_drop import ScoreDrop
from snellen.evaluate.scores import Estimate
from snellen.report import notebook
from snellen.run import evaluate_page, evaluate_words
from snellen.run.evaluate_data import evaluate_batches
from snellen.run.evaluated_data import ROLE, DataEvaluation
from snellen.run.own_run import OwnRun

NAME = "pictures"
"""The first part of the ids of images from arrays."""


@dataclass(frozen=True, eq=False)
class EvaluatedData:
    """The evaluation of a model on labelled images that came later; a notebook shows its page."""

    found: DataEvaluation

    @property
    def sentences(self) -> list[str]:
        """The conclusions as sentences, most important first."""
        return evaluate_words.sentences(self.found)

    @property
    def remarks(self) -> list[str]:
        """Remarks on how the images were read."""
        return list(self.found.remarks)

    @property
    def accuracy(self) -> Estimate:
        """The accuracy with its interval."""
        found = self.found.evaluation.estimate(self.found.name, ROLE, "accuracy")
        assert found is not None  # there is at least one evaluated image
        return found

    @property
    def scores(self) -> pl.DataFrame:
        """Every score with its interval: one row for each role (evaluated, test), measure and class."""
        return self.found.scores

    @property
    def answers(self) -> pl.DataFrame:
        """One row for each given image: id, whether it was evaluated, answer, probabilities, label."""
        return self.found.table

    @property
    def drop(self) -> ScoreDrop | None:
        """The difference from the test of the model's run; None if there is no such test."""
        return self.found.drop

    def as_json(self) -> dict[str, Any]:
        """The evaluation as in evaluation.json."""
        return evaluate_page.content(self.found)

    def page(self) -> str:
        """The page: a complete HTML file that needs no other file."""
        return evaluate_page.page(self.found)

    def save(self, folder: Path | str) -> Path:
        """Writes evaluation.html, evaluation.json, scores.csv and answers.csv; returns the path of the page."""
        evaluate_page.save(self.found, Path(folder))
        return Path(folder) / evaluate_page.PAGE

    def _repr_html_(self) -> str:
        title = f"{self.found.name} on {', '.join(self.found.sources)}"
        return notebook.analysis_summary(title, self.sentences, self.page())


def evaluate_data(
    model: Model | Path | str,
    data: Any,
    labels: Any = None,
    *,
    keys: Mapping[str, str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    invert: bool = False,
    paired: bool = False,
    data_dir: Path | str | None = None,
    dataset: Dataset | None = None,
) -> EvaluatedData:
    """Evaluates a model on labelled images that came after its training, as `snellen evaluate` does.

    model: the folder of a run, a bundle, or a loaded bundle, whose run is unknown. data: a path, a list of paths or a
    known name; arrays (N, H, W) or (N, H, W, C) with `labels`, N numbers or texts, or both as a pair; a Dataset; or
    anything else that `snellen.as_dataset` takes. Labels are matched to the classes of the model by name. paired:
    whether images with the ids of test images show the same objects. keys, pixel_range: as for `snellen.as_dataset`.
    dataset: the images of the run, if its study was given arrays. Raises DataError, StudyError and BundleError with the
    messages of the command.
    """
    path = None if isinstance(model, Model) else Path(model)
    loaded = model if isinstance(model, Model) else open_model(model)
    folder = None if data_dir is None else Path(data_dir)
    reading = Reading(Options(keys=dict(keys or {}), pixel_range=pixel_range))
    sources, batches = _opened(loaded, data, labels, reading, folder)
    run = None if path is None else OwnRun.of(path, loaded, dataset)
    return EvaluatedData(
        evaluate_batches(
            loaded, run, batches, reading, sources=sources, invert=invert, data_folder=folder, paired=paired
        )
    )


def _opened(
    model: Model, data: Any, labels: Any, reading: Reading, data_folder: Path | None
) -> tuple[list[str], Iterator[Batch]]:
    """The names of the sources, and their images in the form that the model takes."""
    contract, options = model.description.input, reading.options
    paths = [data] if isinstance(data, (str, Path)) else data
    if labels is None and isinstance(paths, list) and paths and all(isinstance(one, (str, Path)) for one in paths):
        opened = open_images(paths, contract, data_folder, classes=model.classes, reading=reading, whole=True)
        return [str(one) for one in paths], opened
    if labels is None and isinstance(data, tuple) and len(data) == 2 and is_array(data[0]):
        data, labels = data
    if labels is not None and is_array(data) and data.ndim > 2:
        rows = Rows(NAME, as_array(data, NAME), np.asarray(as_array(labels, "labels") if is_array(labels) else labels))
        return [NAME], iter([batch_of([rows], "", contract, reading)])
    read = read_object(data, options, labels=labels)
    reading.remarks += read.remarks
    scale = (
        options.pixel_range if is_frame(data) else read.pixel_range
    )  # numbers of a table are interpreted as in a file
    return [read.name], iter([batch_of_dataset(read, contract, reading, scale)])
