"""The exploration of a run's data: pixel statistics, correlations, and the variation within each class, by role.

Stored once for each split of the data; the labels of the test are not used. Its page: report/pages/explored_data.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.inspect.class_images import mean_images, random_rows
from snellen.data.inspect.class_spread import squared_distances
from snellen.data.inspect.pixel_statistics import channel_histograms, correlation
from snellen.data.inspect.pixel_table import counted_rows, pixel_table
from snellen.data.splits.roles import ROLES
from snellen.evaluate.record import RunRecord
from snellen.explain.analysis_result import AnalysisResult, load_result, save_result
from snellen.files import hashes
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.statistics.mean_intervals import mean_limits

VERSION = 1
"""Increased when the numbers for the same data change."""

CORRELATED_PIXELS = 1_024
"""The most pixels whose correlations are drawn, those of 32 x 32. Larger images are divided into blocks."""
CORRELATED_IMAGES = 10_000
SEED = 0

STEPS = 50
"""Steps of the stored correlations from 0 to 1."""
CONSTANT = 255
"""The stored correlation of a constant pixel."""


class RoleValues(TypedDict):
    """The pixels of a role. images: number of images of the role; counted: those that the numbers are computed from.
    values: see PixelTable.all."""

    role: str
    images: int
    counted: int
    values: dict[str, float]


class ClassSpread(TypedDict):
    """The variation within a class, relative to the distance from black to white, see `squared_distances`. None for
    fewer than two images; limits are None for fewer than three."""

    images: int
    spread: float | None
    low: float | None
    high: float | None


class ExplorationFacts(TypedDict):
    """All facts. edges, shares: the histogram of the training pixels of each channel. blocks, block_pixels, correlated,
    constant: those of the stored correlations, see PixelCorrelation; constant: number of constant blocks."""

    roles: list[RoleValues]
    edges: list[float]
    shares: list[list[float]]
    blocks: list[int]
    block_pixels: int
    correlated: int
    constant: int
    spread: list[ClassSpread]


def make_exploration(dataset: Dataset, rows: Mapping[str, np.ndarray]) -> AnalysisResult:
    """The exploration, from rows by role. Only the training rows need labels."""
    train = counted_rows(dataset, rows["train"])
    table = pixel_table(dataset, train)
    values: list[RoleValues] = []
    for role, own in rows.items():
        counted = train if role == "train" else counted_rows(dataset, own)
        spreads = table if role == "train" else pixel_table(dataset, counted)
        values.append({"role": role, "images": len(own), "counted": len(counted), "values": spreads.all})
    histograms = channel_histograms(dataset, train, table.all["least"], table.all["greatest"])
    drawn = random_rows(dataset, train, CORRELATED_IMAGES, SEED)
    with np.errstate(invalid="ignore"):
        related = correlation(dataset, drawn, CORRELATED_PIXELS, dataset.unsealed_labels(drawn))
    facts: ExplorationFacts = {
        "roles": values,
        "edges": histograms.edges.tolist(),
        "shares": (histograms.counts / histograms.counts.sum(axis=1, keepdims=True)).tolist(),
        "blocks": list(related.blocks),
        "block_pixels": related.block_pixels,
        "correlated": related.images,
        "constant": int(np.isnan(related.matrix.diagonal())[1:].sum()),
        "spread": [_spread(squares) for squares in squared_distances(dataset, rows["train"])],
    }
    tables = {} if table.pixels is None else {"pixels": _with_labels(table.pixels, dataset, train)}
    return AnalysisResult(dict(facts), tables, {"correlation": _in_steps(related.matrix)})


def _spread(squares: np.ndarray) -> ClassSpread:
    if not len(squares):
        return {"images": len(squares), "spread": None, "low": None, "high": None}
    low, high = mean_limits(squares) or (None, None)
    return {
        "images": len(squares),
        "spread": sqrt(squares.mean()),
        "low": None if low is None else sqrt(max(0.0, low)),
        "high": None if high is None else sqrt(max(0.0, high)),
    }


def _with_labels(table: pl.DataFrame, dataset: Dataset, rows: np.ndarray) -> pl.DataFrame:
    """The table of pixels, with the correlation of each with the number of the class, and the share of its variance
    that lies between the classes (the correlation ratio, squared); null for a constant pixel."""
    codes = dataset.unsealed_labels(rows)
    weights = np.bincount(codes, minlength=len(dataset.classes)) / len(codes)
    means = np.nan_to_num(mean_images(dataset, rows).reshape(len(weights), -1).astype(np.float64))
    numbers = np.arange(len(weights)) - codes.mean()
    differences = means - weights @ means
    deviations = table["deviation"].to_numpy()
    constant = (table["least"] == table["greatest"]).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.clip(weights @ differences**2 / deviations**2, 0, 1)
        related = np.clip((weights * numbers) @ differences / (deviations * codes.std()), -1, 1)
    found = {"between_classes": between, "correlation_with_label": related}
    columns = [pl.Series(name, np.where(constant, np.nan, values)).fill_nan(None) for name, values in found.items()]
    return table.with_columns(columns)


def _in_steps(matrix: np.ndarray) -> np.ndarray:
    """(n, n) uint8: 0 for -1, STEPS for 0, 2 STEPS for 1; CONSTANT for undefined correlations."""
    steps = np.round(np.nan_to_num(matrix) * STEPS) + STEPS
    return np.where(np.isnan(matrix), CONSTANT, steps).astype(np.uint8)


def explore_data(record: RunRecord, dataset: Dataset, rows: Mapping[str, np.ndarray]) -> None:
    """Makes and stores the exploration of a run, unless it is stored already. The test is included once it was
    opened."""
    if stored_exploration(record) is not None:
        return
    used = {role: rows[role] for role in ROLES if len(rows[role]) and (role != "test" or _is_opened(record))}
    folder = _folder(record)
    hashes.release(record.folder, hashes.below(folder))
    save_result(folder, make_exploration(dataset, used), _identity(record))
    hashes.note(record.folder, hashes.below(folder))


def stored_exploration(record: RunRecord) -> AnalysisResult | None:
    """The stored exploration of the run's data, or None."""
    return load_result(_folder(record), _identity(record))


def _folder(record: RunRecord) -> Path:
    return inside(record.folder, "analyses", "study", f"exploration-{identity(_identity(record))[:8]}")


def _identity(record: RunRecord) -> dict[str, Any]:
    data = record.data
    return {
        "exploration": VERSION,
        "data": data["data"]["fingerprint"],
        "roles": identity(data["roles"]),
        "test": _is_opened(record),
    }


def _is_opened(record: RunRecord) -> bool:
    tested = (record.folder_of(record.planned[model].tested[0]) for model in record.done)
    return any(job.predictions_path("test").exists() for job in tested)
