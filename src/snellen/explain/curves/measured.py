"""The accuracy of one point of a curve, from the stored predictions of its networks."""

from __future__ import annotations

import numpy as np

from snellen.evaluate.networks import Networks, stacked
from snellen.evaluate.record import RunRecord
from snellen.explain.curves.comparisons import MeasuredPoint
from snellen.statistics.results import COVERS_IMAGES, COVERS_IMAGES_AND_SEEDS
from snellen.statistics.seed_intervals import MIN_SEEDS, recipe_mean
from snellen.statistics.wilson_interval import wilson_limits
from snellen.study.points import Point


def measured_point(record: RunRecord, point: Point, ranked: frozenset[str]) -> MeasuredPoint | None:
    """The accuracy of a point; None if none of its trainings succeeded.

    ranked: jobs that a search ranked by their validation accuracy. If a point has other networks, only these are used.
    """
    done = {seed: job for seed, job in point.seeds.items() if record.folder_of(job).is_done()}
    fresh = {seed: job for seed, job in done.items() if job not in ranked}
    searched, done = bool(done) and not fresh, fresh or done
    networks = stacked(record, done, "validation") if done else None
    if networks is None:
        return None
    right_SN = networks.per_image("accuracy").astype(bool)
    low, high, covers, deviation = interval_of(right_SN)
    return MeasuredPoint(
        point, right_SN, low, high, covers, deviation, float(np.mean(_seconds(record, networks))), done, searched
    )


def interval_of(right_SN: np.ndarray) -> tuple[float | None, float | None, str, float | None]:
    """Low, high, what the interval covers, and the standard deviation between networks (None for a single network)."""
    if len(right_SN) < MIN_SEEDS:
        return *wilson_limits(int(right_SN.sum()), right_SN.shape[1]), COVERS_IMAGES, None
    mean = recipe_mean(right_SN)
    low, high = (None if end is None else min(1.0, max(0.0, end)) for end in (mean.low, mean.high))
    return low, high, COVERS_IMAGES_AND_SEEDS, mean.deviation


def _seconds(record: RunRecord, networks: Networks) -> list[float]:
    results = (record.folder_of(job).read_result() for job in networks.jobs)
    return [result.seconds for result in results if result is not None]
