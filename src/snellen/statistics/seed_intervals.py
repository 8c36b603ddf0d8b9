"""Scores of recipes (models trained with several seeds) and differences of two; seeds are crossed with images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snellen.errors import StudyError
from snellen.metrics.scores import Average, ClassMeasure, Counts, confusion
from snellen.statistics.class_average_intervals import average_limits, influences, variance_ratio
from snellen.statistics.clopper_pearson_interval import clopper_pearson
from snellen.statistics.levels import CONFIDENCE, NEGLIGIBLE
from snellen.statistics.mcnemar import discordance_of
from snellen.statistics.mean_intervals import mean_limits
from snellen.statistics.results import COVERS_IMAGES_AND_SEEDS, Difference, Limits, Mean
from snellen.statistics.student_t import Term, added_limits, satterthwaite, t_limits
from snellen.statistics.wilson_interval import share_limits, wilson_limits

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


def recipe_mean(right_SN: np.ndarray, confidence: float = CONFIDENCE) -> Mean:
    """The mean over S >= 2 seeds on the same N >= 2 images, (S, N) bool or float; the interval covers both.

    Seeds and images are crossed random effects, x_si = mu + a_s + b_i + e_si, so that Var(mean) = Var(a)/S + Var(b)/n +
    Var(e)/(n S). From the mean squares of the two-way table (Searle, Casella and McCulloch, Variance Components, 1992):

        SE^2 = max(A + B - C, A, B),  A = s_a^2 / S,  B = var_i(p_i) / n,  C = sum r^2 / ((S - 1)(n - 1) n S)

    A and B each contain the residual once, hence - C; the maximum keeps the estimate from falling below one of its
    parts. df = SE^4 / (A^2/(S - 1) + B^2/(n - 1) + C^2/((S - 1)(n - 1))) (see `satterthwaite`). The limits do not use
    it: it is too large whenever s_a is small by chance, and the interval then covers too little. Instead each part has
    limits, and the half-widths are added in quadrature: for the seeds, t(S - 1)^2 max(A - C, 0); for the images,
    Wilson's limits with the effective number of images if answers are right or wrong, otherwise Hall's t. They cover at
    least 93 % of 2,000 draws for at least 3 seeds with normal variation and at least 16 images (2 seeds: 88 % to 90 %,
    where seeds vary most; 3 to 10 images: 85 to 92 %). Raises StudyError for fewer than 2 seeds or images.
    """
    _check(right_SN, MIN_SEEDS, "an interval over seeds")
    parts, shares = crossed_variance(right_SN), np.asarray(right_SN, np.float64).mean(0)
    value = float(shares.mean())
    if np.isin(right_SN, (0, 1)).all():
        low, high = share_limits(shares, confidence)
    else:
        error = (parts.between_images / parts.images) ** 0.5
        low, high = mean_limits(shares, confidence) or t_limits(value, error, parts.images - 1, confidence)
    deviation = float(np.sqrt(parts.between_seeds))
    return crossed_mean(value, deviation, _terms(parts), (low, high), "crossed t", confidence)


def matched_limits(a_RN: np.ndarray, b_RN: np.ndarray, confidence: float) -> tuple[float, float]:
    """Limits of A minus B from R >= 2 matched pairs of networks on the same N >= 2 images, (R, N) bool or float; row
    r of both is trained alike but for what is compared. They cover retraining and other images.

    As `recipe_mean` of the differences, but the variance between pairs is not reduced by the residual. Where few pairs
    happen to vary less than the residual, `recipe_mean` leaves no part for them, and at the high confidences of a
    correction for many comparisons that error is larger: of 6 equal values with 3 seeds each, in 15
    comparisons, a third of the searches had a difference. These limits are a little too wide where pairs hardly differ.
    Raises StudyError for fewer than 2 pairs or images.
    """
    differences = np.asarray(a_RN, np.float64) - np.asarray(b_RN, np.float64)
    _check(differences, MIN_SEEDS, "an interval over matched pairs")
    pairs, images, _ = _terms(crossed_variance(differences))
    d_N = differences.mean(0)
    value, error = float(d_N.mean()), float(images.variance) ** 0.5
    of_images = mean_limits(d_N, confidence) or t_limits(value, error, images.degrees_of_freedom, confidence)
    return added_limits(value, pairs, of_images, confidence)


def recipe_proportion(right_SN: np.ndarray) -> Mean:
    """The mean over S >= 2 seeds of a share of N >= 1 images, (S, N) bool, also if N is small or the share is near 0 or
    1, as recalls are; the interval covers both. As `recipe_mean`, except that Wilson's limits count every image as one
    answer: a mean over seeds varies less, so the interval is a little too wide, and it exists for a single image too.
    Raises StudyError for fewer than 2 seeds or no image.
    """
    table = np.asarray(right_SN, np.float64)
    _check(table, MIN_SEEDS, "an interval over seeds", images=1)
    images, value, seeds = table.shape[1], float(table.mean()), _excess(table)
    low, high = added_limits(value, seeds, wilson_limits(value * images, images))
    error = float(np.sqrt(seeds.variance + value * (1 - value) / images))
    deviation = float(table.mean(1).std(ddof=1))
    return Mean(value, max(0.0, low), min(1.0, high), error, None, deviation, COVERS_IMAGES_AND_SEEDS, "crossed Wilson")


def proportion_ceiling(right_SN: np.ndarray, confidence: float) -> float:
    """The upper end of the two-sided interval of a share of N >= 1 images, the mean over S >= 1 networks, (S, N) bool.

    Exact (Clopper-Pearson) over other images, because Wilson's limits cover too little in far tails of few images; the
    part of several seeds is added as in `recipe_proportion`.
    """
    table = np.asarray(right_SN, np.float64)
    images, value = table.shape[1], float(table.mean())
    low, high = (float(end) for end in clopper_pearson(value * images, images, confidence))
    if len(table) < MIN_SEEDS:
        return high
    return min(1.0, added_limits(value, _excess(table), (low, high), confidence)[1])


def _excess(table_SN: np.ndarray) -> Term:
    """The seeds' part of the squared error of a mean, without the noise that neither seed nor image explains."""
    seeds, images = table_SN.shape
    excess = float(table_SN.mean(1).var(ddof=1)) / seeds
    if images > 1:
        excess -= crossed_variance(table_SN).residual / (images * seeds)
    return Term(max(excess, 0.0), seeds - 1)


def crossed_mean(
    value: float,
    deviation: float,
    terms: tuple[Term, Term, Term],
    of_images: tuple[float, float],
    method: str,
    confidence: float = CONFIDENCE,
) -> Mean:
    """A mean from its parts A, B and C, see `recipe_mean`. of_images: its limits over other images alone. There is no
    interval if nothing varied and `of_images` has no width either.
    """
    a, b, c = (term.variance for term in terms)
    squared_error = max(a + b - c, a, b)
    if squared_error**0.5 <= NEGLIGIBLE and of_images[1] - of_images[0] <= NEGLIGIBLE:
        return Mean(value, None, None, 0.0, None, deviation, COVERS_IMAGES_AND_SEEDS, method)
    freedom = satterthwaite(squared_error, terms) if squared_error**0.5 > NEGLIGIBLE else None
    seeds = Term(max(a - c, 0.0), terms[0].degrees_of_freedom)
    low, high = added_limits(value, seeds, of_images, confidence)
    return Mean(value, low, high, squared_error**0.5, freedom, deviation, COVERS_IMAGES_AND_SEEDS, method)


def _terms(parts: CrossedVariance) -> tuple[Term, Term, Term]:
    seeds, images = parts.seeds, parts.images
    return (
        Term(parts.between_seeds / seeds, seeds - 1),
        Term(parts.between_images / images, images - 1),
        Term(parts.residual / (images * seeds), (seeds - 1) * (images - 1)),
    )


def recipe_average(
    labels_N: np.ndarray, predicted_SN: np.ndarray, classes: int, measure: ClassMeasure, average: Average
) -> Mean:
    """The mean over S >= 2 seeds of precision, recall or F1 averaged over classes; the interval covers both. The parts
    are those of `recipe_mean`, with the influence of each image on the measure in place of its answer; the limits over
    images are those of `average_limits` for the mean confusion counts. Raises StudyError for fewer than 2 seeds or
    images.
    """
    _check(predicted_SN, MIN_SEEDS, "an interval over seeds")
    matrices = [confusion(labels_N, predicted, classes) for predicted in predicted_SN]
    values = np.array([Counts.of(matrix).mean(measure, average) for matrix in matrices])
    moved_SN = np.stack(
        [
            influences(matrix, measure, average)[labels_N, predicted]
            for matrix, predicted in zip(matrices, predicted_SN, strict=True)
        ]
    )
    parts = crossed_variance(len(labels_N) * moved_SN)
    terms = _terms(replace(parts, between_seeds=float(values.var(ddof=1))))
    mean_matrix, value = np.mean(matrices, 0), float(values.mean())
    limits = average_limits(mean_matrix, measure, average, ratio=variance_ratio(moved_SN))
    shift = value - float(Counts.of(mean_matrix).mean(measure, average))
    of_images = (min(value, limits[0] + shift), max(value, limits[1] + shift))
    return crossed_mean(value, float(values.std(ddof=1)), terms, of_images, "crossed t, Korn and Graubard")


def recipe_difference(a_SN: np.ndarray, b_SN: np.ndarray) -> Difference:
    """Recipe A minus recipe B on the same N images, (S_A, N) and (S_B, N) bool or float; the interval covers both.

        SE^2 = s_A^2/S_A + s_B^2/S_B + var_i(d_i)/n,  d_i the difference of the per-image means over seeds

    Welch's t with df = SE^4 / ((s_A^2/S_A)^2/(S_A - 1) + (s_B^2/S_B)^2/(S_B - 1) + (var_i(d_i)/n)^2/(n - 1)). The noise
    that neither seed nor image explains is counted twice, so the interval is a little too wide if seeds hardly differ.
    Discordant pairs are never pooled over seeds. If few images differ, t covers too little: for answers that are right
    or wrong, the interval is the wider one of t and of `discordance_of` over images alone, and the p-value is the
    larger one. Raises StudyError below 3 seeds a side, or when the images differ.
    """
    return recipe_limits(a_SN, b_SN).difference


def recipe_limits(a_SN: np.ndarray, b_SN: np.ndarray) -> Limits:
    """`recipe_difference`, with limits at any confidence."""
    for side in (a_SN, b_SN):
        _check(side, MIN_SEEDS_COMPARED, "a comparison of two recipes")
    a, b = np.asarray(a_SN, np.float64), np.asarray(b_SN, np.float64)
    if a.shape[1] != b.shape[1]:
        raise StudyError("two recipes are compared on the same images", found=f"{a.shape[1]} and {b.shape[1]} images")
    d_N = a.mean(0) - b.mean(0)
    terms = (_seed_term(a), _seed_term(b), Term(float(d_N.var(ddof=1)) / len(d_N), len(d_N) - 1))
    squared_error = sum(term.variance for term in terms)
    freedom = satterthwaite(squared_error, terms) if squared_error**0.5 > NEGLIGIBLE else None
    answers = np.isin(a_SN, (0, 1)).all() and np.isin(b_SN, (0, 1)).all()
    images = discordance_of(a.mean(0), b.mean(0)) if answers else None
    return Limits(float(d_N.mean()), squared_error**0.5, freedom, COVERS_IMAGES_AND_SEEDS, "crossed t", images)


def fixed_difference(right_SN: np.ndarray, fixed_N: np.ndarray) -> Limits:
    """A recipe of S >= 2 seeds minus fixed answers, (N,) bool, which training again does not change, on the same
    images. The limits over seeds, t(S - 1)^2 A with A as in `recipe_mean`, and those over images of `discordance_of`,
    added in quadrature. A is not reduced by the residual, as in `matched_limits`: of 20 recipes with 3 seeds, compared
    with a baseline as good as they are on 2,000 images, one in seven families had a difference.
    """
    _check(right_SN, MIN_SEEDS, "an interval over seeds")
    right, fixed = np.asarray(right_SN, np.float64), np.asarray(fixed_N, np.float64)
    a, b, c = terms = _terms(crossed_variance(right - fixed))
    squared_error = max(a.variance + b.variance - c.variance, a.variance, b.variance)
    freedom = satterthwaite(squared_error, terms) if squared_error**0.5 > NEGLIGIBLE else None
    images = discordance_of(right.mean(0), fixed)
    value = float((right - fixed).mean())
    return Limits(value, squared_error**0.5, freedom, COVERS_IMAGES_AND_SEEDS, "crossed t", images, a)


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
