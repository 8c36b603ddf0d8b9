"""The labelled images outside the test, the outputs of the last hidden layer for them, and their nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.data.inspect.class_images import random_rows
from snellen.explain.analysis_inputs import RunWithImages, TrainedModel
from snellen.explain.data.nearest_neighbours import nearest_others, within_class
from snellen.explain.last_layer import LastLayer

MOST = 60_000
"""Most labelled images that are compared with each other (half a minute); of more, a random sample."""
SEED = 0


@dataclass(frozen=True, eq=False)
class ComparedImages:
    """Rows outside the test, the outputs of the layer for them, and their neighbours.

    rows: (n,) ascending. roles: (n,) text. labels: (n,). count: neighbours of each.
    """

    model: TrainedModel
    rows: np.ndarray
    roles: np.ndarray
    labels: np.ndarray
    count: int

    @cached_property
    def layer(self) -> LastLayer:
        """The layer whose outputs are compared."""
        return LastLayer(self.model)

    @cached_property
    def points(self) -> np.ndarray:
        """(n, units) float32, the outputs of the layer."""
        return self.outputs(self.rows)

    @cached_property
    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices (n, count) and distances (n, count), nearest first."""
        return nearest_others(self.points, self.count)

    @cached_property
    def outlying(self) -> np.ndarray:
        """(n,) mean distance to the nearest images of the same class, relative to the median of the class; NaN if that
        is 0."""
        distances = within_class(self.points, self.labels, self.count)
        found = np.full(len(distances), np.nan)
        for label in np.unique(self.labels):
            own = self.labels == label
            middle = np.nanmedian(distances[own]) if np.isfinite(distances[own]).any() else 0.0
            found[own] = distances[own] / middle if middle > 0 else np.nan
        return found

    @cached_property
    def disagreeing(self) -> np.ndarray:
        """(n,) share of the neighbours with another label."""
        places = self.neighbours[0]
        others = self.labels[places] != self.labels[:, None]
        return others.mean(axis=1) if places.shape[1] else np.zeros(len(places))

    @cached_property
    def probability(self) -> np.ndarray:
        """(n,) the predicted probability of the label of each image."""
        of_row = np.zeros(int(self.rows.max()) + 1, np.float32)
        for role, part in self.model.predictions.items():
            if role != "test" and part.labels is not None:
                kept = part.rows <= self.rows.max()
                of_row[part.rows[kept]] = part.probabilities[np.arange(len(part.rows)), part.labels][kept]
        return np.asarray(of_row[self.rows])

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """(n, units) float32, the outputs of the layer for data set rows."""
        return self.model.outputs(self.layer.name, rows).reshape(len(rows), -1)


def labelled(model: TrainedModel) -> tuple[np.ndarray, np.ndarray]:
    """Rows outside the test, ascending, and their roles."""
    parts = {role: part.rows for role, part in model.predictions.items() if role != "test"}
    rows = np.concatenate(list(parts.values()))
    roles = np.concatenate([np.full(len(own), role, dtype="U11") for role, own in parts.items()])
    order = np.argsort(rows, kind="stable")
    return rows[order], roles[order]


def compared_images(run: RunWithImages, name: str, count: int) -> ComparedImages:
    """The labelled images of a run, compared by the model of this name. count: neighbours of each image."""
    model = run.trained_models[name]
    rows, roles = labelled(model)
    if len(rows) > MOST:
        kept = np.isin(rows, random_rows(run.dataset, rows, MOST, SEED))
        rows, roles = rows[kept], roles[kept]
    return ComparedImages(model, rows, roles, run.dataset.labels[rows], count)
