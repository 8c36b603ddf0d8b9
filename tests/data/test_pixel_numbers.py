"""Protects images as numbers: what is stored, in its place, and how often a pixel has each value."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.errors import DataError, UnknownName


def coloured() -> Dataset:
    images = np.random.default_rng(0).integers(0, 4, (14, 3, 5, 3), dtype=np.uint8)
    return from_arrays(images, np.arange(14) % 2)


def test_one_image_is_its_stored_numbers() -> None:
    digits = read("digits")
    shown = digits.image_values(3)
    assert shown.columns == ["row", *(f"column_{column}" for column in range(8))]
    np.testing.assert_array_equal(shown.drop("row").to_numpy(), digits.images[3, ..., 0])
    assert shown["row"].to_list() == list(range(8)) and shown["column_0"].dtype == pl.UInt8
    assert digits.image_values(str(digits.ids[3])).equals(shown)
    assert digits.image_values(np.int64(3)).equals(shown)  # type: ignore[arg-type]


def test_channels_stand_one_below_another() -> None:
    dataset = coloured()
    shown = dataset.image_values(2)
    for channel in range(3):
        one = shown.filter(pl.col("channel") == channel)
        assert one["row"].to_list() == [0, 1, 2]
        np.testing.assert_array_equal(one.drop("channel", "row").to_numpy(), dataset.images[2, ..., channel])


def test_counts_of_a_pixel_are_those_of_a_loop_over_the_images() -> None:
    digits = read("digits")
    found = digits.pixel_counts(2, 5)
    expected = Counter(int(image[2, 5, 0]) for image in digits.images)
    assert dict(zip(found["value"].to_list(), found["images"].to_list(), strict=True)) == expected
    assert found["value"].is_sorted() and found["images"].sum() == len(digits)
    np.testing.assert_allclose(found["share"].to_numpy(), found["images"].to_numpy() / len(digits))


def test_channels_are_counted_apart() -> None:
    dataset = coloured()
    found = dataset.pixel_counts(1, 4)
    for channel in range(3):
        one = found.filter(pl.col("channel") == channel)
        assert dict(zip(one["value"], one["images"], strict=True)) == Counter(dataset.images[:, 1, 4, channel].tolist())


def test_images_of_the_official_test_are_not_counted() -> None:
    dataset = coloured()
    test = np.arange(14) >= 10
    outside = replace(dataset, images=dataset.images[:10], official_test=None)
    assert replace(dataset, official_test=test).pixel_counts(0, 0).equals(outside.pixel_counts(0, 0))


def test_floats_keep_their_values() -> None:
    dataset = coloured()
    scaled = replace(dataset, images=dataset.images.astype(np.float32) / 4)
    assert scaled.image_values(0)["column_0"].dtype == pl.Float32
    assert set(scaled.pixel_counts(0, 0)["value"]) <= {0.0, 0.25, 0.5, 0.75}


def test_what_is_not_there_is_refused() -> None:
    dataset = coloured()
    with pytest.raises(DataError, match=r"no such image.*row 14.*0 to 13"):
        dataset.image_values(14)
    with pytest.raises(DataError, match="row -1"):
        dataset.image_values(-1)
    with pytest.raises(UnknownName, match="unknown image 'nowhere'"):
        dataset.image_values("nowhere")
    with pytest.raises(DataError, match=r"no such pixel.*row 3, column 0.*rows 0 to 2"):
        dataset.pixel_counts(3, 0)
