"""Protects the images of a report: right rows, right tones, unchanged by being stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snellen.data.dataset import Dataset
from snellen.explain.thumbnails import draw, load_thumbnails, save_thumbnails, to_uint8


def test_tones_run_from_black_to_white_over_the_pixel_range() -> None:
    assert to_uint8(np.array([0, 4, 8, 16], np.uint8), (0, 16)).tolist() == [0, 64, 128, 255]
    assert to_uint8(np.array([-2.0, -1.0, 0.0, 1.0, 3.0], np.float32), (-1, 1)).tolist() == [0, 0, 128, 255, 255]
    assert to_uint8(np.arange(256, dtype=np.uint8), (0, 255)).tolist() == list(range(256))


def test_images_of_the_rows_asked_for_survive_storage(tmp_path: Path) -> None:
    images = np.arange(10 * 2 * 3, dtype=np.uint8).reshape(10, 2, 3, 1)
    ids = np.array([str(row) for row in range(10)])
    dataset = Dataset("ten", images, np.zeros(10, np.int64), ("0", "1"), ids, None, (0.0, 255.0), "")
    drawn = draw(dataset, np.array([7, 2, 7]))
    save_thumbnails(tmp_path / "thumbnails.safetensors", drawn)
    loaded = load_thumbnails(tmp_path / "thumbnails.safetensors")
    assert loaded.rows.tolist() == [2, 7]
    np.testing.assert_array_equal(loaded.images, images[[2, 7]])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_are_kept(channels: int) -> None:
    assert to_uint8(np.ones((2, 3, 3, channels), np.uint8), (0, 1)).shape == (2, 3, 3, channels)
