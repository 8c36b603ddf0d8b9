"""Which rows of a split belong together: exact copies, groups, and (if the study says so) near-duplicates."""

from __future__ import annotations

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.groups import merge_groups, star_groups
from snellen.data.inspect.near_duplicates import NearDuplicates


def related_rows(dataset: Dataset, copies: np.ndarray, near: NearDuplicates | None) -> np.ndarray:
    """(N,) int64: the lowest row of all that must stay together; `copies` itself when only exact copies must.

    Copies and groups stay together through any number of others. Near-duplicates join these around representatives, so
    that a chain of near pictures does not become one group: every picture that is near to one of an official test is
    with it, and of the others each is with one that is near to its representative.
    """
    together = copies if dataset.groups is None else merge_groups(copies, dataset.groups)
    return together if near is None else _with_near(together, near, _in_test(dataset))


def _with_near(together: np.ndarray, near: NearDuplicates, in_test: np.ndarray) -> np.ndarray:
    """`together` with near-duplicates. A row that only shares a group with the official test makes no others leave."""
    tested_picture = np.isin(near.copies, near.copies[in_test])
    tested = np.isin(together, together[in_test])
    pairs = near.pairs[:, (tested_picture[near.pairs] | ~tested[near.pairs]).all(axis=0)]
    return star_groups(len(together), *together[pairs], fixed=tested)[together]


def _in_test(dataset: Dataset) -> np.ndarray:
    return np.zeros(len(dataset), bool) if dataset.official_test is None else dataset.official_test
