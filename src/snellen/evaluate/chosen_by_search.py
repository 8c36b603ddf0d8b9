"""Models whose first network a search chose by its score on the validation images: what can be said of it there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.record import RunRecord
from snellen.evaluate.search_results import Stored, stored_searches
from snellen.search.stored import Trial
from snellen.statistics.out_of_bag_bootstrap import out_of_bag
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED


@dataclass(frozen=True, eq=False)
class Chosen:
    """seeds: of the networks that the search scored. out_of_bag_N: of each validation image, how often what the search
    chooses without it is right; None where trials were stopped early (they were chosen from too), or where trials are
    means over several networks."""

    seeds: frozenset[int]
    out_of_bag_N: np.ndarray | None


def chosen_by_search(record: RunRecord, models: Iterable[str]) -> dict[str, Chosen]:
    """Of the models that a search chose from at least two networks, by name."""
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
    """The places of the networks that stand for a model on the validation images: all where no search ranked it by
    them; those that it did not rank, where the first is one of them or they are enough for a recipe; else None."""
    places = [place for place, seed in enumerate(seeds) if chosen is None or seed not in chosen.seeds]
    return places if places[:1] == [0] or len(places) >= MIN_SEEDS_COMPARED else None


def ranked_by_search(record: RunRecord, model: str) -> frozenset[str]:
    """The jobs that a search of a model ranked by the validation images; none where it had nothing to choose from."""
    stored = stored_searches(record).get(model)
    trials = stored.searched.trials if stored else ()
    return frozenset(job for trial in trials for job in trial.jobs) if len(trials) > 1 else frozenset()


def _right_out_of_bag(stored: Stored, candidates: Sequence[Trial]) -> np.ndarray:
    """(N,): the search's own measure chooses, right answers are counted."""
    scores = np.stack([stored.each(trial) for trial in candidates])
    right = np.stack([stored.each(trial, "accuracy") for trial in candidates])
    return out_of_bag(scores, right).scores_N
