"""A named pair becomes a difference: over the same folds, of two recipes, or of two networks, by what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.evaluate.bootstrap import resample_means
from snellen.evaluate.folds import fold_difference
from snellen.evaluate.held_out import HeldOut
from snellen.evaluate.intervals import percentiles
from snellen.evaluate.pairs import discordance, mcnemar
from snellen.evaluate.power import network_power, recipe_noise, recipe_power
from snellen.evaluate.recipes import MIN_SEEDS_COMPARED, recipe_difference, recipe_mean
from snellen.evaluate.student import BOTH, IMAGES, SIGNIFICANT, Difference, t_p_value, t_quantile

Kind = Literal["folds", "recipes", "networks"]
Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Side:
    """Who is right where. right_SN: bool, the first seed first. fixed: a floor, which fitting again does not change."""

    right_SN: np.ndarray
    fixed: bool = False

    @property
    def is_recipe(self) -> bool:
        """Whether there are seeds enough to speak of the recipe."""
        return self.fixed or len(self.right_SN) >= MIN_SEEDS_COMPARED


@dataclass(frozen=True)
class Contrast:
    """A minus B in accuracy. kind: what was compared. seeds: of the side with fewer, 1 where two networks were
    compared; splits: of folds. discordance: share of images that one network alone gets right, else None."""

    kind: Kind
    difference: Difference
    images: int
    seeds: int
    splits: int | None = None
    discordance: float | None = None


def kind_of(a: Side, b: Side) -> Kind:
    """Recipes where both sides allow it, and at least one of them is no floor; else two networks."""
    return "recipes" if a.is_recipe and b.is_recipe and not (a.fixed and b.fixed) else "networks"


def contrasts(sides: Mapping[str, Side], pairs: Sequence[Pair], strata: np.ndarray | None) -> dict[Pair, Contrast]:
    """The pairs on one role. strata: (N,) classes where the split was stratified; else None."""
    recipes = {(a, b): _of_recipes(sides[a], sides[b]) for a, b in pairs if kind_of(sides[a], sides[b]) == "recipes"}
    others = [pair for pair in pairs if pair not in recipes]
    return {**recipes, **of_networks({name: side.right_SN[0] for name, side in sides.items()}, others, strata)}


def of_folds(a: HeldOut, b: HeldOut) -> Contrast:
    """Two models over the same splits: the corrected resampled t."""
    a_JS, b_JS = a.values("accuracy"), b.values("accuracy")
    difference = fold_difference(a_JS, b_JS, a.num_train, a.num_held_out)
    return Contrast("folds", difference, len(a.pooled()), min(a_JS.shape[1], b_JS.shape[1]), len(a_JS))


def of_networks(
    right: Mapping[str, np.ndarray], pairs: Sequence[Pair], strata: np.ndarray | None, seed: int = 0
) -> dict[Pair, Contrast]:
    """Pairs of single networks from (N,) bool each: exact McNemar, paired bootstrap; all pairs on the same redraws."""
    if not pairs:
        return {}
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    draws = resample_means(np.stack([right[name] for name in names]), strata, seed)
    of = {name: draws[:, place] for place, name in enumerate(names)}
    return {(a, b): _of_two(right[a], right[b], of[a] - of[b]) for a, b in pairs}


def power_at(a: Side, b: Side, contrast: Contrast, margin: float, level: float) -> float:
    """Probability of finding a difference of the margin, with the noise that was seen."""
    if contrast.kind == "recipes" and not (a.fixed or b.fixed):
        seeds, images = min(len(a.right_SN), len(b.right_SN)), a.right_SN.shape[1]
        return recipe_power(recipe_noise(a.right_SN, b.right_SN), seeds, images, margin, level)
    if contrast.discordance is not None:
        return network_power(contrast.discordance, contrast.images, margin, level)
    return t_power(contrast.difference, margin, level)


def t_power(difference: Difference, margin: float, level: float = SIGNIFICANT) -> float:
    """Probability that a t test with this standard error and these degrees of freedom finds the margin: the upper tail
    of the noncentral t. 1 where nothing varied."""
    from scipy.stats import nct

    if difference.degrees_of_freedom is None:
        return 1.0
    freedom = difference.degrees_of_freedom
    return float(nct.sf(t_quantile(1 - level / 2, freedom), freedom, margin / difference.standard_error))


def _of_recipes(a: Side, b: Side) -> Contrast:
    if b.fixed:
        difference = _from_fixed(a.right_SN, b.right_SN[0])
    elif a.fixed:
        difference = _from_fixed(-1.0 * b.right_SN, -1.0 * a.right_SN[0])
    else:
        difference = recipe_difference(a.right_SN, b.right_SN)
    seeds = min(len(side.right_SN) for side in (a, b) if not side.fixed)
    return Contrast("recipes", difference, a.right_SN.shape[1], seeds)


def _from_fixed(right_SN: np.ndarray, fixed_N: np.ndarray) -> Difference:
    """A recipe minus what never changes: the crossed mean of the differences at each seed and image."""
    mean = recipe_mean(np.asarray(right_SN, np.float64) - fixed_N)
    known = mean.degrees_of_freedom is not None
    p_value = t_p_value(mean.value, mean.standard_error, mean.degrees_of_freedom or 0.0) if known else None
    return Difference(
        mean.value, mean.low, mean.high, p_value, mean.standard_error, mean.degrees_of_freedom, BOTH, "crossed t"
    )


def _of_two(a: np.ndarray, b: np.ndarray, draws: np.ndarray) -> Contrast:
    p_value = mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
    value, method = float(a.mean() - b.mean()), "exact McNemar, paired bootstrap"
    if np.ptp(draws) == 0:
        difference = Difference(value, None, None, p_value, 0.0, None, IMAGES, method)
    else:
        error = float(draws.std(ddof=1))
        difference = Difference(value, *percentiles(draws), p_value, error, None, IMAGES, method)
    return Contrast("networks", difference, len(a), 1, discordance=discordance(a, b))
