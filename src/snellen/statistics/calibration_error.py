"""How far the probabilities of a network are from the share of answers that are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.wilson_interval import wilson

BINS = 15
WIDE_BINS, FEWEST = 10, 10
"""For the probability of one class: the most bins, and the fewest images in each bin."""
REDRAWS = 500
CHUNK = 2_000_000
"""Random numbers held in memory at once."""


@dataclass(frozen=True)
class Bin:
    """Some of the images, by ascending confidence. confidence: mean top probability; accuracy: share that is right,
    with Wilson's 95 % interval. For one class: the mean of its probability, and the share of images that are of the
    class."""

    images: int
    confidence: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class CalibrationError:
    """error: the expected calibration error, in [0, 1]. by_chance: its mean over labels redrawn from the probabilities,
    which is the error that a perfectly calibrated network shows on these images; by_chance_high: exceeded by 5 % of the
    redrawn labels."""

    error: float
    by_chance: float
    by_chance_high: float


def reliability(confidence_N: np.ndarray, right_N: np.ndarray) -> list[Bin]:
    """At most 15 bins of equal numbers of images, by ascending confidence (the probability of the predicted class)."""
    order = np.argsort(confidence_N, kind="stable")
    found = []
    for rows in np.array_split(order, min(BINS, len(order))):
        found.append(_bin(confidence_N[rows].astype(np.float64), right_N[rows]))
    return found


def class_reliability(probabilities_N: np.ndarray, own_N: np.ndarray) -> list[Bin]:
    """For one class against the others: at most 10 bins of its probability, equally wide, each with the share of images
    of the class as `accuracy`. A bin of fewer than FEWEST images is joined with the next, the last bin with the one
    before. own_N: bool, whether an image is of the class."""
    probabilities = probabilities_N.astype(np.float64)
    places = np.minimum((probabilities * WIDE_BINS).astype(np.int64), WIDE_BINS - 1)
    parts: list[np.ndarray] = []
    open_ = np.zeros(0, np.int64)
    for place in range(WIDE_BINS):
        open_ = np.concatenate([open_, np.flatnonzero(places == place)])
        if len(open_) >= FEWEST:
            parts.append(open_)
            open_ = np.zeros(0, np.int64)
    if len(open_):
        parts = [*parts[:-1], np.concatenate([*parts[-1:], open_])]
    return [_bin(probabilities[rows], own_N[rows]) for rows in parts]


def _bin(probabilities_N: np.ndarray, hits_N: np.ndarray) -> Bin:
    count, hits = len(hits_N), float(hits_N.sum())
    low, high = wilson(hits, count)
    return Bin(count, float(probabilities_N.mean()), hits / count, float(low), float(high))


def calibration_error(confidence_N: np.ndarray, right_N: np.ndarray) -> CalibrationError:
    """The expected calibration error of N >= 1 answers in 15 bins of equal mass, and its value for perfect calibration.
    Its estimate is above 0 even for perfect calibration (Roelofs, Cain, Shlens and Mozer, AISTATS 2022), so it can only
    be read beside the second value. Labels are redrawn 500 times, from a fixed seed.
    """
    order = np.argsort(confidence_N, kind="stable")
    confidence = confidence_N[order].astype(np.float64)
    starts = np.array([rows[0] for rows in np.array_split(np.arange(len(order)), min(BINS, len(order)))])
    sums = np.add.reduceat(confidence, starts)

    def error(right: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(np.add.reduceat(right, starts, axis=-1, dtype=np.float64) - sums).sum(-1) / len(order))

    generator, drawn = np.random.default_rng(0), []
    step = max(1, CHUNK // len(order))
    for start in range(0, REDRAWS, step):
        size = (min(step, REDRAWS - start), len(order))
        drawn.append(error(generator.random(size, np.float32) < confidence.astype(np.float32)))
    redrawn = np.concatenate(drawn)
    return CalibrationError(float(error(right_N[order])), float(redrawn.mean()), float(np.quantile(redrawn, 0.95)))


def fit_temperature(probabilities_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """The temperature, in 0.05 to 20, at which the loss of these images is smallest (Guo et al., ICML 2017).

    Logits are recovered as the logarithms of the probabilities, up to a constant that the softmax removes.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    tiny = float(np.finfo(np.float32).tiny)
    logits = np.log(np.maximum(probabilities_NK.astype(np.float64), tiny))
    rows = np.arange(len(labels_N))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[rows, labels_N]))

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
