"""The stored searches of a run: their trials, and the predictions of their networks for each image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.evaluate.record import RunRecord
from snellen.metrics.scores import METRICS
from snellen.search.stored import SearchFile, SearchOutcome, Trial


@dataclass(frozen=True, eq=False)
class StoredSearch:
    """A search stored in the run."""

    record: RunRecord
    model: str
    file: SearchFile
    searched: SearchOutcome

    @cached_property
    def ended(self) -> dict[int, Trial]:
        """The trials whose networks were all trained to their end, by number; without those that this search stopped
        early and another one continued."""
        of, trials = self.record.folder_of, self.searched.trials
        return {one.number: one for one in trials if not one.cut and all(of(job).is_done() for job in one.jobs)}

    @property
    def promotions(self) -> int:
        """The number of times that a trial was continued."""
        trials = [request.trial for done in self.file.rounds for request in done.requests]
        return len(trials) - len(set(trials))

    def per_image(self, trial: Trial, measure: str | None = None) -> np.ndarray:
        """(N,) a measure at each validation image, its mean over the networks of the trial; higher is better. None: the
        measure by which the search chose."""
        measure = measure or self.searched.objective
        rows, values = [], []
        for job in trial.jobs:
            stored = self.record.folder_of(job).labelled("validation")
            of = METRICS[measure].per_image
            assert stored.labels is not None and of is not None  # of `labelled`; accuracy and loss are means
            rows.append(stored.rows)
            values.append(np.asarray(of(stored.labels, stored.probabilities), np.float64))
        _, inverse, counts = np.unique(np.concatenate(rows), return_inverse=True, return_counts=True)
        mean = np.bincount(inverse, np.concatenate(values)) / counts
        return mean if METRICS[measure].higher_is_better else -mean

    def network(self, trial: Trial) -> tuple[tuple[str, int], ...]:
        """The kept epochs and trajectories of a trial. Trials for which they are equal are one candidate."""
        found = []
        for job in trial.jobs:
            folder = self.record.folder_of(job)
            result = folder.read_result()
            found.append((folder.read_job().trajectory.id, result.kept_epoch if result else 0))
        return tuple(found)

    def candidates(self) -> list[Trial]:
        """The different networks trained to their end; of equal ones the first."""
        found: dict[tuple[tuple[str, int], ...], Trial] = {}
        for trial in self.ended.values():
            found.setdefault(self.network(trial), trial)
        return list(found.values())


def stored_searches(record: RunRecord) -> dict[str, StoredSearch]:
    """Every finished search of the run, by model; without models whose training failed."""
    found = {}
    for model, written in record.study.models.items():
        file = record.search_of(model) if written.search is not None and model in record.done else None
        if file is not None and file.outcome is not None:
            found[model] = StoredSearch(record, model, file, file.outcome)
    return found
