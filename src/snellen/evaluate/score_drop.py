"""How much better or worse one network is on other images than on its test: paired if the images are the same, else
unpaired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.evaluate.pair_differences import Side, difference
from snellen.evaluate.scores import COVERS, Estimate, proportion
from snellen.evaluate.verdicts import Word, verdict
from snellen.models.predictions import Predictions
from snellen.statistics.changes_by_class import share_changes
from snellen.statistics.class_mix import MixDifference, mix_difference
from snellen.statistics.independent_proportions import difference_limits, difference_p_value
from snellen.statistics.levels import CONFIDENCE
from snellen.statistics.results import COVERS_IMAGES, Difference

Kind = Literal["other images", "same pictures", "same ids"]
"""What is compared: different images; identical images; images of the same objects, by their ids."""
NEWCOMBE = "Newcombe, of exact limits"


@dataclass(frozen=True)
class ClassDrop:
    """The recall of one class, here and on the test. value, low, high: here minus test, with a separate interval; None
    for a class without images on one side."""

    class_name: str
    images: int
    test_images: int
    here: Estimate
    test: Estimate
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ScoreDrop:
    """Accuracy here minus that on the test. relabelled: pairs whose label differs from that in the test. mix: the mix
    of classes, here against test; None for pairs. margin: the margin of practical equivalence, a share."""

    kind: Kind
    here: Estimate
    test: Estimate
    difference: Difference
    verdict: Word
    margin: float
    relabelled: int
    mix: MixDifference | None
    classes: tuple[ClassDrop, ...]


def on_other_images(here: Predictions, test: Predictions, classes: tuple[str, ...], margin: float) -> ScoreDrop:
    """The difference for labelled predictions of one network on two sets without common images, each with at least one
    image."""
    (hits, images), (test_hits, test_images) = ((int(_right(each).sum()), len(each)) for each in (here, test))
    low, high = difference_limits(hits, images, test_hits, test_images)
    p_value = difference_p_value(hits, images, test_hits, test_images)
    value, error = hits / images - test_hits / test_images, (high - low) / 2 / 1.96
    found = Difference(value, low, high, p_value, error, None, COVERS_IMAGES, NEWCOMBE)
    counts, others = (np.bincount(_labels(each), minlength=len(classes)) for each in (here, test))
    return ScoreDrop(
        "other images",
        _accuracy(here),
        _accuracy(test),
        found,
        verdict(found, (low, high), p_value, margin).word,
        margin,
        0,
        mix_difference(counts, others),
        tuple(_of_class(here, test, code, name) for code, name in enumerate(classes)),
    )


def on_pairs(
    here: Predictions,
    test: Predictions,
    classes: tuple[str, ...],
    margin: float,
    kind: Literal["same pictures", "same ids"],
) -> ScoreDrop:
    """The difference for paired labelled predictions of one network: those at the same index belong together."""
    limits = difference(Side(_right(here)[None]), Side(_right(test)[None])).limits
    found = limits.difference
    return ScoreDrop(
        kind,
        _accuracy(here),
        _accuracy(test),
        found,
        verdict(found, limits.at(CONFIDENCE), 1.0 if found.p_value is None else found.p_value, margin).word,
        margin,
        int((_labels(here) != _labels(test)).sum()),
        None,
        tuple(_of_paired_class(here, test, code, name) for code, name in enumerate(classes)),
    )


def _labels(predictions: Predictions) -> np.ndarray:
    assert predictions.labels is not None  # checked by the callers
    return predictions.labels


def _right(predictions: Predictions) -> np.ndarray:
    """(N,) bool."""
    return np.asarray(predictions.predicted == _labels(predictions))


def _accuracy(predictions: Predictions) -> Estimate:
    return proportion(int(_right(predictions).sum()), len(predictions), COVERS[predictions.role])


def _recall(predictions: Predictions, code: int) -> Estimate:
    own = _labels(predictions) == code
    return proportion(int((_right(predictions) & own).sum()), int(own.sum()), COVERS[predictions.role])


def _of_class(here: Predictions, test: Predictions, code: int, name: str) -> ClassDrop:
    one, other = _recall(here, code), _recall(test, code)
    if one.value is None or other.value is None:
        return ClassDrop(name, one.n, other.n, one, other, None, None, None)
    hits, test_hits = round(one.value * one.n), round(other.value * other.n)
    limits = difference_limits(hits, one.n, test_hits, other.n)
    return ClassDrop(name, one.n, other.n, one, other, one.value - other.value, *limits)


def _of_paired_class(here: Predictions, test: Predictions, code: int, name: str) -> ClassDrop:
    """The difference over the pairs whose label is this class on both sides."""
    own = np.flatnonzero((_labels(here) == code) & (_labels(test) == code))
    one, other = (_recall(each.at(own), code) for each in (here, test))
    if not len(own):
        return ClassDrop(name, 0, 0, one, other, None, None, None)
    mine, theirs = _right(here)[own], _right(test)[own]
    counts = (np.array([count]) for count in ((theirs & ~mine).sum(), (mine & ~theirs).sum(), len(own)))
    value, low, high = (float(each[0]) for each in share_changes(*counts))
    return ClassDrop(name, len(own), len(own), one, other, value, low, high)
