"""Protects small classes: each is named with its counts and the line that leaves it out, and gets rows where it can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snellen.data.dataset import Dataset
from snellen.data.preprocessing import select_classes
from snellen.data.readers.arrays import from_arrays
from snellen.data.splits.roles import Roles, Split, assign
from snellen.errors import StudyError

DEFAULT = Split()


def of_sizes(**sizes: int) -> Dataset:
    """Different images of classes with these names and sizes."""
    names = np.repeat(list(sizes), list(sizes.values()))
    order = np.argsort(names, kind="stable")
    images = np.random.default_rng(0).integers(0, 256, (len(names), 6, 6), dtype=np.uint8)
    return from_arrays(images, names[order], pixel_range=(0, 255))


def message(dataset: Dataset, split: Split = DEFAULT) -> str:
    with pytest.raises(StudyError) as raised:
        assign(dataset, split)
    return str(raised.value)


def counts(dataset: Dataset, roles: Roles) -> dict[str, list[int]]:
    return {
        role: np.bincount(dataset.labels[rows], minlength=len(dataset.classes)).tolist()
        for role, rows in roles.rows.items()
    }


def test_all_small_classes_are_told_at_once() -> None:
    said = message(of_sizes(cats=20, dogs=20, emus=1, rare=2))
    assert "too few images of 2 classes; found 'emus' (1 image) and 'rare' (2 images)" in said
    assert "at least 3 different images of each class, one each for training, validation and the test" in said
    assert "`classes: [cats, dogs]` under `data`" in said


def test_following_the_message_works() -> None:
    dataset = of_sizes(cats=20, dogs=20, emus=1)
    assign(select_classes(dataset, ("cats", "dogs")), Split())


def test_copies_of_one_image_count_once() -> None:
    dataset = of_sizes(cats=20, dogs=20, rare=4)
    images = np.array(dataset.images)
    images[-4:] = images[-1]
    dataset = replace(dataset, images=images)
    assert "'rare' (4 images, 1 different)" in message(dataset)
    assert "'rare' (4 images, 3 left out)" in message(dataset, Split(drop_duplicates="exact"))


def test_images_of_one_group_count_once() -> None:
    dataset = of_sizes(cats=20, dogs=20, rare=6)
    groups = np.append(np.arange(40), np.full(6, 40))
    assert "'rare' (6 images, 1 different)" in message(replace(dataset, groups=groups))


def test_a_class_that_the_official_test_has_alone() -> None:
    dataset = of_sizes(cats=20, dogs=20, rare=6)
    official = np.repeat([False, True, False, True, True], [15, 5, 15, 5, 6])
    said = message(replace(dataset, official_test=official))
    assert "'rare' (6 images, 6 in the test)" in said and "one each for training and validation" in said


def test_a_class_without_an_image() -> None:
    dataset = of_sizes(cats=20, dogs=20)
    assert "'none' (no image)" in message(replace(dataset, classes=("cats", "dogs", "none")))


def test_names_are_quoted_where_yaml_needs_it() -> None:
    dataset = of_sizes(a=20, b=20, c=20, d=1)
    said = message(replace(dataset, classes=("7", "07", "yes: no", "d")))
    assert '`classes: [7, "07", "yes: no"]`' in said


def test_many_small_classes_are_not_all_named() -> None:
    dataset = of_sizes(big=40, large=40, **{f"c{number:03}": 1 for number in range(100)})
    said = message(dataset)
    assert "too few images of 100 classes" in said and "and 80 more" in said and "`classes: [big, large]`" in said


def test_a_share_too_small_for_all_classes() -> None:
    said = message(of_sizes(a=5, b=5, c=5), Split(test=3, validation=2))
    assert "no validation row of class 'c'" in said and "`split: {validation: 3}` is one a class" in said
    assign(of_sizes(a=5, b=5, c=5), Split(test=3, validation=3))


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_three_gets_a_validation_image(seed: int) -> None:
    dataset = of_sizes(cats=40, dogs=40, rare=3)
    for split in (Split(seed=seed), Split(calibration=0.3, seed=seed)):
        found = counts(dataset, assign(dataset, split))
        assert min(found["train"]) >= 1 and min(found["validation"]) >= 1
        assert sum(map(sum, found.values())) == 83


def test_two_images_suffice_without_a_drawn_test() -> None:
    dataset = of_sizes(cats=20, dogs=20, rare=2)
    found = counts(dataset, assign(dataset, Split(test=0)))
    assert found["train"][2] == found["validation"][2] == 1
