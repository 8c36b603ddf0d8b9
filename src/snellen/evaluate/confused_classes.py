"""Which classes are confused, and the recall of each class: means over the networks of a model, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.networks import Networks
from snellen.evaluate.scores import COVERS, Estimate, proportion
from snellen.metrics.scores import confusion
from snellen.statistics.seed_intervals import MIN_SEEDS, recipe_proportion


@dataclass(frozen=True)
class Confusion:
    """Images of the class `true` that are predicted as `given`. images: their number, the mean over the networks;
    share: of the images of the class."""

    true: int
    given: int
    images: float
    share: Estimate


@dataclass(frozen=True)
class Confusions:
    """networks: their number. mistakes: mistakes of one network, the mean over networks. pairs: most frequent first."""

    networks: int
    mistakes: float
    pairs: tuple[Confusion, ...]

    @property
    def most_frequent(self) -> list[Confusion]:
        """The first pair, and those that are equally frequent."""
        return [pair for pair in self.pairs if pair.images == self.pairs[0].images]


def confusions(networks: Networks, num_classes: int, most: int | None = None) -> Confusions:
    """The confused pairs of classes on the images that the networks share. most: the most pairs returned, in addition
    to those as frequent as the first; None: all pairs."""
    counts_SKK = np.stack([confusion(networks.labels, one.predicted, num_classes) for one in networks.all])
    totals = counts_SKK.sum(0) * (1 - np.eye(num_classes, dtype=np.int64))
    order = np.argsort(-totals, axis=None, kind="stable")
    known = [(int(at // num_classes), int(at % num_classes)) for at in order if totals.flat[at]]
    equal = sum(totals[pair] == totals[known[0]] for pair in known)
    shown = known if most is None else known[: max(most, equal)]
    pairs = tuple(
        Confusion(true, given, float(totals[true, given] / len(counts_SKK)), called(networks, true, given))
        for true, given in shown
    )
    return Confusions(len(counts_SKK), float(totals.sum() / len(counts_SKK)), pairs)


def recalls(networks: Networks, num_classes: int) -> list[Estimate]:
    """The recall of each class; undefined for a class without images."""
    return [called(networks, code, code) for code in range(num_classes)]


def mean_confusion(networks: Networks, num_classes: int) -> np.ndarray:
    """(K, K) int64 confusion counts [true, predicted]: for several networks their mean, rounded down, because their
    answers are about the same images."""
    counts_SKK = [confusion(networks.labels, one.predicted, num_classes) for one in networks.all]
    return np.asarray(np.floor(np.mean(counts_SKK, axis=0)), np.int64)


def called(networks: Networks, true: int, given: int) -> Estimate:
    """The share of the images of one class that are predicted as another, or as itself."""
    of_class = networks.labels == true
    return share_of(np.stack([one.predicted[of_class] == given for one in networks.all]), COVERS[networks.all[0].role])


def share_of(table_SN: np.ndarray | Sequence[Sequence[bool]], covers: str) -> Estimate:
    """The share of true cells in (S, N) bool: for one network with Wilson's interval, for several networks the mean
    over seeds."""
    table = np.asarray(table_SN, bool)
    if len(table) < MIN_SEEDS or not table.shape[1]:
        return proportion(int(table[0].sum()), table.shape[1], covers)
    mean = recipe_proportion(table)
    images, seeds = table.shape[1], len(table)
    return Estimate(mean.value, mean.low, mean.high, images, mean.covers, mean.method, seeds, mean.deviation)
