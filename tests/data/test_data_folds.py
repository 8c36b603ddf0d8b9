"""Protects folds: every row held out once, nothing related on two sides, validation out of the own training part."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import snellen
from snellen.data.dataset import Dataset
from snellen.data.splits.folds import Fold
from snellen.data.splits.roles import Split, assign
from snellen.data.splits.split_data import split_data
from snellen.errors import StudyError

GENERATOR = np.random.default_rng(0)
SPLIT = Split(test=60, validation=0.2, seed=3)


def pictures(count: int, classes: int = 3) -> Dataset:
    images = GENERATOR.integers(0, 256, (count, 5, 5), dtype=np.uint8)
    return snellen.from_arrays(images, np.arange(count) % classes, pixel_range=(0, 255))


DATASET = pictures(360)


def folds(dataset: Dataset = DATASET, split: Split = SPLIT, count: int = 5, repeats: int = 1) -> list[Fold]:
    return list(split_data(dataset, split, (count, repeats)).folds)


def test_every_row_but_the_test_is_held_out_once_a_repeat() -> None:
    roles, made = assign(DATASET, SPLIT), folds(repeats=2)
    pool = np.union1d(roles.rows["train"], roles.rows["validation"])
    for repeat in (1, 2):
        held_out = [fold.rows["held_out"] for fold in made if fold.repeat == repeat]
        np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), pool)
        assert {len(rows) for rows in held_out} == {60}
    assert not np.array_equal(made[0].rows["held_out"], made[5].rows["held_out"]), "another repeat, another division"


def test_validation_is_taken_out_of_the_own_training_part() -> None:
    pool_size = 300
    for fold in folds():
        parts = [fold.rows[part] for part in ("train", "validation", "held_out")]
        everything = np.concatenate(parts)
        assert len(everything) == len(np.unique(everything)) == pool_size
        assert len(fold.rows["validation"]) == 48, "a fifth of the 240 that are not held out"
        assert not np.isin(assign(DATASET, SPLIT).rows["test"], everything).any()


def test_folds_are_stratified() -> None:
    for fold in folds():
        for part, expected in (("held_out", 20), ("validation", 16), ("train", 64)):
            counts = np.bincount(DATASET.labels[fold.rows[part]], minlength=3)
            assert abs(counts - expected).max() <= 1, part


def test_the_same_seed_the_same_folds_another_seed_others() -> None:
    first, again, other = folds(), folds(), folds(split=replace(SPLIT, seed=4))
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one.rows["held_out"], two.rows["held_out"])
        np.testing.assert_array_equal(one.rows["validation"], two.rows["validation"])
    assert not np.array_equal(first[0].rows["held_out"], other[0].rows["held_out"])


def test_equal_images_are_never_on_two_sides() -> None:
    images = DATASET.images.copy()
    images[100:160] = images[40:100]
    dataset = snellen.from_arrays(images, DATASET.labels, pixel_range=(0, 255))
    _, picture = np.unique(images.reshape(len(images), -1), axis=0, return_inverse=True)
    for fold in folds(dataset):
        parts = [set(picture[fold.rows[part]].tolist()) for part in ("train", "validation", "held_out")]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_groups_are_never_on_two_sides() -> None:
    groups = np.arange(360) // 6 * 6
    dataset = replace(DATASET, groups=groups)
    for fold in folds(dataset):
        parts = [set(groups[fold.rows[part]].tolist()) for part in ("train", "validation", "held_out")]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        assert 48 <= len(fold.rows["held_out"]) <= 72


def test_more_folds_than_members_of_the_smallest_class() -> None:
    labels = np.where(np.arange(360) < 9, 2, np.arange(360) % 2)
    dataset = snellen.from_arrays(DATASET.images, labels, pixel_range=(0, 255))
    with pytest.raises(StudyError) as raised:
        folds(dataset, count=8)
    message = str(raised.value)
    assert "too few images for 8 folds in 1 class; found '2' (9 images, 2 in the test)" in message
    assert "Possible: `folds: 7`." in message and "`classes: [0, 1]` under `data`" in message
    assert len(folds(dataset, count=7)) == 7


@pytest.mark.parametrize(("images", "possible"), [(3, [3]), (4, [2, 3, 4]), (5, [2, 3, 4, 5]), (2, []), (1, [])])
def test_the_folds_that_a_small_class_allows(images: int, possible: list[int]) -> None:
    """Each fold needs an image of the class in each of its three parts; what a message says is possible, is."""
    dataset = pictures(60 + images)
    dataset = replace(dataset, labels=np.repeat([0, 1, 2], [30, 30, images]), classes=("a", "b", "c"))
    for count in range(2, 8):
        if count in possible:
            for fold in folds(dataset, Split(test=0), count):
                assert all(np.bincount(dataset.labels[rows], minlength=3).all() for rows in fold.rows.values())
            continue
        with pytest.raises(StudyError) as raised:
            folds(dataset, Split(test=0), count)
        named = [int(number) for number in re.findall(r"`folds: (\d+)`", str(raised.value))]
        assert set(named) <= set(possible) and bool(named) == bool(possible) and "classes: [a, b]" in str(raised.value)


def test_groups_that_cannot_be_divided() -> None:
    dataset = replace(DATASET, groups=np.where(np.arange(360) < 300, 0, np.arange(360)))
    with pytest.raises(StudyError, match="group"):
        folds(dataset, Split(test=20, validation=10))
