"""Models that a search chose by their score on the validation images, and how they can be compared on these images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.record import RunRecord
from snellen.evaluate.stored_search import StoredSearch, stored_searches
from snellen.search.stored import Trial
from snellen.statistics.out_of_bag_bootstrap import out_of_bag
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED


@dataclass(frozen=True, eq=False)
class Chosen:
    """seeds: seeds of the networks that the search scored. out_of_bag_N: for each validation image, how often the
    network that the search chooses without it is right; None if trials were stopped early, because these were
    candidates too, or if trials are means over several networks."""

    seeds: frozenset[int]
    out_of_bag_N: np.ndarray | None


def chosen_by_search(record: RunRecord, models: Iterable[str]) -> dict[str, Chosen]:
    """The models that a search chose from at least two networks, by name."""
    found = {}
    for model, stored in stored_searches(record).items():
        trials, candidates = stored.searched.trials, stored.candidates()
        cut = any(trial.cut for trial in trials)
        if model not in models or (len(candidates) < 2 and not cut):
            continue
        trained = {job for trial in trials for job in trial.jobs}
        seeds = frozenset(seed for seed, job in record.planned[model].seeds.items() if job in trained)
        known = not cut and all(len(trial.jobs) == 1 for trial in candidates)
        found[model] = Chosen(seeds, _right_out_of_bag(stored, candidates) if known else None)
    return found


def unranked(seeds: Sequence[int], chosen: Chosen | None) -> list[int] | None:
    """The indices of the networks that represent a model on the validation images: those that no search ranked by these
    images, if the first network is among them or they are enough for a recipe; else None."""
    places = [place for place, seed in enumerate(seeds) if chosen is None or seed not in chosen.seeds]
    return places if places[:1] == [0] or len(places) >= MIN_SEEDS_COMPARED else None


def ranked_by_search(record: RunRecord, model: str) -> frozenset[str]:
    """The jobs that the search of a model ranked by the validation images; empty if there was only one trial."""
    stored = stored_searches(record).get(model)
    trials = stored.searched.trials if stored else ()
    return frozenset(job for trial in trials for job in trial.jobs) if len(trials) > 1 else frozenset()


def folds_were_ranked(record: RunRecord, model: str) -> bool:
    """Whether a search ranked the networks of the folds themselves, by their mean over folds."""
    return not ranked_by_search(record, model).isdisjoint(fold.job for fold in record.planned[model].folds)


def _right_out_of_bag(stored: StoredSearch, candidates: Sequence[Trial]) -> np.ndarray:
    """(N,) shares of right answers; the measure of the search chooses."""
    scores = np.stack([stored.per_image(trial) for trial in candidates])
    right = np.stack([stored.per_image(trial, "accuracy") for trial in candidates])
    return out_of_bag(scores, right).scores_N
