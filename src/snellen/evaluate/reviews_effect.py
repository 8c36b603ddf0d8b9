"""The effect of label reviews on the score: the same models with and without them, on the same, unchanged test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.evaluate.model_scores import recipe_scores
from snellen.evaluate.networks import Networks, networks_on, stacked
from snellen.evaluate.pair_differences import PairDifference, Side, difference
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate, score
from snellen.files.stored import read_as
from snellen.train.results import Result

FILE = "reviewed.json"


@with_config(ConfigDict(extra="allow", strict=True))
class ReviewedFile(TypedDict):
    """reviewed.json. unreviewed: by model and seed, the jobs that were trained without the reviews."""

    unreviewed: dict[str, dict[Annotated[str, Field(pattern=r"^[0-9]{1,10}$")], str]]


_KIND = TypeAdapter(ReviewedFile)


@dataclass(frozen=True)
class ReviewsEffect:
    """The accuracy on the test of a model with the reviews, without them, and the difference: for recipes, or for the
    first networks."""

    model: str
    with_reviews: Estimate
    without: Estimate
    change: PairDifference


def unreviewed_jobs(record: RunRecord) -> dict[str, dict[int, str]]:
    """The jobs by model and seed; empty for a run without reviews."""
    path = record.folder / FILE
    if record.study.data.reviews is None or not path.exists():
        return {}
    found = read_as(_KIND, path)["unreviewed"]
    return {model: {int(seed): job for seed, job in jobs.items()} for model, jobs in found.items()}


def reviews_effects(record: RunRecord) -> list[ReviewsEffect]:
    """The effect for each model that was evaluated on the test with and without the reviews."""
    found = []
    for model, jobs in unreviewed_jobs(record).items():
        after = networks_on(record, model, "test") if model in record.done else None
        before = stacked(record, jobs, "test") if _are_done(record, jobs) else None
        if after is not None and before is not None and np.array_equal(after.rows, before.rows):
            change = difference(_side(after), _side(before))
            of_one = change.kind != "recipes"
            with_reviews, without = (_accuracy(record, networks, of_one) for networks in (after, before))
            found.append(ReviewsEffect(model, with_reviews, without, change))
    return found


def failed_without(record: RunRecord) -> list[str]:
    """The models that were evaluated on the test, but cannot be compared because their training without the reviews
    failed."""
    return [
        model for model, jobs in unreviewed_jobs(record).items() if model in record.done and not _are_done(record, jobs)
    ]


def _are_done(record: RunRecord, jobs: Mapping[int, str]) -> bool:
    results: list[Result | None] = [record.folder_of(job).read_result() for job in jobs.values()]
    return all(result is not None and result.status == "done" for result in results)


def _side(networks: Networks) -> Side:
    return Side(networks.per_image("accuracy").astype(bool))


def _accuracy(record: RunRecord, networks: Networks, of_one: bool) -> Estimate:
    scores = score(networks.all[0], record.classes) if of_one else recipe_scores(networks)
    return next(each.estimate for each in scores if each.measure == "accuracy" and each.class_name is None)
