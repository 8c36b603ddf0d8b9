"""The comparisons of a report, named before anything is seen: every pair of models, every model against every floor.

All of them are one family under one Holm correction: those on validation (or over folds) and, for models whose test the
study opens, the same pairs on test. Only the former make the letter groups, and none of them chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from snellen.evaluate.baselines import baseline_key, opened_floors, ranked_floors
from snellen.evaluate.chosen_by_search import Chosen, chosen_by_search, ranked_by_search, unranked
from snellen.evaluate.cross_validation import HELD_OUT, shared
from snellen.evaluate.model_choice import choice
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.pair_differences import Contrast, Kind, Side, contrasts, detectable, of_folds
from snellen.evaluate.record import RunRecord
from snellen.evaluate.verdicts import Verdict, equivalence_margin, verdict
from snellen.statistics.compact_letter_display import letter_groups, letters
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
    """A against B in accuracy; floors by their key. role: validation, held_out (over folds) or test. kind: over the
    same folds, of two recipes, of two networks, or of what a search chooses (see `contrasts.Kind`). seeds: of the side
    with fewer; splits: of folds. adjusted_p: Holm's. simultaneous: the limits by which a difference matters or is
    equivalent, of all comparisons of the report together (Bonferroni).

    detectable: of pairs with the first model that were not told apart, the smallest difference that would be found with
    a probability of 80 %; None where nothing varied. left_out: models of which the network that a search ranked by
    these images is not among those compared.
    images_needed, seeds_needed: with which the margin would be found in four of five such studies, the other left as it
    is; None where it is not asked or none suffice.
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
    def apart(self) -> bool:
        """Whether there is a difference at all."""
        return self.verdict.better or self.verdict.worse

    @property
    def turned(self) -> Comparison:
        """B against A."""
        seen, words = self.difference, self.verdict
        low, high = (None if end is None else -end for end in (seen.high, seen.low))
        wide = self.simultaneous and (-self.simultaneous[1], -self.simultaneous[0])
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=replace(seen, value=-seen.value, low=low, high=high),
            simultaneous=wide,
            verdict=Verdict(words.worse, words.clearly_worse, words.better, words.clearly_better, words.equivalent),
        )


@dataclass(frozen=True)
class Comparisons:
    """margin: of practical equivalence, a share. role: on which models are told apart. groups: letters by model.
    best: each model against the best of the others."""

    margin: float = 0.0
    role: str = "validation"
    all: tuple[Comparison, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, WithBest] = field(default_factory=dict)

    def between(self, a: str, b: str, role: str | None = None) -> Comparison | None:
        """A against B, on the role that tells models apart where none is given."""
        for one in self.all:
            if one.role == (role or self.role) and {one.a, one.b} == {a, b}:
                return one if one.a == a else one.turned
        return None

    def like(self, model: str) -> list[str]:
        """The models that cannot be told apart from one: those that share a letter with it."""
        own = set(_words(self.groups.get(model, "")))
        return [other for other, word in self.groups.items() if other != model and own & set(_words(word))]


def compare(record: RunRecord, ranked: Sequence[str], opened: Sequence[str]) -> Comparisons:
    """All comparisons of a run. ranked: best first, which only orders A and B; opened: models whose test was."""
    measured = choice(record).measured
    if not ranked:
        return Comparisons()
    margin = equivalence_margin(1 - max(measured[model].accuracy for model in ranked))
    sides: dict[str, dict[str, Side]] = {}
    found: dict[Named, Contrast] = {}
    folds = shared(record, ranked) if record.study.folds else {}
    ranked_folds = {model for model in folds if _folds_were_ranked(record, model)}
    for a, b in combinations(ranked, 2) if folds else ():
        found[a, b, HELD_OUT] = of_folds(folds[a], folds[b], selected=bool({a, b} & ranked_folds))
    chosen = chosen_by_search(record, ranked)
    for role, models, floors in _roles(record, ranked, opened):
        sides[role] = _sides(record, role, models, floors, chosen if role == "validation" else {})
        pairs = [*([] if folds and role == "validation" else combinations(models, 2)), *_with_floors(models, floors)]
        known = [pair for pair in pairs if set(pair) <= sides[role].keys()]
        found |= {(*pair, role): one for pair, one in contrasts(sides[role], known).items()}
    return _judged(found, sides, margin, HELD_OUT if folds else "validation", list(ranked))


def _folds_were_ranked(record: RunRecord, model: str) -> bool:
    """Whether a search chose the very networks of the folds, by its mean over them."""
    return not ranked_by_search(record, model).isdisjoint(fold.job for fold in record.planned[model].folds)


def _roles(
    record: RunRecord, ranked: Sequence[str], opened: Sequence[str]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """The roles, with the models and floors that are compared on each."""
    yield "validation", list(ranked), [baseline_key(name) for name in ranked_floors(record)]
    tested = [model for model in ranked if model in opened]
    if tested:
        yield "test", tested, [baseline_key(name) for name in opened_floors(record)]


def _with_floors(models: Sequence[str], floors: Sequence[str]) -> list[tuple[str, str]]:
    return [(model, floor) for model in models for floor in floors]


def _sides(
    record: RunRecord, role: str, models: Sequence[str], floors: Sequence[str], chosen: Mapping[str, Chosen]
) -> dict[str, Side]:
    """Who is right where on a role, by key; those with no predictions are left out. chosen: models whose networks a
    search chose on these images."""
    found = {model: networks_on(record, model, role) for model in models}
    known = {model: networks for model, networks in found.items() if networks is not None}
    if not known:
        return {}
    first = next(iter(known.values()))
    sides = {model: _side(networks, chosen.get(model)) for model, networks in known.items()}
    for name, folder in record.floors.items():
        stored = folder.job.read_predictions(role) if baseline_key(name) in floors else None
        if stored is not None and stored.labels is not None and np.array_equal(stored.rows, first.rows):
            sides[baseline_key(name)] = Side((stored.predicted == stored.labels)[None], fixed=True)
    return sides


def _side(networks: Networks, chosen: Chosen | None) -> Side:
    """A model, by the networks that `unranked` names; else by what a search chooses out of bag, where that is known."""
    right_SN = networks.each("accuracy").astype(bool)
    places = unranked(networks.seeds, chosen)
    if places is not None:
        return Side(right_SN[places], left_out=len(places) < len(right_SN))
    return Side(right_SN, selected=True, out_of_bag_N=chosen.out_of_bag_N if chosen else None)


def _judged(
    found: Mapping[Named, Contrast],
    sides: Mapping[str, Mapping[str, Side]],
    margin: float,
    role: str,
    ranked: list[str],
) -> Comparisons:
    """Verdicts under the one correction, then groups of models."""
    adjusted = family([(_text(name), one.limits.p_value) for name, one in found.items()])
    level = SIGNIFICANT / max(1, len(found))
    compared = [
        _with_what_it_takes(one, found[one.a, one.b, one.role], sides.get(one.role, {}), margin, level)
        if ranked[0] in (one.a, one.b)
        else one
        for one in (
            _comparison(name, contrast, sides, adjusted[_text(name)], margin, level) for name, contrast in found.items()
        )
    ]
    pairs = Comparisons(margin, role, tuple(compared))
    return replace(pairs, groups=_groups(pairs, ranked), best=best_of(found, role, ranked))


def _text(name: Named) -> str:
    """No model has a line break in its name."""
    return "\n".join(name)


def _comparison(
    name: Named,
    one: Contrast,
    sides: Mapping[str, Mapping[str, Side]],
    adjusted_p: float,
    margin: float,
    level: float,
) -> Comparison:
    a, b, role = name
    wide = one.limits.at(1 - level)
    judged = verdict(one.limits.difference, wide, adjusted_p, margin)
    left_out = tuple(key for key in (a, b) if (side := sides.get(role, {}).get(key)) and side.left_out)
    seen = one.limits.difference
    return Comparison(
        a, b, role, one.kind, one.images, one.seeds, one.splits, seen, adjusted_p, judged, wide, left_out=left_out
    )


def _with_what_it_takes(
    one: Comparison, contrast: Contrast, sides: Mapping[str, Side], margin: float, level: float
) -> Comparison:
    """With what would have been found, where nothing was, and what it would take to find the margin; the latter is
    unknown over folds and against a floor."""
    if one.verdict.word != "cannot tell":
        return one
    a, b = sides.get(one.a), sides.get(one.b)
    one = replace(one, detectable=detectable(a, b, contrast, level))
    counts = contrast.limits.images
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
    # a mean over seeds counts for more images than there are
    worth = counts.images / one.images
    needed = None if images is None or exact is None else max(images, -(-exact // max(1, int(worth))))
    return replace(one, images_needed=needed, seeds_needed=seeds)


def _groups(pairs: Comparisons, ranked: Sequence[str]) -> dict[str, str]:
    apart = np.zeros((len(ranked), len(ranked)), bool)
    for i, j in combinations(range(len(ranked)), 2):
        one = pairs.between(ranked[i], ranked[j])
        apart[i, j] = apart[j, i] = one is not None and one.apart
    return dict(zip(ranked, letters(letter_groups(apart), len(ranked))))


def best_of(found: Mapping[Named, Contrast], role: str, ranked: Sequence[str]) -> dict[str, WithBest]:
    """Every model against the best of the others, from the limits of the pairs; nothing is known of a pair without."""
    lows, highs = np.full((len(ranked), len(ranked)), -1.0), np.ones((len(ranked), len(ranked)))
    for (a, b, on), one in found.items():
        if on != role or a not in ranked or b not in ranked:
            continue
        limits = one.limits.at(confidence_of(len(ranked)))
        i, j = ranked.index(a), ranked.index(b)
        if limits is not None:
            (lows[i, j], highs[i, j]), (lows[j, i], highs[j, i]) = limits, (-limits[1], -limits[0])
    return dict(zip(ranked, compare_with_best(lows, highs)))


def _words(letters_of: str) -> list[str]:
    """The groups in a model's letters: "ab'" is a and b'."""
    found: list[str] = []
    for letter in letters_of:
        if letter == "'":
            found[-1] += letter
        else:
            found.append(letter)
    return found


def as_json(pairs: Comparisons) -> dict[str, Any]:
    """The comparisons as JSON values, each with its strongest word."""
    return {
        "margin": pairs.margin,
        "role": pairs.role,
        "groups": dict(pairs.groups),
        "may_be_best": [model for model, one in pairs.best.items() if one.not_worse],
        "all": [asdict(one) | {"verdict": one.verdict.word} for one in pairs.all],
    }
