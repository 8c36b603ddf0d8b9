"""The difference in accuracy of two sides: over the same folds, between two recipes with several seeds, or between two
networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from snellen.errors import StudyError
from snellen.evaluate.cross_validation import HeldOut
from snellen.statistics.corrected_resampled_t import fold_limits
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.mcnemar import Discordance
from snellen.statistics.power import detectable_by_networks, detectable_by_recipes, detectable_by_t, recipe_noise
from snellen.statistics.results import COVERS_IMAGES, Limits
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, fixed_difference, recipe_limits

Kind = Literal["folds", "recipes", "networks", "out of bag", "selected"]
"""What is compared. out of bag: networks that a search chose, each image judged by what the search chooses without it;
selected: nothing, because a search chose one of the two by these images."""
Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Side:
    """Which images one side gets right. right_SN: bool, the first seed first. fixed: a baseline, which does not change
    when it is fitted again.

    left_out: a network that a search ranked by these images was left out. selected: such a network is the first.
    out_of_bag_N: then the share of right answers at each image of what the search chooses without it, None if unknown.
    """

    right_SN: np.ndarray
    fixed: bool = False
    left_out: bool = False
    selected: bool = False
    out_of_bag_N: np.ndarray | None = None

    @property
    def is_recipe(self) -> bool:
        """Whether there are enough seeds for a statement about the recipe."""
        return self.fixed or (len(self.right_SN) >= MIN_SEEDS_COMPARED and not self.selected)

    @property
    def of_one_N(self) -> np.ndarray | None:
        """(N,) whether the network that represents the side is right on each image, on images that had no part in
        choosing it; None without such images."""
        return self.out_of_bag_N if self.selected else self.right_SN[0]


@dataclass(frozen=True)
class PairDifference:
    """A minus B in accuracy. kind: what was compared. seeds: number of seeds of the side with fewer, 1 for two
    networks; splits: the number of folds."""

    kind: Kind
    limits: Limits
    images: int
    seeds: int
    splits: int | None = None


def kind_of(a: Side, b: Side) -> Kind:
    """Recipes where both sides have enough seeds, and at most one is a baseline; else two networks."""
    if a.is_recipe and b.is_recipe and not (a.fixed and b.fixed):
        return "recipes"
    if not a.selected and not b.selected:
        return "networks"
    return "selected" if a.of_one_N is None or b.of_one_N is None else "out of bag"


def differences(sides: Mapping[str, Side], pairs: Sequence[Pair]) -> dict[Pair, PairDifference]:
    """The differences of these pairs on one role."""
    return {(a, b): difference(sides[a], sides[b]) for a, b in pairs}


def difference(a: Side, b: Side) -> PairDifference:
    """The difference of two sides on the same images."""
    if a.right_SN.shape[1] != b.right_SN.shape[1]:
        shapes = f"{a.right_SN.shape[1]} and {b.right_SN.shape[1]}"
        raise StudyError("two networks are compared on the same images", found=shapes)
    kind = kind_of(a, b)
    if kind == "recipes":
        return _of_recipes(a, b)
    return _of_two(kind, a, b)


def of_folds(a: HeldOut, b: HeldOut, selected: bool = False) -> PairDifference:
    """The difference of two models over the same splits, with the corrected resampled t test; no limits if a search
    chose by these folds."""
    a_JS, b_JS = a.values("accuracy"), b.values("accuracy")
    limits = fold_limits(a_JS, b_JS, a.num_train, a.num_held_out)
    if selected:
        limits = replace(limits, standard_error=0.0, degrees_of_freedom=None, method="none")
    kind: Kind = "selected" if selected else "folds"
    return PairDifference(kind, limits, len(a.pooled()), min(a_JS.shape[1], b_JS.shape[1]), len(a_JS))


def detectable(a: Side | None, b: Side | None, pair: PairDifference, level: float = SIGNIFICANT) -> float | None:
    """The smallest difference, a share, that such a comparison would find with a probability of about 80 %, at the
    noise that was observed; sides: None over folds. Where both a t test and the exact test of the images must reject,
    the larger of the two. None where nothing varied or nothing was compared."""
    found: list[float | None] = []
    if pair.kind == "recipes" and a is not None and b is not None and not (a.fixed or b.fixed):
        noise = recipe_noise(a.right_SN, b.right_SN)
        found.append(detectable_by_recipes(noise, min(len(a.right_SN), len(b.right_SN)), pair.images, level))
    elif pair.limits.degrees_of_freedom is not None:
        found.append(detectable_by_t(pair.limits.standard_error, pair.limits.degrees_of_freedom, level))
    if pair.limits.images is not None:
        counts = pair.limits.images
        share = (counts.only_a + counts.only_b) / counts.images
        found.append(detectable_by_networks(share, max(1, int(counts.images)), level))
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None


def _of_recipes(a: Side, b: Side) -> PairDifference:
    if b.fixed:
        limits = fixed_difference(a.right_SN, b.right_SN[0])
    elif a.fixed:
        limits = fixed_difference(b.right_SN, a.right_SN[0]).swapped
    else:
        limits = recipe_limits(a.right_SN, b.right_SN)
    seeds = min(len(side.right_SN) for side in (a, b) if not side.fixed)
    return PairDifference("recipes", limits, a.right_SN.shape[1], seeds)


def _of_two(kind: Kind, a: Side, b: Side) -> PairDifference:
    """Exact McNemar with the interval that agrees with it; no limits if a search chose one side by these images."""
    one, other, images = a.of_one_N, b.of_one_N, a.right_SN.shape[1]
    if one is None or other is None:
        seen = a.right_SN[0].astype(np.float64) - b.right_SN[0]
        return PairDifference(kind, Limits(float(seen.mean()), 0.0, None, COVERS_IMAGES, "none"), images, 1)
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    counts = Discordance(float((one * (1 - other)).sum()), float(((1 - one) * other).sum()), images)
    value, share = float((one - other).mean()), (counts.only_a + counts.only_b) / images
    error = max(0.0, share - value**2) ** 0.5 / images**0.5
    method = "exact McNemar" + (", out of bag" if kind == "out of bag" else "")
    return PairDifference(kind, Limits(value, error, None, COVERS_IMAGES, method, counts), images, 1)
