"""Protects "exact" in exact duplicates: all of them, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snellen.data import duplicates
from snellen.data.duplicates import conflicting_rows, duplicate_groups, image_keys
from snellen.errors import RunError


def test_keys_see_content_and_not_shape() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 6, 1), dtype=np.uint8)
    keys = image_keys(images)
    assert len(set(keys.tolist())) == 50
    np.testing.assert_array_equal(keys, image_keys(images.reshape(50, 6, 4)))
    images[7, 3, 5, 0] ^= 1
    assert np.flatnonzero(keys != image_keys(images)).tolist() == [7]


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.just(1), st.just(2), st.just(1)), elements=st.integers(0, 1))
)
def test_groups_are_those_of_comparing_all_pairs(images: np.ndarray) -> None:
    brute = [min(row for row in range(len(images)) if np.array_equal(images[row], image)) for image in images]
    assert duplicate_groups(images).tolist() == brute


def test_groups_across_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).random((100, 2, 2, 1), np.float32)
    images[90], images[41] = images[3], images[40]
    monkeypatch.setattr("snellen.data.slices.SLICE_BYTES", 64)
    groups = duplicate_groups(images)
    assert {row: groups[row] for row in np.flatnonzero(groups != np.arange(100))} == {90: 3, 41: 40}


def test_both_zeros_are_black() -> None:
    assert duplicate_groups(np.array([0.0, -0.0, 1.0], np.float32).reshape(3, 1, 1, 1)).tolist() == [0, 0, 2]


def test_equal_keys_of_different_images_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "image_keys", lambda images: np.zeros(len(images)))
    with pytest.raises(RunError, match=r"two different images have one key; found rows 0 and 1"):
        duplicate_groups(np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1))


def test_conflicting_labels() -> None:
    groups, labels = np.array([0, 1, 0, 1, 4, 0]), np.array([5, 6, 7, 6, 5, 5])
    assert conflicting_rows(groups, labels).tolist() == [0, 2, 5]
