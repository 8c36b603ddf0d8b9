"""Protects the table of every pixel and the spread of a class: NumPy's own numbers, on bytes and on floats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snellen.data.dataset import Dataset
from snellen.data.inspect import pixel_table as tables
from snellen.data.inspect.class_spread import squared_distances
from snellen.data.readers.arrays import from_arrays

ROWS = np.array([0, 2, 3, 5, 8, 9, 12, 13])


def random(channels: int = 1) -> Dataset:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (14, 6, 5, channels), dtype=np.uint8) * (draw.random((14, 6, 5, channels)) < 0.6)
    return from_arrays(images.astype(np.uint8), np.arange(14) % 3)


def floats() -> Dataset:
    dataset = random()
    return replace(dataset, images=dataset.images.astype(np.float32) / 100 - 1, pixel_range=(-1.0, 2.0))


@pytest.mark.parametrize("dataset", [random(), random(3), floats()])
def test_every_pixel_has_numpys_numbers(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.slices.SLICE_BYTES", 1000)
    found = tables.pixel_table(dataset, ROWS)
    pixels = dataset.images[ROWS].reshape(len(ROWS), -1).astype(np.float64)
    assert found.pixels is not None and found.images == len(ROWS)
    for share, name in zip(tables.QUARTILES, tables.COLUMNS):
        expected = np.quantile(pixels, share, axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(found.pixels[name], expected)
        assert found.all[name] == np.quantile(pixels, share, method="inverted_cdf")
    np.testing.assert_allclose(found.pixels["mean"], pixels.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.pixels["deviation"], pixels.std(axis=0), atol=1e-6)
    np.testing.assert_array_equal(found.pixels["zeros"], (pixels == 0).mean(axis=0))
    assert found.all["zeros"] == (pixels == 0).mean()
    place = dataset.shape[2] * (2 * 5 + 3)
    assert found.pixels.row(place, named=True)["row"] == 2 and found.pixels.row(place, named=True)["column"] == 3


def test_of_large_images_only_all_pixels_together(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = random()
    whole = tables.pixel_table(dataset, ROWS).all
    monkeypatch.setattr(tables, "MAX_PIXELS", 29)
    found = tables.pixel_table(dataset, ROWS)
    assert found.pixels is None and found.all == whole


def test_of_many_images_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = random()
    assert tables.counted_rows(dataset, ROWS).tolist() == ROWS.tolist()
    monkeypatch.setattr(tables, "MAX_VALUES", {True: 4 * 30, False: 2 * 30})
    assert len(tables.counted_rows(dataset, ROWS)) == 4 and len(tables.counted_rows(floats(), ROWS)) == 2
    assert set(tables.counted_rows(dataset, ROWS)) <= set(ROWS)


@pytest.mark.parametrize("dataset", [random(), floats()])
def test_spread_is_the_mean_variance_of_the_pixels_of_a_class(dataset: Dataset) -> None:
    low, high = dataset.pixel_range
    rows = np.arange(1, 14)
    for code, squares in enumerate(squared_distances(dataset, rows)):
        own = dataset.images[rows[dataset.labels[rows] == code]].reshape(len(squares), -1)
        covariance = np.cov((own.astype(np.float64) - low) / (high - low), rowvar=False)
        assert squares.mean() == pytest.approx(np.trace(covariance) / 30, rel=1e-5)


def test_a_class_of_one_image_has_no_spread() -> None:
    assert [len(squares) for squares in squared_distances(random(), np.array([0, 3, 1]))] == [2, 0, 0]
