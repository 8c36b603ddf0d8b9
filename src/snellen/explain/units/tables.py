"""The tables of the units: what is claimed about each unit and class, and further numbers of each unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from snellen.explain.units.ablation import Ablation
from snellen.explain.units.activation_maximisation import Maximal
from snellen.explain.units.detectable_loss import detectable_losses
from snellen.explain.units.layer import Readings
from snellen.explain.units.selectivity import Selectivity
from snellen.statistics.wilson_interval import wilson

SELECTIVE_AREA = 0.8
"""A unit is selective for a class if the whole interval of its area is above this and its corrected p-value is
significant. A p-value alone is not enough: with thousands of images nearly all units are significant."""
FALSE_DISCOVERIES = 0.05
DUPLICATE = 0.99
"""Correlation of activations above which a unit is called a duplicate of an earlier one."""
NEAREST = 3


@dataclass(frozen=True, eq=False)
class UnitMeasures:
    """Selectivity and ablations. selective_p, needed_p, used_p: (U, K), each corrected over all units and classes.

    role, images: on which they were measured. ablated, per_class (K,): images on which units were silenced, in total
    and of each class.
    """

    selectivity: Selectivity
    by_mean: Ablation
    by_zero: Ablation
    selective_p: np.ndarray
    needed_p: np.ndarray
    used_p: np.ndarray
    role: str
    images: int
    ablated: int
    per_class: np.ndarray

    @property
    def detectable(self) -> np.ndarray:
        """(K,): the smallest loss of recall that would have been detected, see `detectable_losses`."""
        return detectable_losses(self.by_mean.changed, ~self.needed, self.per_class, FALSE_DISCOVERIES)

    @property
    def selective(self) -> np.ndarray:
        """(U, K) bool: the unit separates the class well from the rest."""
        return np.asarray((self.selective_p < FALSE_DISCOVERIES) & (self.selectivity.low > SELECTIVE_AREA))

    @property
    def needed(self) -> np.ndarray:
        """(U, K) bool: without the unit the class loses recall, and not only because it is predicted less often
        overall."""
        return np.asarray((self.needed_p < FALSE_DISCOVERIES) & (self.by_mean.recall < 0))

    @property
    def used(self) -> np.ndarray:
        """(U, K) bool: without the unit the class loses probability, and its images lose more of it than others do."""
        return np.asarray((self.used_p < FALSE_DISCOVERIES) & (self.by_mean.probability < 0))


def units_table(
    training: Readings, evaluation: Readings, measures: UnitMeasures, highest: Maximal, touching: np.ndarray
) -> pl.DataFrame:
    """One row per unit; activations are from training images. touching: (U, K, K), whether the boxes of two classes
    overlap."""
    selective, lost, activation = measures.selectivity, measures.by_mean, training.activation
    dead = np.ptp(np.concatenate([activation, evaluation.activation]), axis=0) <= 1e-7 * np.abs(activation).max(0)
    correlation = correlations(activation)
    nearest = np.argsort(-np.abs(correlation), axis=1, kind="stable")[:, : min(NEAREST, len(correlation) - 1)]
    low, high = wilson(selective.active, selective.images)
    names = np.arange(len(dead))
    return pl.DataFrame(
        {
            "unit": names,
            "dead": dead,
            "duplicate_of": [_original(correlation, int(unit)) for unit in names],
            "selective_classes": measures.selective.sum(1),
            "needed_by_classes": measures.needed.sum(1),
            "used_by_classes": measures.used.sum(1),
            "information_bits": selective.information,
            "active_share": selective.active / selective.images,
            "active_low": low,
            "active_high": high,
            "mean": activation.mean(0, dtype=np.float64),
            "deviation": activation.std(0, dtype=np.float64),
            "minimum": activation.min(0),
            "maximum": activation.max(0),
            "peak": training.peak.max(0),
            "separate_pairs": (~touching).sum((1, 2)) // 2,
            "accuracy_change": lost.accuracy,
            "accuracy_low": lost.accuracy_low,
            "accuracy_high": lost.accuracy_high,
            "drive": highest.reached.max(1),
            "drive_spread": np.ptp(highest.reached, axis=1),
            "nearest": nearest.tolist(),
            "nearest_correlation": np.take_along_axis(correlation, nearest, 1).tolist(),
        },
        schema_overrides={"duplicate_of": pl.Int64, "nearest": pl.List(pl.Int64)},
    )


def correlations(activation_NU: np.ndarray) -> np.ndarray:
    """(U, U) correlations; 0 on the diagonal and for constant units."""
    centred = activation_NU - activation_NU.mean(0, dtype=np.float64)
    length = np.sqrt((centred**2).sum(0))
    scaled = centred / np.where(length > 0, length, 1)
    found: np.ndarray = scaled.T @ scaled
    np.fill_diagonal(found, 0)
    return found


def _original(correlation: np.ndarray, unit: int) -> int | None:
    """The first earlier unit of which this one is a duplicate."""
    same = np.flatnonzero(correlation[unit, :unit] > DUPLICATE)
    return int(same[0]) if len(same) else None


def classes_table(measures: UnitMeasures, overlap: np.ndarray, classes: tuple[str, ...]) -> pl.DataFrame:
    """One row per unit and class. overlap: (U, K, K); its mean over the other classes is `box_overlap`."""
    num_units = len(overlap)
    others = overlap.copy()
    others[:, np.arange(len(classes)), np.arange(len(classes))] = np.nan
    known = (~np.isnan(others)).sum(2)
    columns: dict[str, np.ndarray] = {
        **{name: getattr(measures.selectivity, name) for name in ("area", "low", "high", "p")},
        "p_corrected": measures.selective_p,
        "selective": measures.selective,
        "box_overlap": np.divide(np.nansum(others, 2), known, where=known > 0, out=np.full(known.shape, np.nan)),
        **_ablation_columns("mean", measures.by_mean),
        "needed_p_corrected": measures.needed_p,
        "needed": measures.needed,
        "used_p_corrected": measures.used_p,
        "used": measures.used,
        **_ablation_columns("zero", measures.by_zero),
    }
    head = {"unit": np.repeat(np.arange(num_units), len(classes)), "class": list(classes) * num_units}
    table = pl.DataFrame(head | {name: values.ravel() for name, values in columns.items()})
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _ablation_columns(instead: str, found: Ablation) -> dict[str, np.ndarray]:
    names = ("recall", "recall_low", "recall_high", "probability", "probability_low", "probability_high")
    changes = {f"{instead}_{name}": getattr(found, name) for name in names}
    return changes | {f"{instead}_recall_p": found.recall_cost_p, f"{instead}_probability_p": found.probability_cost_p}
