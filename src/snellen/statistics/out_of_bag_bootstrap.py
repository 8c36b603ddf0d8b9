"""The out-of-bag score of the best of several candidates: each image is scored by the candidate that is chosen without
this image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.errors import StudyError

RESAMPLES = 2_000
CHUNK = 2**22
"""Random numbers held at once, 32 MiB."""


@dataclass(frozen=True, eq=False)
class OutOfBag:
    """scores_N: for each image, the mean score of the candidates that were chosen in resamples without this image.

    chosen_M: share of the resamples in which each candidate was chosen.
    """

    scores_N: np.ndarray
    chosen_M: np.ndarray


def out_of_bag(scores_MN: np.ndarray, values_MN: np.ndarray | None = None, seed: int = 0) -> OutOfBag:
    """The choice of the best of M candidates by their mean over N images, repeated on 2,000 resamples of the images.

    scores_MN: the scores by which candidates are chosen. values_MN: the values that are averaged; default: the scores.

    The mean of `scores_N` is the leave-one-out bootstrap (Efron and Tibshirani, JASA 92, 1997, section 4) of the score
    of the whole procedure, as in BBC-CV (Tsamardinos et al., Machine Learning 107, 2018). Images are drawn from all
    classes together: within classes, an image that is alone in its class would never be left out. Of equal candidates
    the first is chosen. Resamples are drawn by Philox. Raises StudyError for fewer than 2 images.
    """
    scores = np.asarray(scores_MN, np.float64)
    candidates, images = scores.shape
    if images < 2:
        raise StudyError("too few images to correct the score of a choice", found=images, expected="at least 2")
    values = scores if values_MN is None else np.asarray(values_MN, np.float64)
    generator = np.random.Generator(np.random.Philox(seed))
    sums, left_out, chosen = np.zeros(images), np.zeros(images), np.zeros(candidates)
    block = max(1, CHUNK // images)
    for start in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - start)
        drawn = (generator.random((rows, images)) * images).astype(np.int64) + images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images)
        picks = (counts.astype(np.float64) @ scores.T).argmax(1)
        chosen += np.bincount(picks, minlength=candidates)
        for candidate in np.unique(picks):
            without = (counts[picks == candidate] == 0).sum(0)
            sums += without * values[candidate]
            left_out += without
    return OutOfBag(sums / np.maximum(left_out, 1), chosen / RESAMPLES)
