"""A recipe is what is trained again with other seeds: its score, the difference of two; seeds crossed with images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snellen.errors import StudyError
from snellen.evaluate.intervals import LEVEL
from snellen.evaluate.student import BOTH, Difference, Mean, Term, satterthwaite, t_difference, t_mean, t_quantile

MIN_SEEDS = 2
MIN_SEEDS_COMPARED = 3


@dataclass(frozen=True)
class CrossedVariance:
    """The variances in a table of seeds x images. between_seeds: s_a^2 of the accuracies, ddof 1. between_images: of
    the per-image means over seeds, ddof 1. residual: sum r^2 / ((S - 1)(n - 1)), what neither explains."""

    seeds: int
    images: int
    between_seeds: float
    between_images: float
    residual: float


def crossed_variance(right_SN: np.ndarray) -> CrossedVariance:
    """The two-way table of (S, N) bool or float, one value a cell: r_si = x_si - a_s - p_i + mean."""
    table = np.asarray(right_SN, np.float64)
    seeds, images = table.shape
    a_S, p_N = table.mean(1), table.mean(0)
    residual = table - p_N
    residual -= (a_S - a_S.mean())[:, None]
    freedom = (seeds - 1) * (images - 1)
    return CrossedVariance(
        seeds, images, float(a_S.var(ddof=1)), float(p_N.var(ddof=1)), float(np.vdot(residual, residual)) / freedom
    )


def recipe_mean(right_SN: np.ndarray) -> Mean:
    """The mean over S >= 2 seeds on the same N >= 2 images, (S, N) bool or float; the interval covers both.

    Seeds and images are crossed random effects, x_si = mu + a_s + b_i + e_si, so that Var(mean) = Var(a)/S + Var(b)/n +
    Var(e)/(n S). From the mean squares of the two-way table (Searle, Casella and McCulloch, Variance Components, 1992):

        SE^2 = max(A + B - C, A, B),  A = s_a^2 / S,  B = var_i(p_i) / n,  C = sum r^2 / ((S - 1)(n - 1) n S)

    A and B each hold the residual once, hence - C; the maximum keeps the estimate from falling below a part of itself.
    df = SE^4 / (A^2/(S - 1) + B^2/(n - 1) + C^2/((S - 1)(n - 1))) (see `satterthwaite`). The limits do not use it: it
    comes out too large whenever s_a is small by luck, and the interval then covers too little. Each part has a t of its
    own instead, half^2 = t(S - 1)^2 max(A - C, 0) + t(n - 1)^2 B: at least 93 % of 2,000 draws for 3 seeds and more,
    however much seeds vary, for intervals up to a fifth wider (2 seeds: from 88 % to 90 %, where seeds vary most).
    Raises StudyError for fewer than 2 seeds or images.
    """
    _check(right_SN, MIN_SEEDS, "an interval over seeds")
    parts = crossed_variance(right_SN)
    return _crossed_mean(float(np.mean(right_SN)), float(np.sqrt(parts.between_seeds)), _terms(parts), "crossed t")


def recipe_proportion(right_SN: np.ndarray) -> Mean:
    """The mean over S >= 2 seeds of a share of N >= 1 images, (S, N) bool, also where N is small or the share near 0 or
    1, as recalls are; the interval covers both.

    The two parts of `recipe_mean`, with Wilson's interval in place of a t for the images: the limits lie
    sqrt(w^2 + t(S - 1)^2 max(A - C, 0)) from the mean, w the distance of Wilson's limit of this share of N images.
    Squared distances of limits are added as by Zou and Donner (Statistics in Medicine 27, 2008). Wilson's counts every
    image as one answer; a mean over seeds varies less, so the interval is a little wide. There always is one: Wilson's
    has a width where nothing varied. Raises StudyError for fewer than 2 seeds or no image.
    """
    table = np.asarray(right_SN, np.float64)
    _check(table, MIN_SEEDS, "an interval over seeds", images=1)
    seeds, images = table.shape
    value, deviation = float(table.mean()), float(table.mean(1).std(ddof=1))
    excess = deviation**2 / seeds
    if images > 1:
        excess -= crossed_variance(table).residual / (images * seeds)
    reach = _reach(excess, seeds - 1)
    low, high = _wilson(value, images)
    return Mean(
        value,
        max(0.0, value - float(np.sqrt((value - low) ** 2 + reach))),
        min(1.0, value + float(np.sqrt((high - value) ** 2 + reach))),
        float(np.sqrt(max(excess, 0.0) + value * (1 - value) / images)),
        None,
        deviation,
        BOTH,
        "crossed Wilson",
    )


def _wilson(share: float, images: int) -> tuple[float, float]:
    """Wilson's limits of a share that need not be a whole number of images, as the mean over seeds is not."""
    from scipy.special import ndtri

    z = float(ndtri(1 - (1 - LEVEL) / 2))
    widened = 1 + z**2 / images
    middle = (share + z**2 / (2 * images)) / widened
    half = z * float(np.sqrt(share * (1 - share) / images + z**2 / (4 * images**2))) / widened
    return max(0.0, middle - half), min(1.0, middle + half)


def recipe_bootstrap(values_S: np.ndarray, draws_RS: np.ndarray, images: int) -> Mean:
    """The mean over S >= 2 seeds of a measure that is no mean over images, say F1; the interval covers both.

    values_S: of each network on the N images; draws_RS: the same on R redraws of the images, the same redraw for all
    networks. The parts of `recipe_mean` with redraws in place of the table of images:

        A = s_a^2 / S,  B = var_r(mean_s v_rs),  C = sum_s var_r(v_rs - mean_s v_rs) / ((S - 1) S)

    For a mean over images these are its A, B and C, but for (n - 1)/n and the luck of the redraws. Raises StudyError
    for fewer than 2 seeds or images.
    """
    _check(np.broadcast_to(values_S[:, None], (len(values_S), images)), MIN_SEEDS, "an interval over seeds")
    seeds, means_R = len(values_S), draws_RS.mean(1)
    residual = float((draws_RS - means_R[:, None]).var(0, ddof=1).sum()) / (seeds - 1)
    between = float(values_S.var(ddof=1))
    terms = (
        Term(between / seeds, seeds - 1),
        Term(float(means_R.var(ddof=1)), images - 1),
        Term(residual / seeds, (seeds - 1) * (images - 1)),
    )
    return _crossed_mean(float(values_S.mean()), float(np.sqrt(between)), terms, "crossed t, bootstrap over images")


def _crossed_mean(value: float, deviation: float, terms: tuple[Term, Term, Term], method: str) -> Mean:
    """A mean from its parts A, B and C."""
    a, b, c = (term.variance for term in terms)
    squared_error = max(a + b - c, a, b)
    freedom = satterthwaite(squared_error, terms) if squared_error else 0.0
    found = t_mean(value, squared_error, freedom, deviation, BOTH, method)
    if found.low is None:
        return found
    half = float(np.sqrt(_reach(a - c, terms[0].degrees_of_freedom) + _reach(b, terms[1].degrees_of_freedom)))
    return replace(found, low=value - half, high=value + half)


def _reach(variance: float, degrees_of_freedom: float) -> float:
    """The square of t times the standard error of one part; 0 where the part is not there."""
    return t_quantile(1 - (1 - LEVEL) / 2, degrees_of_freedom) ** 2 * max(variance, 0.0)


def _terms(parts: CrossedVariance) -> tuple[Term, Term, Term]:
    seeds, images = parts.seeds, parts.images
    return (
        Term(parts.between_seeds / seeds, seeds - 1),
        Term(parts.between_images / images, images - 1),
        Term(parts.residual / (images * seeds), (seeds - 1) * (images - 1)),
    )


def recipe_difference(a_SN: np.ndarray, b_SN: np.ndarray) -> Difference:
    """Recipe A minus recipe B on the same N images, (S_A, N) and (S_B, N) bool or float; the interval covers both.

        SE^2 = s_A^2/S_A + s_B^2/S_B + var_i(d_i)/n,  d_i the difference of the per-image means over seeds

    Welch's t with df = SE^4 / ((s_A^2/S_A)^2/(S_A - 1) + (s_B^2/S_B)^2/(S_B - 1) + (var_i(d_i)/n)^2/(n - 1)). The noise
    that neither seed nor image explains is counted twice, so the interval is a little wide where seeds hardly differ.
    Discordant pairs are never pooled over seeds. Raises StudyError below 3 seeds a side, or when the images differ.
    """
    for side in (a_SN, b_SN):
        _check(side, MIN_SEEDS_COMPARED, "a comparison of two recipes")
    a, b = np.asarray(a_SN, np.float64), np.asarray(b_SN, np.float64)
    if a.shape[1] != b.shape[1]:
        raise StudyError("two recipes are compared on the same images", found=f"{a.shape[1]} and {b.shape[1]} images")
    d_N = a.mean(0) - b.mean(0)
    terms = (_seed_term(a), _seed_term(b), Term(float(d_N.var(ddof=1)) / len(d_N), len(d_N) - 1))
    squared_error = sum(term.variance for term in terms)
    freedom = satterthwaite(squared_error, terms) if squared_error else 0.0
    return t_difference(float(d_N.mean()), squared_error, freedom, BOTH, "crossed t")


def _seed_term(right_SN: np.ndarray) -> Term:
    seeds = len(right_SN)
    return Term(float(right_SN.mean(1).var(ddof=1)) / seeds, seeds - 1)


def _check(right_SN: np.ndarray, seeds: int, what: str, images: int = 2) -> None:
    if np.ndim(right_SN) != 2:
        raise StudyError(f"{what} needs a table", found=f"shape {np.shape(right_SN)}", expected="(seeds, images)")
    if len(right_SN) < seeds:
        hint = "Raise `seeds` in the study."
        raise StudyError(f"{what} needs more seeds", found=len(right_SN), expected=f"at least {seeds}", hint=hint)
    if np.shape(right_SN)[1] < images:
        raise StudyError(f"{what} needs more images", found=np.shape(right_SN)[1], expected=f"at least {images}")
