"""Protects image files of 32 bits a channel, which do not say which of their values mean black and white."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.data.resizing import Resizing
from snellen.deploy.batch import Reading
from snellen.deploy.images import open_images
from snellen.errors import DataError, StudyError
from snellen.models.bundle import Input

RANDOM = np.random.default_rng(5)
UNIT = RANDOM.random((4, 9, 8), np.float32)
SIGNED = RANDOM.integers(-1000, 1001, (4, 9, 8)).astype(np.int32)


def save(path: Path, images: Any, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = map(Image.fromarray, images)
    first.save(path, save_all=True, append_images=others, **options)


def folder(root: Path, images: Any, stacked: bool, **options: Any) -> Path:
    for label in "ab":
        if stacked:
            save(root / label / "all.tif", images, **options)
        else:
            for row, image in enumerate(images):
                save(root / label / f"{row}.tif", [image], **options)
    return root


def predicted(source: Path, scale: tuple[float, float], given: tuple[float, float] | None = None) -> np.ndarray:
    contract = Input(height=9, width=8, channels=1, pixel_range=scale)
    reading = Reading(Options(pixel_range=given))
    batches = list(open_images([str(source)], contract, None, reading=reading))
    assert not reading.failed
    return np.concatenate([batch.images for batch in batches])[..., 0]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize(("images", "scale"), [(UNIT, (0.0, 1.0)), (SIGNED, (-1000.0, 1000.0)), (200 * UNIT, (0, 300))])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_training_and_predict_read_them_with_a_range(
    tmp_path: Path, images: np.ndarray, scale: tuple[float, float], stacked: bool, compression: str | None
) -> None:
    root = folder(tmp_path / "data", images, stacked, compression=compression)
    dataset = read(root, Options(pixel_range=scale))
    assert dataset.pixel_range == scale and dataset.images.dtype == np.float32
    np.testing.assert_array_equal(dataset.images[:4, ..., 0], images.astype(np.float32))
    np.testing.assert_array_equal(predicted(root / "a", scale), images.astype(np.float32))
    np.testing.assert_array_equal(predicted(root / "a", scale, scale), images.astype(np.float32))
    low, high = scale
    expected = (images - low) / (high - low)
    np.testing.assert_allclose(predicted(root / "a", (0, 255), scale) / 255, expected, atol=1e-6)


def test_without_a_range_the_line_to_write_is_said(tmp_path: Path) -> None:
    for stacked in (False, True):
        root = folder(tmp_path / f"unit{stacked}", UNIT, stacked)
        with pytest.raises(DataError, match=r"32 bits a channel.*`pixel_range: \[0, 1\]`.*--pixel-range 0 1"):
            read(root)
    root = folder(tmp_path / "dark", UNIT * 30 - 20, stacked=True)
    with pytest.raises(DataError, match="--pixel-range BLACK WHITE"):
        predicted(root / "a", (0, 255))
    bad = UNIT.copy()
    bad[2, 3, 4] = np.nan
    with pytest.raises(DataError, match="a pixel is not finite"):
        read(folder(tmp_path / "nan", bad, stacked=True), Options(pixel_range=(0, 1)))


def test_one_range_is_not_for_several_depths_and_values_beyond_are_said(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", UNIT, stacked=False)
    dataset = read(root, Options(pixel_range=(0, 0.5), resizing=Resizing(step="resize", height=5, width=5)))
    assert any("go beyond the given `pixel_range`" in remark for remark in dataset.remarks)
    save(root / "a/8.tif", [SIGNED[0].astype(np.uint16)])
    with pytest.raises(StudyError, match="one range for images of two kinds; found 1 of 16 bits and 8 of 32 bits"):
        read(root, Options(pixel_range=(0, 1)))
