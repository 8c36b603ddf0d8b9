"""What the look at the data stands on: labelled images outside the test, what a layer gives for them, neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.data.inspect.class_images import random_rows
from snellen.explain.data.neighbours import nearest_others, within_class
from snellen.explain.last_layer import LastLayer
from snellen.explain.subject import Scene, Subject

MOST = 60_000
"""Labelled images that are compared with each other: half a minute; of more so many are drawn by lot."""
SEED = 0


@dataclass(frozen=True, eq=False)
class Ground:
    """Rows with known labels outside the test, what the layer gives for them, and their neighbours.

    rows: (n,) ascending. roles: (n,) text. labels: (n,). count: neighbours of each.
    """

    subject: Subject
    rows: np.ndarray
    roles: np.ndarray
    labels: np.ndarray
    count: int

    @cached_property
    def layer(self) -> LastLayer:
        """What tells what is alike."""
        return LastLayer(self.subject)

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
        for role, part in self.subject.parts.items():
            if role != "test" and part.labels is not None:
                kept = part.rows <= self.rows.max()
                of_row[part.rows[kept]] = part.probabilities[np.arange(len(part.rows)), part.labels][kept]
        return np.asarray(of_row[self.rows])

    def flat(self, rows: np.ndarray) -> np.ndarray:
        """(n, units) float32, what the layer gives for rows."""
        return self.subject.outputs(self.layer.name, rows).reshape(len(rows), -1)


def labelled(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Rows outside the test, ascending, and their roles."""
    parts = {role: part.rows for role, part in subject.parts.items() if role != "test"}
    rows = np.concatenate(list(parts.values()))
    roles = np.concatenate([np.full(len(own), role, dtype="U11") for role, own in parts.items()])
    order = np.argsort(rows, kind="stable")
    return rows[order], roles[order]


def ground_of(scene: Scene, model: str, count: int) -> Ground:
    """For one model of a run."""
    subject = scene.subjects[model]
    rows, roles = labelled(subject)
    if len(rows) > MOST:
        kept = np.isin(rows, random_rows(scene.dataset, rows, MOST, SEED))
        rows, roles = rows[kept], roles[kept]
    return Ground(subject, rows, roles, scene.dataset.labels[rows], count)
