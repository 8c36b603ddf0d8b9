"""Protects folds of small sets: enough of them to judge by, fewer where classes are small, none where not needed."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.data.readers.arrays import from_arrays
from snellen.init.division import division
from snellen.init.folds import fold_count, fold_lines

RANDOM = np.random.default_rng(4)


@pytest.mark.parametrize(
    ("sizes", "count", "says"),
    [
        ((60, 60), 5, "With 5 folds all"),
        ((60, 5), 3, "With 3 folds all"),
        ((60, 3), None, "folds are not possible: class dog has 2 images outside the test"),
        ((1300, 1300), None, ""),
    ],
)
def test_folds_by_the_size_of_the_set(sizes: tuple[int, int], count: int | None, says: str) -> None:
    images = RANDOM.integers(0, 256, (sum(sizes), 6, 6), dtype=np.uint8)
    dataset = from_arrays(images, np.repeat(["cat", "dog"], sizes), name="mine")
    made = division(dataset, None)
    assert fold_count(dataset, made) == count
    written = list(fold_lines(dataset, made, count))
    assert [line for line in written if not line.startswith("#")] == ([f"folds: {count}"] if count else [])
    comment = " ".join(line.removeprefix("# ") for line in written)
    assert says in comment if says else not written


def test_an_official_validation_part_judges() -> None:
    images = RANDOM.integers(0, 256, (80, 6, 6), dtype=np.uint8)
    labels = np.arange(40) % 2
    dataset = from_arrays(
        images[:40], labels, validation_images=images[40:], validation_labels=labels, pixel_range=(0, 255)
    )
    assert dataset.official_validation is not None and fold_count(dataset, division(dataset, None)) is None
