"""What the look at the data stands on: labelled images outside the test, what a layer gives for them, neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.data.inspect.class_images import random_rows
from snellen.explain.analysis_inputs import RunWithImages, TrainedModel
from snellen.explain.data.nearest_neighbours import nearest_others, within_class
from snellen.explain.last_layer import LastLayer

MOST = 60_000
"""Labelled images that are compared with each other: half a minute; of more so many are drawn by lot."""
SEED = 0


@dataclass(frozen=True, eq=False)
class ComparedImages:
    """Rows with known labels outside the test, what the layer gives for them, and their neighbours.

    rows: (n,) ascending. roles: (n,) text. labels: (n,). count: neighbours of each.
    """

    model: TrainedModel
    rows: np.ndarray
    roles: np.ndarray
    labels: np.ndarray
    count: int

    @cached_property
    def layer(self) -> LastLayer:
        """What tells what is alike."""
        return LastLayer(self.model)

    @cached_property
    def points(self) -> np.ndarray:
        """(n, units) float32."""
        return self.flat(self.rows)

    @cached_property
    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Places (n, count) and distances (n, count), nearest first."""
        return nearest_others(self.points, self.count)

    @cached_property
    def outlying(self) -> np.ndarray:
        """(n,) distance to the nearest of the own class over the median of the class; NaN without a spread."""
        distances = within_class(self.points, self.labels, self.count)
        found = np.full(len(distances), np.nan)
        for label in np.unique(self.labels):
            own = self.labels == label
            middle = np.nanmedian(distances[own]) if np.isfinite(distances[own]).any() else 0.0
            found[own] = distances[own] / middle if middle > 0 else np.nan
        return found

    @cached_property
    def disagreeing(self) -> np.ndarray:
        """(n,) share of the neighbours that have another label."""
        places = self.neighbours[0]
        others = self.labels[places] != self.labels[:, None]
        return others.mean(axis=1) if places.shape[1] else np.zeros(len(places))

    @cached_property
    def probability(self) -> np.ndarray:
        """(n,) what the network gives the label of each image."""
        of_row = np.zeros(int(self.rows.max()) + 1, np.float32)
        for role, part in self.model.predictions.items():
            if role != "test" and part.labels is not None:
                kept = part.rows <= self.rows.max()
                of_row[part.rows[kept]] = part.probabilities[np.arange(len(part.rows)), part.labels][kept]
        return np.asarray(of_row[self.rows])

    def flat(self, rows: np.ndarray) -> np.ndarray:
        """(n, units) float32, what the layer gives for rows."""
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
