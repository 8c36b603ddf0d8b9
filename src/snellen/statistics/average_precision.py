"""Average precision, the area under the precision-recall curve, with an interval."""

from __future__ import annotations

import numpy as np

from snellen.statistics.levels import CONFIDENCE, Interval


def average_precision(scores_N: np.ndarray, own_N: np.ndarray) -> Interval:
    """The mean precision over the images of the class, as in scikit-learn (no interpolation), for 1 to N - 1 of them.

    The interval is that of the logit with the error 1 / sqrt(n a (1 - a)), a the area and n the images of the class
    (Boyd, Eng and Page, ECML 2013).
    """
    from scipy.special import expit, logit, ndtri

    order = np.argsort(-scores_N, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores_N[order].astype(np.float64)) != 0, True))
    hits = np.cumsum(own_N[order])[ends]
    area = float((hits / (ends + 1.0) * np.diff(hits, prepend=0)).sum() / own_N.sum())
    inside = float(np.clip(area, 1 / (2 * own_N.sum() + 2), 1 - 1 / (2 * own_N.sum() + 2)))
    reach = ndtri((1 + CONFIDENCE) / 2) / np.sqrt(own_N.sum() * inside * (1 - inside))
    low, high = expit(logit(inside) - reach), expit(logit(inside) + reach)
    return Interval(area, float(min(low, area)), float(max(high, area)))
