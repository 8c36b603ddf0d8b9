"""Protects the count of images of one colour: whatever the colour, the type and the number of channels."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from snellen.cli import app
from snellen.data.inspect.constant_images import constant_rows
from snellen.data.inspect.describe import describe
from snellen.data.readers.arrays import from_arrays

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_one_colour_are_found(channels: int, dtype: type) -> None:
    images: np.ndarray = RANDOM.integers(0, 255, (500, 9, 7, channels)).astype(dtype)
    images[3] = 0
    images[77] = np.arange(channels)  # a colour of its own for each channel
    images[499] = 255
    assert constant_rows(images).tolist() == [3, 77, 499]
    images[77, 4, 2, 0] += 1
    assert constant_rows(images).tolist() == [3, 499]
    assert constant_rows(images[:3]).tolist() == [] == constant_rows(images[:0]).tolist()


def test_alpha_is_not_looked_at() -> None:
    images = np.zeros((2, 5, 5, 4), np.uint8)
    images[0, ..., 3] = RANDOM.integers(0, 255, (5, 5))
    assert constant_rows(images).tolist() == [0, 1]


def test_describe_counts_them(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    images, labels = RANDOM.integers(0, 255, (30, 6, 6), dtype=np.uint8), np.arange(30) % 3
    images[4] = 9
    assert describe(from_arrays(images, labels))["constant"] == 1
    np.savez(tmp_path / "some.npz", X=images, y=labels)
    monkeypatch.chdir(tmp_path)
    assert "constant     1 image of one colour" in CliRunner().invoke(app, ["data", "describe", "some.npz"]).stdout
