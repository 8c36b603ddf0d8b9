"""Redrawing images for many models at once: how often each image was drawn, then any measure by matrix products."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.evaluate import intervals
from snellen.evaluate.intervals import RESAMPLES
from snellen.metrics.scores import Counts


def drawn_counts(images: int, strata: np.ndarray | None = None, seed: int = 0) -> Iterator[np.ndarray]:
    """(C, N) float32 blocks, RESAMPLES rows in all: how often each of N images was drawn, with replacement.

    strata: (N,) integers, say the class; each stratum keeps its number of images. None: one stratum. The rows depend on
    the seed alone, not on the size of a block. Philox; an image's place is floor(uniform * size of its stratum).
    """
    generator = np.random.Generator(np.random.Philox(seed))
    order, starts, sizes = _places(np.zeros(images, np.int64) if strata is None else np.asarray(strata))
    block = max(1, intervals.CHUNK // images)
    for start in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - start)
        drawn = order[starts + (generator.random((rows, images)) * sizes).astype(np.int64)]
        drawn += images * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images).astype(np.float32)


def _places(strata: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) images sorted by stratum, and for each place in that order where its stratum starts and how long it is."""
    _, inverse, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    return np.argsort(inverse, kind="stable"), np.repeat(starts, sizes), np.repeat(sizes, sizes)


def resample_means(values_MN: np.ndarray, strata: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """(R, M) means over the same redrawn images, of per-image values (right or wrong, a loss) of M models."""
    values_NM = np.asarray(values_MN, np.float64).T
    blocks = drawn_counts(len(values_NM), strata, seed)
    return np.concatenate([counts.astype(np.float64) @ values_NM for counts in blocks]) / len(values_NM)


def resample_confusions(
    labels_N: np.ndarray, predicted_MN: np.ndarray, classes: int, strata: np.ndarray | None = None, seed: int = 0
) -> Counts:
    """What precision, recall and F1 of M models are made of, on the same redrawn images: (R, M, K), support (R, 1, K).

    For measures that are no mean over images: `resample_confusions(...).mean("f1", "macro")` is (R, M).
    """
    answers_NMK = np.asarray(predicted_MN).T[:, :, None] == np.arange(classes)
    truth_N1K = (np.asarray(labels_N)[:, None] == np.arange(classes))[:, None]
    columns = [_flat(answers_NMK & truth_N1K), _flat(truth_N1K), _flat(answers_NMK)]
    drawn = [[counts @ each for each in columns] for counts in drawn_counts(len(labels_N), strata, seed)]
    return Counts(*(np.concatenate(blocks).reshape(RESAMPLES, -1, classes) for blocks in zip(*drawn)))


def resample_answers(labels_N: np.ndarray, predicted_SN: np.ndarray, classes: int, seed: int = 0) -> Counts:
    """The same of networks that mostly agree, faster: class sizes stay, and images that all networks answer alike are
    redrawn together, as one multinomial a true class. (R, S, K), support (K,)."""
    answers, counts = np.unique(np.vstack([labels_N, predicted_SN]), axis=1, return_counts=True)
    generator = np.random.Generator(np.random.Philox(seed))
    drawn = np.zeros((RESAMPLES, len(counts)), np.float32)
    for label in np.unique(answers[0]):
        (alike,) = np.nonzero(answers[0] == label)
        size = int(counts[alike].sum())
        drawn[:, alike] = generator.multinomial(size, counts[alike] / size, RESAMPLES)
    answers_UMK = answers[1:].T[:, :, None] == np.arange(classes)
    right_UMK = answers_UMK & (answers[0][:, None] == np.arange(classes))[:, None]
    hits, predicted = ((drawn @ _flat(each)).reshape(RESAMPLES, -1, classes) for each in (right_UMK, answers_UMK))
    return Counts(hits, np.bincount(labels_N, minlength=classes), predicted)


def _flat(flags: np.ndarray) -> np.ndarray:
    """(N, M, K) flags as (N, M K) float32: sums of at most 2**24 images stay exact."""
    return flags.reshape(len(flags), -1).astype(np.float32)
