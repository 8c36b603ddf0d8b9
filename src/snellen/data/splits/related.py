"""Which rows of a split stay together: exact copies, groups, and (if the study says so) near-duplicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.groups import merge_groups, star_groups
from snellen.data.inspect.near_duplicates import NearDuplicates


def related_rows(dataset: Dataset, copies: np.ndarray, near: NearDuplicates | None) -> np.ndarray:
    """(N,) int64: the lowest row of all that must stay together; `copies` unchanged if only exact copies must. Copies
    and groups are joined transitively. Near-duplicates are joined to a representative only, so that a chain of near
    images does not become one group: every image that is near to an image of an official part is with it (the test
    before the validation part), and every other one is with images that are near to a common representative.
    """
    together = copies if dataset.groups is None else merge_groups(copies, dataset.groups)
    if near is None:
        return together
    parts = [part for part in (dataset.official_test, dataset.official_validation) if part is not None]
    return _with_near(together, near, parts)


def _with_near(together: np.ndarray, near: NearDuplicates, parts: Sequence[np.ndarray]) -> np.ndarray:
    """`together` joined with near-duplicates. parts: (N,) bool, the official ones. A row that only shares a group with
    a row of an official part does not cause near-duplicates of it to leave."""
    pairs, marked = near.pairs, list[np.ndarray]()
    for part in parts:
        shown, marked = np.isin(near.copies, near.copies[part]), [*marked, np.isin(together, together[part])]
        pairs = pairs[:, (shown[pairs] | ~marked[-1][pairs]).all(axis=0)]
    ones, others = together[pairs]
    return np.asarray(star_groups(len(together), ones, others, marked)[together])
