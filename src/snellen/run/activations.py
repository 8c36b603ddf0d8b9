"""The outputs of a layer of a trained network for the images of a role, with their ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from snellen.data.dataset import SEALED, Dataset
from snellen.data.splits.roles import ROLES
from snellen.errors import StudyError, unknown
from snellen.evaluate.record import RunRecord
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.units.activations import Positions, read_activations
from snellen.models.forward import resident
from snellen.run.analyses import split_again


def activations_of(
    record: RunRecord,
    model: str,
    layer: str | None,
    role: str,
    positions: Positions,
    data_folder: Path | None = None,
    dataset: Dataset | None = None,
) -> pl.DataFrame:
    """One row per image: its row in the data set, id and class, then the columns of `read_activations`.

    `label` is None for test images, unless the test was opened for this model. Raises UnknownName, StudyError for a
    role without images or a model that was not trained, RunError if the images are not those of the run.
    """
    if role not in ROLES:
        raise unknown("role", role, ROLES)
    if model not in record.done:
        raise StudyError(f"the model `{model}` was not trained to the end", where=str(record.folder))
    data = split_again(record, data_folder, dataset)
    rows = data.roles.rows[role]
    if not len(rows):
        with_images = ", ".join(name for name in ROLES if len(data.roles.rows[name]))
        raise StudyError(f"the run has no {role} images", expected=f"one of {with_images}")
    images = resident(data.sealed.images)
    trained = RunWithImages(record, data.sealed, images, data_folder, data.used).trained_models[model]
    values = read_activations(trained, layer, rows, positions)
    columns = {
        "row": pl.Series(rows),
        "id": pl.Series(data.sealed.ids[rows].tolist(), dtype=pl.String),
        "label": _class_names(record, model, role, data.sealed, rows),
    }
    return pl.DataFrame(columns).hstack(values)


def _class_names(record: RunRecord, model: str, role: str, sealed: Dataset, rows: np.ndarray) -> pl.Series:
    """The class of each row; None if the label is sealed. Opened labels are read from the stored predictions."""
    labels = sealed.labels[rows]
    opened = record.predictions(model, role) if role == "test" else None
    if opened is not None and opened.labels is not None and np.array_equal(opened.rows, rows):
        labels = opened.labels
    return pl.Series([None if label == SEALED else sealed.classes[label] for label in labels], dtype=pl.String)
