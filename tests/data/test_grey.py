"""Protects colours made grey: Pillow's numbers to the last bit, floats by the same weights, nothing lost unsaid."""

from __future__ import annotations

from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from image_cases import save
from PIL import Image

from snellen.data.grey import as_grey
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.resizing import Resizing
from snellen.errors import DataError

GREY = Options(grey=True)
COLOURS = np.random.default_rng(2).integers(0, 256, (4_000, 9, 7, 3), dtype=np.uint8)


def pillows(images: np.ndarray) -> np.ndarray:
    """Pillow's grey of (N, H, W, 3) uint8, from one tall image."""
    tall = images.reshape(-1, images.shape[2], 3)
    return np.asarray(Image.fromarray(tall).convert("L")).reshape(*images.shape[:3], 1)


def test_bytes_are_those_of_pillow() -> None:
    found = as_grey(COLOURS)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, pillows(COLOURS))
    corners = np.array(np.meshgrid(*[[0, 1, 127, 128, 254, 255]] * 3), np.uint8).reshape(3, 1, -1, 1).T.swapaxes(1, 2)
    corners = corners.reshape(-1, 1, 1, 3)
    np.testing.assert_array_equal(as_grey(corners), pillows(corners))


def test_floats_have_the_weights_of_the_recommendation() -> None:
    pictures = COLOURS[:50].astype(np.float32) / 255
    found = as_grey(pictures)
    assert found.dtype == np.float32 and found.shape == (50, 9, 7, 1)
    np.testing.assert_allclose(found[..., 0], pictures @ [0.299, 0.587, 0.114], atol=1e-5)
    assert as_grey(np.ones((1, 1, 1, 3), np.float32)) == 1


def test_grey_images_stay_as_they_are() -> None:
    assert as_grey(cases.IMAGES[..., None]).base is cases.IMAGES


def test_alpha_is_refused(tmp_path: Path) -> None:
    clear = cases.arrays(5, 4, 4)
    with pytest.raises(DataError, match=r"transparent images as grey; found 4 channels.*background"):
        read(cases.write_npz(tmp_path / "clear", clear), GREY)


def test_a_colour_data_set(tmp_path: Path) -> None:
    path = cases.write_npz(tmp_path / "colours", cases.CIFAR)
    colour, grey = read(path), read(path, GREY)
    assert grey.shape == (32, 32, 1) and grey.fingerprint != colour.fingerprint
    np.testing.assert_array_equal(grey.images, pillows(np.asarray(colour.images)))
    again = from_arrays(grey.images[:12], grey.labels[:12], test_images=grey.images[12:], test_labels=grey.labels[12:])
    assert again.fingerprint == grey.fingerprint
    assert read(cases.write_npz(tmp_path / "grey"), GREY).fingerprint == cases.expected().fingerprint


def test_few_levels_are_not_rounded_away(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (12, 5, 4, 3), dtype=np.uint8)
    dataset = read(cases.write_npz(tmp_path / "bits", (pixels, cases.LABELS)), GREY)
    assert dataset.images.dtype == np.float32 and dataset.pixel_range == (0, 1)
    np.testing.assert_allclose(dataset.images[..., 0], pixels @ [0.299, 0.587, 0.114], atol=1e-5)


def test_the_size_comes_first_for_files_and_arrays_alike(tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    for row, pixels in enumerate(pictures):
        save(tmp_path / f"photos/{'ab'[row // 3]}/{row}.png", pixels)
    options = Options(grey=True, resizing=Resizing(step="resize", height=5, width=5))
    files = read(tmp_path / "photos", options)
    np.savez(tmp_path / "arrays.npz", images=pictures, labels=np.repeat(["a", "b"], 3))
    np.testing.assert_array_equal(files.images, read(tmp_path / "arrays.npz", options).images)
    sized = np.stack([np.asarray(Image.fromarray(each).resize((5, 5), Image.Resampling.BILINEAR)) for each in pictures])
    np.testing.assert_array_equal(files.images, pillows(sized))


def test_the_cache_tells_grey_from_colour(tmp_path: Path) -> None:
    assert GREY.as_json() != DEFAULT_OPTIONS.as_json()
    path = cases.write_npz(tmp_path / "colours", cases.CIFAR)
    assert [read(path, options).shape[2] for options in (GREY, DEFAULT_OPTIONS, GREY)] == [1, 3, 1]
