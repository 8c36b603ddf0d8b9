"""Protects the numbers of pixels, tones and correlations: NumPy's own on small arrays, the published ones of MNIST."""

from __future__ import annotations

from dataclasses import replace

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs

from snellen.data.dataset import Dataset
from snellen.data.inspect import pixel_statistics
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays

ROWS = np.array([0, 2, 3, 5, 8, 9, 12])


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several slices even of these few images."""
    monkeypatch.setattr("snellen.data.slices.SLICE_BYTES", 1000)


def random(channels: int, height: int = 6, width: int = 5) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (14, height, width, channels), dtype=np.uint8)
    return from_arrays(images, np.arange(14) % 3)


def floats(channels: int = 1) -> Dataset:
    dataset = random(channels)
    return replace(dataset, images=dataset.images.astype(np.float32) / 100 - 1, pixel_range=(-1.0, 2.0))


@pytest.mark.parametrize("dataset", [random(1), random(3), random(4), floats(), floats(3)])
def test_channels_are_numpys(dataset: Dataset) -> None:
    found = pixel_statistics.channel_moments(dataset, ROWS)
    histograms = pixel_statistics.channel_histograms(dataset, ROWS, found.least.min(), found.greatest.max())
    pixels = dataset.images[ROWS].reshape(-1, dataset.shape[2]).astype(np.float64)
    np.testing.assert_array_equal(found.least, pixels.min(axis=0))
    np.testing.assert_array_equal(found.greatest, pixels.max(axis=0))
    np.testing.assert_allclose(found.means, pixels.mean(axis=0))
    np.testing.assert_allclose(found.deviations, pixels.std(axis=0))
    for channel, counts in enumerate(histograms.counts):
        np.testing.assert_array_equal(counts, np.histogram(pixels[:, channel], histograms.edges)[0])
        assert counts.sum() == len(pixels)


@pytest.mark.parametrize("greatest", [0, 1, 16, 63, 64, 100, 254, 255])
def test_bins_of_whole_numbers_hold_equally_many(greatest: int) -> None:
    edges = pixel_statistics.bin_edges(0, greatest, True)
    held = np.histogram(np.arange(1024), edges)[0]
    assert len(set(held)) == 1 and len(held) <= pixel_statistics.BINS
    assert edges[0] == -0.5 and greatest < edges[-1] <= greatest + held[0] + 0.5


def test_bins_of_one_value_have_a_width() -> None:
    assert (np.diff(pixel_statistics.bin_edges(0.5, 0.5, False)) > 0).all()


@pytest.mark.parametrize("dataset", [random(1), random(3), random(4), floats(3)])
def test_tones_are_shares_and_leave_out_alpha(dataset: Dataset) -> None:
    brightness, contrast = pixel_statistics.brightness_and_contrast(dataset, ROWS)
    low, high = dataset.pixel_range
    shares = (dataset.images[ROWS][..., :3].astype(np.float64) - low) / (high - low)
    np.testing.assert_allclose(brightness, shares.mean(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(contrast, shares.std(axis=(1, 2, 3)), rtol=1e-5)


def test_correlation_of_small_images_is_numpys() -> None:
    dataset = random(3)
    dataset.images[:, 0, 1] = 7
    found = pixel_statistics.correlation(dataset, ROWS)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.corrcoef(dataset.images[ROWS].mean(axis=3).reshape(len(ROWS), -1), rowvar=False)
    expected[1] = expected[:, 1] = np.nan
    np.testing.assert_allclose(found.matrix, expected, atol=1e-12)
    assert (found.blocks, found.block_pixels, found.images) == ((6, 5), 1, 7)


def test_larger_images_are_pooled_first() -> None:
    dataset = random(1, 20, 31)
    found = pixel_statistics.correlation(dataset, ROWS)
    side = found.block_pixels
    assert (side, found.blocks) == (3, (7, 11))  # with blocks of 2, 160
    corner = dataset.images[ROWS][:, 18:, 30:].mean(axis=(1, 2, 3))
    first = dataset.images[ROWS][:, :side, :side].mean(axis=(1, 2, 3))
    assert found.matrix[-1, 0] == pytest.approx(np.corrcoef(corner, first)[0, 1])
    np.testing.assert_allclose(found.matrix.diagonal(), 1)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (8, 16), (28, 28), (32, 32), (64, 48), (512, 512), (1, 512)])
def test_no_correlation_has_more_blocks_than_can_be_drawn(shape: tuple[int, int]) -> None:
    side = pixel_statistics.block_side(*shape)
    cells = [-(-length // side) for length in shape]
    assert np.prod(cells) <= pixel_statistics.BLOCKS
    assert side == 1 or np.prod([-(-length // (side - 1)) for length in shape]) > pixel_statistics.BLOCKS


def test_correlations_with_the_labels_come_first_and_the_limit_of_blocks_is_the_callers() -> None:
    dataset, labels = random(1, height=12, width=12), np.arange(len(ROWS)) % 3
    found = pixel_statistics.correlation(dataset, ROWS, 144, labels)
    pixels = dataset.images[ROWS].reshape(len(ROWS), -1).astype(np.float64)
    np.testing.assert_allclose(found.matrix, np.corrcoef(np.column_stack([labels, pixels]).T), atol=1e-12)
    assert found.block_pixels == 1 and pixel_statistics.correlation(dataset, ROWS).block_pixels == 2


@needs("mnist")
def test_the_known_numbers_of_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # slices of the real size
    monkeypatch.setenv("SNELLEN_DATA", str(REAL_DATA))
    dataset = read("mnist")
    rows = np.flatnonzero(~np.asarray(dataset.official_test))
    found = pixel_statistics.channel_moments(dataset, rows)
    assert found.means[0] / 255 == pytest.approx(0.1307, abs=5e-5)
    assert found.deviations[0] / 255 == pytest.approx(0.3081, abs=5e-5)
    assert pixel_statistics.channel_histograms(dataset, rows, 0, 255).counts.sum() == 60_000 * 784
    brightness, _ = pixel_statistics.brightness_and_contrast(dataset, rows)
    assert brightness.mean() == pytest.approx(0.1307, abs=5e-5)


def test_cases_with_an_official_test_are_read_by_row() -> None:
    dataset = cases.expected()
    assert pixel_statistics.channel_histograms(dataset, ROWS[:1], 0, 255).counts.sum() == dataset.images[0].size
