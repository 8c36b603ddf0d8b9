"""Protects groups formed around representatives: no chains, the same for any order of the pairs."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.data.groups import star_groups


def test_a_chain_of_pairs_is_several_groups() -> None:
    groups = star_groups(7, np.arange(6), np.arange(1, 7))
    assert groups.tolist() == [0, 0, 0, 3, 3, 3, 6]


def test_the_row_with_the_most_pairs_comes_first() -> None:
    assert star_groups(5, np.array([0, 1, 2, 3]), np.array([1, 3, 3, 4])).tolist() == [0, 1, 1, 1, 1]


def test_fixed_rows_take_theirs_first_and_stay_apart() -> None:
    ones, others = np.array([0, 1, 2, 3, 3]), np.array([1, 2, 3, 4, 5])
    fixed = np.array([True, False, False, False, True, True])
    assert star_groups(6, ones, others, [fixed]).tolist() == [0, 0, 2, 3, 3, 5]


def test_the_first_set_of_fixed_rows_takes_from_the_second() -> None:
    """Row 1 of the second set belongs to row 0 of the first; row 2, paired with row 1 alone, to neither."""
    first, second = np.array([True, False, False, False]), np.array([False, True, False, False])
    assert star_groups(4, np.array([0, 1, 2]), np.array([1, 2, 3]), [first, second]).tolist() == [0, 0, 2, 2]
    assert star_groups(4, np.array([0, 1, 2]), np.array([1, 2, 3]), [second]).tolist() == [0, 0, 0, 3]


@pytest.mark.parametrize("seed", range(5))
def test_every_member_is_paired_with_its_representative(seed: int) -> None:
    random = np.random.default_rng(seed)
    pairs = np.sort(random.choice(200, (150, 2)), axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    groups = star_groups(200, *pairs.T)
    np.testing.assert_array_equal(star_groups(200, *random.permutation(pairs).T[::-1]), groups)
    paired = {frozenset(pair) for pair in pairs.tolist()}
    for name in np.unique(groups):
        members = np.flatnonzero(groups == name).tolist()
        assert name == members[0]
        assert any(all(a == b or frozenset((a, b)) in paired for b in members) for a in members)
