"""The order in which labels are reviewed, and the number of suspects.

Rows are ranked by their margin during training and by the log ratio of out-of-fold probabilities, label to strongest
other class; if a row has both, by the mean of the two ranks. bench/wrong_labels.py measures the orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.explain.wrong_labels.signals import Signals
from snellen.statistics.confident_learning import other_classes, suspects

TINY = 1e-12
"""Lower limit of probabilities, so that logarithms are finite."""


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that are judged by the same signals. scores: (n,) float64 in 0..1, lower is more suspect: the share of the
    group that ranks before. count: the number of suspects. by: the signals."""

    signals: Signals
    scores: np.ndarray
    count: int
    by: Literal["both", "probabilities", "margins"]


def log_ratios(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) float64: the logarithm of the probability of the label over that of the strongest other class."""
    rows = np.arange(len(labels))
    other = probabilities[rows, other_classes(labels, probabilities)]
    return np.asarray(np.log(probabilities[rows, labels] + TINY) - np.log(other + TINY))


def rank_shares(values: np.ndarray) -> np.ndarray:
    """(n,) float64 in 0..1: the share of values below each value, with equal values counted half."""
    ordered = np.sort(values)
    below, up_to = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((below + up_to) / (2 * max(1, len(values))))


def groups_of(signals: Signals) -> list[Group]:
    """The groups of rows with both signals, with probabilities alone and with margins alone; empty groups are left out.
    For rows with probabilities, confident learning counts the suspects. For rows with margins alone, the share of
    suspects is that of the held-out rows; without held-out rows, the suspects are the rows with a negative margin.
    """
    both = signals.have_margins & signals.have_probabilities
    alone = signals.have_probabilities & ~both
    margins = signals.have_margins & ~both
    found: list[Group] = []
    if both.any():
        own = signals.of(both)
        scores = (rank_shares(own.margins) + rank_shares(log_ratios(own.labels, own.probabilities))) / 2
        found.append(Group(own, scores, int(suspects(own.labels, own.probabilities).sum()), "both"))
    if alone.any():
        own = signals.of(alone)
        scores = rank_shares(log_ratios(own.labels, own.probabilities))
        found.append(Group(own, scores, int(suspects(own.labels, own.probabilities).sum()), "probabilities"))
    if margins.any():
        own = signals.of(margins)
        judged = sum(len(group.scores) for group in found)
        share = sum(group.count for group in found) / judged if judged else None
        count = int((own.margins < 0).sum()) if share is None else round(share * len(own.rows))
        found.append(Group(own, rank_shares(own.margins), count, "margins"))
    return found


def first(group: Group, count: int) -> np.ndarray:
    """Indices of the `count` most suspect rows of a group, the most suspect first."""
    return np.argsort(group.scores, kind="stable")[:count]
