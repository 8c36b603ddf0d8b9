"""The difference of two models in a measure that is averaged over classes, such as macro F1, on the same images."""

from __future__ import annotations

import numpy as np

from snellen.errors import StudyError
from snellen.metrics.scores import Average, ClassMeasure, Counts, confusion
from snellen.statistics.class_average_intervals import influences
from snellen.statistics.levels import NEGLIGIBLE
from snellen.statistics.results import COVERS_IMAGES, COVERS_IMAGES_AND_SEEDS, Limits
from snellen.statistics.student_t import Term, satterthwaite

FEWEST_DIFFERENT = 10
"""The fewest images that two networks must answer differently: with fewer, the normal distribution does not hold."""


def average_limits_between(
    labels_N: np.ndarray,
    a_SN: np.ndarray,
    b_SN: np.ndarray,
    classes: int,
    measure: ClassMeasure,
    average: Average,
    recipes: bool,
) -> Limits:
    """A minus B, from the answers of their networks, (S_A, N) and (S_B, N); no limits where fewer than
    FEWEST_DIFFERENT images are answered differently.

    The t interval of the influences of the images on both measures (the infinitesimal jackknife: Efron, SIAM 1982),
    paired over the images. recipes: whether the limits cover seeds too, with the variances of `recipe_limits`;
    otherwise the first networks alone are compared.
    """
    a, b = (each if recipes else each[:1] for each in (a_SN, b_SN))
    if a.shape[1] != b.shape[1] or a.shape[1] != len(labels_N):
        raise StudyError("two models are compared on the same images", found=f"{a.shape[1]} and {b.shape[1]} images")
    (a_values, a_moved), (b_values, b_moved) = (
        _values_and_influences(labels_N, each, classes, measure, average) for each in (a, b)
    )
    images = len(labels_N)
    value, covers = float(a_values.mean() - b_values.mean()), COVERS_IMAGES_AND_SEEDS if recipes else COVERS_IMAGES
    d_N = images * (a_moved - b_moved)
    terms = [Term(float(d_N.var(ddof=1)) / images, images - 1)] if images > 1 else []
    if recipes:
        terms += [Term(float(each.var(ddof=1)) / len(each), len(each) - 1) for each in (a_values, b_values)]
    squared_error = sum(term.variance for term in terms)
    different = int((a[0] != b[0]).sum())
    if squared_error**0.5 <= NEGLIGIBLE or different < FEWEST_DIFFERENT:
        return Limits(value, squared_error**0.5, None, covers, "none")
    freedom = satterthwaite(squared_error, terms)
    return Limits(value, squared_error**0.5, freedom, covers, "crossed t" if recipes else "t of influences")


def _values_and_influences(
    labels_N: np.ndarray, predicted_SN: np.ndarray, classes: int, measure: ClassMeasure, average: Average
) -> tuple[np.ndarray, np.ndarray]:
    """(S,) the measure of each network, and (N,) the influence of each image, its mean over the networks."""
    matrices = [confusion(labels_N, predicted, classes) for predicted in predicted_SN]
    values = np.array([Counts.of(matrix).mean(measure, average) for matrix in matrices])
    moved = [
        influences(matrix, measure, average)[labels_N, predicted]
        for matrix, predicted in zip(matrices, predicted_SN, strict=True)
    ]
    return values, np.mean(moved, 0)
