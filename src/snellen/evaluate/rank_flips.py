"""Two models in accuracy, macro F1 and loss: whether their order depends on the measure, and whether significantly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from snellen.evaluate.chosen_by_search import Chosen, chosen_by_search, folds_were_ranked, unranked
from snellen.evaluate.cross_validation import HELD_OUT, HeldOut, shared
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.pair_differences import Side, difference
from snellen.evaluate.record import RunRecord
from snellen.metrics.scores import METRICS
from snellen.statistics.average_differences import average_limits_between
from snellen.statistics.corrected_resampled_t import fold_limits
from snellen.statistics.levels import CONFIDENCE, SIGNIFICANT
from snellen.statistics.mean_intervals import paired_mean
from snellen.statistics.results import Limits
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, recipe_limits

MEASURES = ("accuracy", "macro_f1", "loss")


@dataclass(frozen=True)
class MeasureDifference:
    """a, b: the measure of each side, mean over its seeds or folds. value, low, high: A minus B, with its interval;
    limits are None if there is no interval, also for a side that was chosen by these images."""

    a: float
    b: float
    value: float
    low: float | None
    high: float | None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether 0 is outside the interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Flip:
    """The measures by which A is first, and those by which B is first. beyond_noise: whether the interval of some
    measures on either side excludes 0; then only these measures are listed."""

    a_first: tuple[str, ...]
    b_first: tuple[str, ...]
    beyond_noise: bool


@dataclass(frozen=True)
class RunFlip:
    """Two models of one run. role: of the images. confidence: of each interval."""

    a: str
    b: str
    role: str
    images: int
    confidence: float
    measures: Mapping[str, MeasureDifference]
    flip: Flip


def measured(a: Networks, b: Networks, judged: bool, confidence: float = CONFIDENCE) -> dict[str, MeasureDifference]:
    """The differences by measure of two models on the same images: between recipes if both have at least three seeds,
    else between the first networks. judged: False if a side was chosen by these images; then there are no intervals."""
    recipes = min(len(a.seeds), len(b.seeds)) >= MIN_SEEDS_COMPARED
    found = {}
    for measure in MEASURES:
        one, other = (each.values(measure) for each in (a, b))
        if not recipes:
            one, other = one[:1], other[:1]
        low, high = _limits(a, b, measure, recipes, confidence) if judged else (None, None)
        value = float(one.mean() - other.mean())
        found[measure] = MeasureDifference(float(one.mean()), float(other.mean()), value, low, high)
    return found


def measured_over_folds(
    a: HeldOut, b: HeldOut, judged: bool, confidence: float = CONFIDENCE
) -> dict[str, MeasureDifference]:
    """The differences by measure over the same splits, with the corrected resampled t test."""
    found = {}
    for measure in MEASURES:
        one, other = a.values(measure), b.values(measure)
        limits = fold_limits(one, other, a.num_train, a.num_held_out)
        low, high = (limits.at(confidence) if judged else None) or (None, None)
        found[measure] = MeasureDifference(float(one.mean()), float(other.mean()), limits.value, low, high)
    return found


def flip_of(measures: Mapping[str, MeasureDifference]) -> Flip | None:
    """The flip of the order; None if the measures agree, or do not separate the two models."""
    for beyond in (True, False):
        first: dict[bool, list[str]] = {True: [], False: []}
        for name, one in measures.items():
            if one.value != 0 and (one.is_beyond_noise or not beyond):
                first[(one.value > 0) == METRICS[name].higher_is_better].append(name)
        if first[True] and first[False]:
            return Flip(tuple(first[True]), tuple(first[False]), beyond)
    return None


def flips_of_run(record: RunRecord, ranked: Sequence[str], opened: Sequence[str]) -> Iterator[RunFlip]:
    """The pairs of the chosen model with another one whose order flips: on the test if both were evaluated there, else
    over folds, else on validation. Intervals hold for all pairs of models together (Bonferroni). Models that a search
    chose by these images are left out."""
    if len(ranked) < 2:
        return
    confidence = 1 - SIGNIFICANT / len([*combinations(ranked, 2)])
    folds = shared(record, ranked) if record.study.folds else {}
    chosen = chosen_by_search(record, ranked)
    for other in ranked[1:]:
        pair = (ranked[0], other)
        if set(pair) <= {*opened}:
            found = _on_images("test", [networks_on(record, model, "test") for model in pair], confidence)
        elif folds:
            found = None
            if not any(folds_were_ranked(record, model) for model in pair):
                a, b = (folds[model] for model in pair)
                found = HELD_OUT, len(a.pooled()), measured_over_folds(a, b, True, confidence)
        else:
            sides = [_unranked(record, model, chosen.get(model)) for model in pair]
            found = _on_images("validation", sides, confidence)
        if found is not None and (flip := flip_of(found[2])):
            role, images, measures = found
            yield RunFlip(*pair, role, images, confidence, measures, flip)


def _on_images(
    role: str, sides: Sequence[Networks | None], confidence: float
) -> tuple[str, int, dict[str, MeasureDifference]] | None:
    a, b = sides
    if a is None or b is None:
        return None
    return role, len(a.rows), measured(a, b, True, confidence)


def _unranked(record: RunRecord, model: str, chosen: Chosen | None) -> Networks | None:
    """The networks of a model on validation that no search ranked by these images; None without such networks."""
    networks = networks_on(record, model, "validation")
    places = unranked(networks.seeds, chosen) if networks else None
    return networks.only(places) if networks and places is not None else None


def _limits(
    a: Networks, b: Networks, measure: str, recipes: bool, confidence: float
) -> tuple[float, float] | tuple[None, None]:
    metric, none = METRICS[measure], (None, None)
    limits: Limits
    if metric.average is not None:
        answers = [np.stack([each.predicted for each in side.all]) for side in (a, b)]
        classes = a.all[0].probabilities.shape[1]
        limits = average_limits_between(a.labels, answers[0], answers[1], classes, *metric.average, recipes)
    elif metric.is_fraction_of_images:
        sides = [Side(each.per_image(measure).astype(bool)) for each in (a, b)]
        limits = difference(*sides).limits
    elif all(each.per_image("accuracy").all() for each in (a, b)):
        return none  # the losses of wrong answers are unknown
    elif recipes:
        limits = recipe_limits(a.per_image(measure), b.per_image(measure))
    else:
        found = paired_mean(a.per_image(measure)[0], b.per_image(measure)[0], confidence)
        return (found.low, found.high) if found.low is not None and found.high is not None else none
    return limits.at(confidence) or none
