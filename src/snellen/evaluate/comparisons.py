"""The comparisons of a report, fixed before any result is seen: every pair of models, every model and every baseline.

All of them are one family under one Holm correction: those on validation (or over folds) and, for models that the study
evaluates on test, the same pairs on test. The letter groups come from the former only; none of them chooses a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations, product
from typing import Any, TypedDict

import numpy as np

from snellen.evaluate.baselines import baseline_key, opened_baselines, ranked_baselines
from snellen.evaluate.chosen_by_search import Chosen, chosen_by_search, folds_were_ranked, unranked
from snellen.evaluate.cross_validation import HELD_OUT, shared
from snellen.evaluate.model_choice import choice
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.pair_differences import Kind, PairDifference, Side, detectable, differences, of_folds
from snellen.evaluate.record import RunRecord
from snellen.evaluate.verdicts import Verdict, equivalence_margin, verdict
from snellen.statistics.compact_letter_display import letter_groups, letters, split_letters
from snellen.statistics.holm import family
from snellen.statistics.hsu_comparison_with_best import WithBest, compare_with_best, confidence_of
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.power import (
    detectable_by_networks,
    images_for_networks,
    images_for_recipes,
    recipe_noise,
    seeds_for_recipes,
)
from snellen.statistics.results import Difference

Named = tuple[str, str, str]
"""A, B and the role."""


@dataclass(frozen=True)
class Comparison:
    """A against B in accuracy; baselines by their key. role: validation, held_out (over folds) or test. kind: see
    `pair_differences.Kind`. seeds: of the side with fewer; splits: the number of folds. adjusted_p: Holm's.
    simultaneous: limits of all comparisons of the report together (Bonferroni), which decide about the margin.

    detectable: the smallest difference that would be found with a probability of 80 %, for pairs with the first model
    that were not told apart; None where nothing varied. left_out: models whose network that a search ranked by these
    images was left out of the comparison.
    images_needed, seeds_needed: numbers with which the margin would be found with a probability of 80 %, the other one
    unchanged; None where it was not computed or no number suffices.
    """

    a: str
    b: str
    role: str
    kind: Kind
    images: int
    seeds: int
    splits: int | None
    difference: Difference
    adjusted_p: float
    verdict: Verdict
    simultaneous: tuple[float, float] | None
    detectable: float | None = None
    images_needed: int | None = None
    seeds_needed: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether one of the two is better."""
        return self.verdict.better or self.verdict.worse

    @property
    def swapped(self) -> Comparison:
        """B against A."""
        observed = self.difference
        low, high = (None if end is None else -end for end in (observed.high, observed.low))
        wide = self.simultaneous and (-self.simultaneous[1], -self.simultaneous[0])
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=replace(observed, value=-observed.value, low=low, high=high),
            simultaneous=wide,
            verdict=self.verdict.swapped,
        )


@dataclass(frozen=True)
class Comparisons:
    """margin: the margin of practical equivalence, a share. role: the role on which models are compared for the letter
    groups. groups: letters by model. best: each model against the best of the others."""

    margin: float = 0.0
    role: str = "validation"
    all: tuple[Comparison, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, WithBest] = field(default_factory=dict)

    def between(self, a: str, b: str, role: str | None = None) -> Comparison | None:
        """A against B, on the role of the letter groups if none is given."""
        for one in self.all:
            if one.role == (role or self.role) and {one.a, one.b} == {a, b}:
                return one if one.a == a else one.swapped
        return None

    def same_letter(self, model: str) -> list[str]:
        """The models that cannot be told apart from this one: those that share a letter with it."""
        own = set(split_letters(self.groups.get(model, "")))
        return [other for other, word in self.groups.items() if other != model and own & set(split_letters(word))]


def compare(record: RunRecord, ranked: Sequence[str], opened: Sequence[str]) -> Comparisons:
    """All comparisons of a run. ranked: best first, which only orders A and B. opened: models evaluated on test."""
    measured = choice(record).measured
    if not ranked:
        return Comparisons()
    margin = equivalence_margin(1 - max(measured[model].accuracy for model in ranked))
    sides: dict[str, dict[str, Side]] = {}
    pair_differences: dict[Named, PairDifference] = {}
    folds = shared(record, ranked) if record.study.folds else {}
    ranked_folds = {model for model in folds if folds_were_ranked(record, model)}
    for a, b in combinations(ranked, 2) if folds else ():
        pair_differences[a, b, HELD_OUT] = of_folds(folds[a], folds[b], selected=bool({a, b} & ranked_folds))
    chosen = chosen_by_search(record, ranked)
    for role, models, baselines in _roles(record, ranked, opened):
        sides[role] = _sides(record, role, models, baselines, chosen if role == "validation" else {})
        pairs = [*([] if folds and role == "validation" else combinations(models, 2)), *product(models, baselines)]
        known = [pair for pair in pairs if set(pair) <= sides[role].keys()]
        pair_differences |= {(*pair, role): one for pair, one in differences(sides[role], known).items()}
    return _with_verdicts(pair_differences, sides, margin, HELD_OUT if folds else "validation", list(ranked))


def _roles(
    record: RunRecord, ranked: Sequence[str], opened: Sequence[str]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """The roles, with the models and baselines that are compared on each."""
    yield "validation", list(ranked), [baseline_key(name) for name in ranked_baselines(record)]
    tested = [model for model in ranked if model in opened]
    if tested:
        yield "test", tested, [baseline_key(name) for name in opened_baselines(record)]


def _sides(
    record: RunRecord, role: str, models: Sequence[str], baselines: Sequence[str], chosen: Mapping[str, Chosen]
) -> dict[str, Side]:
    """Which images each model and baseline gets right, by key; those without predictions are left out. chosen: models
    that a search chose on these images."""
    networks_by_model = {model: networks_on(record, model, role) for model in models}
    known = {model: networks for model, networks in networks_by_model.items() if networks is not None}
    if not known:
        return {}
    first = next(iter(known.values()))
    sides = {model: _side(networks, chosen.get(model)) for model, networks in known.items()}
    for name, folder in record.baselines.items():
        stored = folder.job.read_predictions(role) if baseline_key(name) in baselines else None
        if stored is not None and stored.labels is not None and np.array_equal(stored.rows, first.rows):
            sides[baseline_key(name)] = Side((stored.predicted == stored.labels)[None], fixed=True)
    return sides


def _side(networks: Networks, chosen: Chosen | None) -> Side:
    """A model: the networks that no search ranked by these images, else what the search chooses out of bag, if
    known."""
    right_SN = networks.per_image("accuracy").astype(bool)
    places = unranked(networks.seeds, chosen)
    if places is not None:
        return Side(right_SN[places], left_out=len(places) < len(right_SN))
    return Side(right_SN, selected=True, out_of_bag_N=chosen.out_of_bag_N if chosen else None)


def _with_verdicts(
    pair_differences: Mapping[Named, PairDifference],
    sides: Mapping[str, Mapping[str, Side]],
    margin: float,
    role: str,
    ranked: list[str],
) -> Comparisons:
    """The comparisons with their verdicts, under one correction for all of them, and the letter groups."""
    adjusted = family([(_text(name), one.limits.p_value) for name, one in pair_differences.items()])
    level = SIGNIFICANT / max(1, len(pair_differences))
    compared = [
        _with_power(one, pair_differences[one.a, one.b, one.role], sides.get(one.role, {}), margin, level)
        if ranked[0] in (one.a, one.b)
        else one
        for one in (
            _comparison(name, each, sides, adjusted[_text(name)], margin, level)
            for name, each in pair_differences.items()
        )
    ]
    pairs = Comparisons(margin, role, tuple(compared))
    return replace(pairs, groups=_groups(pairs, ranked), best=best_of(pair_differences, role, ranked))


def _text(name: Named) -> str:
    """The name of a comparison in its family; a model may not have a line break in its name."""
    return "\n".join(name)


def _comparison(
    name: Named,
    one: PairDifference,
    sides: Mapping[str, Mapping[str, Side]],
    adjusted_p: float,
    margin: float,
    level: float,
) -> Comparison:
    a, b, role = name
    wide = one.limits.at(1 - level)
    decision = verdict(one.limits.difference, wide, adjusted_p, margin)
    left_out = tuple(key for key in (a, b) if (side := sides.get(role, {}).get(key)) and side.left_out)
    observed = one.limits.difference
    return Comparison(
        a, b, role, one.kind, one.images, one.seeds, one.splits, observed, adjusted_p, decision, wide, left_out=left_out
    )


def _with_power(
    one: Comparison, pair_difference: PairDifference, sides: Mapping[str, Side], margin: float, level: float
) -> Comparison:
    """The comparison with the detectable difference, and the images and seeds that the margin needs, if no difference
    was found. The latter are unknown over folds and against a baseline."""
    if one.verdict.word != "cannot tell":
        return one
    a, b = sides.get(one.a), sides.get(one.b)
    one = replace(one, detectable=detectable(a, b, pair_difference, level))
    counts = pair_difference.limits.images
    if a is None or b is None or a.fixed or b.fixed or margin <= 0 or counts is None or one.detectable is None:
        return one
    if one.kind not in ("networks", "recipes"):
        return one
    share = (counts.only_a + counts.only_b) / counts.images
    if one.kind == "networks":
        return replace(one, images_needed=images_for_networks(share, margin, level))
    noise = recipe_noise(a.right_SN, b.right_SN)
    images = images_for_recipes(noise, one.seeds, margin, level)
    exact = None if images is None else images_for_networks(share, margin, level)
    enough = detectable_by_networks(share, max(1, int(counts.images)), level)
    seeds = seeds_for_recipes(noise, one.images, margin, level) if enough is not None and enough <= margin else None
    # the effective number of images of a mean over seeds is larger than their number
    worth = counts.images / one.images
    needed = None if images is None or exact is None else max(images, -(-exact // max(1, int(worth))))
    return replace(one, images_needed=needed, seeds_needed=seeds)


def _groups(pairs: Comparisons, ranked: Sequence[str]) -> dict[str, str]:
    apart = np.zeros((len(ranked), len(ranked)), bool)
    for i, j in combinations(range(len(ranked)), 2):
        one = pairs.between(ranked[i], ranked[j])
        apart[i, j] = apart[j, i] = one is not None and one.is_decided
    return dict(zip(ranked, letters(letter_groups(apart), len(ranked))))


def best_of(pair_differences: Mapping[Named, PairDifference], role: str, ranked: Sequence[str]) -> dict[str, WithBest]:
    """Every model against the best of the others, from the limits of the pairs; a pair without limits is unknown."""
    lows, highs = np.full((len(ranked), len(ranked)), -1.0), np.ones((len(ranked), len(ranked)))
    for (a, b, on), one in pair_differences.items():
        if on != role or a not in ranked or b not in ranked:
            continue
        limits = one.limits.at(confidence_of(len(ranked)))
        i, j = ranked.index(a), ranked.index(b)
        if limits is not None:
            (lows[i, j], highs[i, j]), (lows[j, i], highs[j, i]) = limits, (-limits[1], -limits[0])
    return dict(zip(ranked, compare_with_best(lows, highs)))


class ComparisonsJson(TypedDict):
    """Comparisons as they are stored. all: the fields of `Comparison`, with the verdict as its word."""

    margin: float
    role: str
    groups: dict[str, str]
    may_be_best: list[str]
    all: list[dict[str, Any]]


def as_json(pairs: Comparisons) -> ComparisonsJson:
    """The comparisons as JSON values."""
    return {
        "margin": pairs.margin,
        "role": pairs.role,
        "groups": dict(pairs.groups),
        "may_be_best": [model for model, one in pairs.best.items() if one.not_worse],
        "all": [asdict(one) | {"verdict": one.verdict.word} for one in pairs.all],
    }
