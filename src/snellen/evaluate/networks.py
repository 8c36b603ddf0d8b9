"""The predictions of several networks of one model, trained with different seeds, for the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.errors import RunError
from snellen.evaluate.record import RunRecord
from snellen.metrics.scores import METRICS
from snellen.models.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Networks:
    """by_seed: the predictions of each of S >= 1 networks for the same N >= 1 labelled images; first the network that
    represents the model. jobs: in the same order."""

    by_seed: Mapping[int, Predictions]
    jobs: tuple[str, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the networks."""
        return tuple(self.by_seed)

    @property
    def all(self) -> list[Predictions]:
        """The predictions, in the order of the seeds."""
        return list(self.by_seed.values())

    @property
    def labels(self) -> np.ndarray:
        """(N,) int64, the true classes."""
        labels = self.all[0].labels
        assert labels is not None  # checked by `stacked`
        return labels

    @property
    def rows(self) -> np.ndarray:
        """(N,) int64, rows of the data set."""
        return self.all[0].rows

    def at(self, places: np.ndarray) -> Networks:
        """The same networks on these images only."""
        return Networks({seed: each.at(places) for seed, each in self.by_seed.items()}, self.jobs)

    def only(self, networks: Sequence[int]) -> Networks:
        """Some of the networks, by their indices."""
        seeds = [self.seeds[place] for place in networks]
        return Networks({seed: self.by_seed[seed] for seed in seeds}, tuple(self.jobs[place] for place in networks))

    def per_image(self, measure: str) -> np.ndarray:
        """(S, N) the measure of every network at every image, for measures that are means over images."""
        of = METRICS[measure].per_image
        if of is None:
            raise ValueError(f"{measure} is no mean over images")
        return np.stack([of(self.labels, one.probabilities) for one in self.all])

    def values(self, measure: str) -> np.ndarray:
        """(S,): the measure of each network."""
        return np.array([METRICS[measure].function(self.labels, one.probabilities) for one in self.all])


def networks_on(record: RunRecord, model: str, role: str) -> Networks | None:
    """The networks of a model on a role: those of all seeds, on the test those that were evaluated there. Networks
    whose training failed are left out; None if that of the first seed failed, or nothing is labelled.
    """
    planned = record.planned[model]
    if role == "test" and planned.final:
        return stacked(record, {record.study.seed: planned.final[-1]}, role)
    return stacked(record, planned.seeds, role)


def stacked(record: RunRecord, jobs: Mapping[int, str], role: str) -> Networks | None:
    """The labelled predictions of jobs by seed; None where the first job has none. Raises RunError when two jobs
    predicted different images."""
    predictions = {seed: record.folder_of(job).read_predictions(role) for seed, job in jobs.items()}
    kept = {
        seed: each for seed, each in predictions.items() if each is not None and each.labels is not None and len(each)
    }
    first = next(iter(jobs))
    if first not in kept:
        return None
    for seed, each in kept.items():
        if not np.array_equal(each.rows, kept[first].rows):
            raise RunError("stored predictions are of other images", where=f"jobs/{jobs[seed]}", found=f"{len(each)}")
    return Networks(kept, tuple(jobs[seed] for seed in kept))
