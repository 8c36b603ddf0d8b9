"""The two signals of wrong labels: margins during training, and predictions of networks that were not trained on a
row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.evaluate.cross_validation import held_out
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.record import RunRecord
from snellen.train.margins import Margins

ROLES = ("train", "validation", "calibration")
"""The roles whose labels are judged together; the test has a separate list."""


@dataclass(frozen=True, eq=False)
class Signals:
    """The signals of N rows, in ascending order. roles: (N,) str; labels: (N,) int64. margins: (N,) float64, the mean
    over the epochs of all networks that were trained on a row; NaN without such networks. probabilities: (N, K)
    float64, the mean of the networks that were not trained on a row; NaN without such networks. folds: whether the
    probabilities are out of fold.
    """

    rows: np.ndarray
    roles: np.ndarray
    labels: np.ndarray
    margins: np.ndarray
    probabilities: np.ndarray
    folds: bool

    @property
    def have_margins(self) -> np.ndarray:
        """(N,) bool."""
        return np.asarray(np.isfinite(self.margins))

    @property
    def have_probabilities(self) -> np.ndarray:
        """(N,) bool."""
        return np.asarray(np.isfinite(self.probabilities[:, 0]))

    def of(self, which: np.ndarray) -> Signals:
        """The signals of some rows. which: (N,) bool."""
        rows, roles, labels = self.rows[which], self.roles[which], self.labels[which]
        return Signals(rows, roles, labels, self.margins[which], self.probabilities[which], self.folds)


def signals_of(record: RunRecord, model: str) -> Signals:
    """The signals of all labelled rows outside the test."""
    classes, images = len(record.classes), record.bounds.images
    roles, labels = np.full(images, "", "U11"), np.full(images, -1, np.int64)
    for role in ROLES:
        predictions = record.predictions(model, role)
        if predictions is not None and predictions.labels is not None:
            roles[predictions.rows], labels[predictions.rows] = role, predictions.labels
    sums, counts = np.zeros((images, classes)), np.zeros(images)
    folds = held_out(record, model)
    for networks in folds.splits.values() if folds is not None else ():
        _add(networks, sums, counts)
    for role in ROLES[1:]:
        found = networks_on(record, model, role)
        if found is not None and not counts[found.rows].any():
            _add(found, sums, counts)
    margins = _margins(record, model)
    rows = np.flatnonzero(labels >= 0)
    means = np.where(counts[rows, None] > 0, sums[rows] / np.maximum(counts[rows, None], 1), np.nan)
    return Signals(rows, roles[rows], labels[rows], margins[rows], means, folds is not None)


def test_signals(record: RunRecord, model: str) -> Signals | None:
    """The signals of the test rows, on which no network was trained; None unless the model was evaluated there."""
    found = networks_on(record, model, "test")
    if found is None:
        return None
    none, roles = np.full(len(found.rows), np.nan), np.full(len(found.rows), "test", "U11")
    means = np.mean([each.probabilities.astype(np.float64) for each in found.all], 0)
    return Signals(found.rows, roles, found.labels, none, means, False)


def margin_jobs(record: RunRecord, model: str) -> list[str]:
    """The jobs of a model that recorded margins."""
    folders = (record.folder_of(job) for job in sorted(record.planned[model].jobs))
    return [folder.path.name for folder in folders if folder.is_done() and folder.margins.exists()]


def _add(networks: Networks, sums: np.ndarray, counts: np.ndarray) -> None:
    for each in networks.all:
        sums[each.rows] += each.probabilities
        counts[each.rows] += 1


def _margins(record: RunRecord, model: str) -> np.ndarray:
    """(images,) the mean over all epochs of all networks; NaN for rows that no network was trained on."""
    sums, epochs = np.zeros(record.bounds.images), np.zeros(record.bounds.images)
    for job in margin_jobs(record, model):
        found = Margins.load(record.folder_of(job).margins, job)
        own = found.rows[found.rows < len(sums)]
        sums[own] += found.epochs * found.values[: len(own)].astype(np.float64)
        epochs[own] += found.epochs
    return np.asarray(np.where(epochs > 0, sums / np.maximum(epochs, 1), np.nan))
