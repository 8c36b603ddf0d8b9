"""Protects the reading of data that nobody described: only what an option mends is mended, the rest is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_cases import save

from snellen.data.inspect.near_duplicates import near_duplicates, near_duplicates_if_quick
from snellen.data.load import read
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.resizing import Resizing
from snellen.errors import DataError, DataNotFound
from snellen.init.survey import survey


def test_what_reads_as_it_is_stays_as_it_is(own_user: Path) -> None:
    found = survey("digits")
    assert found.options == DEFAULT_OPTIONS and found.sizes == () and found.near is not None
    assert found.near is not None
    np.testing.assert_array_equal(found.near.pairs, near_duplicates(found.dataset).pairs)


def test_sizes_and_transparency_at_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number, (side, channels) in enumerate([(20, 3), (20, 4), (12, 3), (600, 3)] * 2):
        save(
            tmp_path / f"photos/{'ab'[number // 4]}/{number}.png", random.integers(0, 256, (side, side, channels), "u1")
        )
    found = survey(str(tmp_path / "photos"))
    assert (
        found.options.background == "white"
        and found.options.resizing is not None
        and found.options.resizing.height == 16
    )
    assert dict(found.sizes) == {"20 × 20": 4, "12 × 12": 2, "600 × 600": 2} and found.dataset.shape == (16, 16, 3)


def test_damaged_images_are_left_out(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"photos/{'ab'[number % 2]}/{number}.png", np.full((8, 8 + number), number, np.uint8))
    (tmp_path / "photos/a/9.png").write_bytes(b"no image")
    found = survey(str(tmp_path / "photos"))
    assert found.options.on_bad_image == "exclude" and len(found.dataset) == 6
    assert [each.file for each in found.dataset.excluded] == ["a/9.png"]
    (tmp_path / "photos/c").mkdir()
    (tmp_path / "photos/c/1.png").write_bytes(b"nor this")
    with pytest.raises(DataError, match="a class without images; found c"):
        survey(str(tmp_path / "photos"))


def test_what_leaving_out_does_not_mend_is_said(tmp_path: Path) -> None:
    save(tmp_path / "photos/a/1.png", np.zeros((8, 8), np.uint8))
    save(tmp_path / "photos/loose.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match="outside the class folders"):
        survey(str(tmp_path / "photos"))
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 5, 5), np.uint8), labels=[0, 0, 1, 5.5])
    with pytest.raises(DataError, match="labels"):
        survey(str(tmp_path / "a.npz"))


def mixed(folder: Path, sides: list[tuple[int, int]], border: int) -> Resizing | None:
    """The size proposed for noise of these sizes with two pixels of `border` around it."""
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(sides * 4):
        pixels = np.full((height, width), border, np.uint8)
        pixels[2:-2, 2:-2] = random.integers(0, 256, (height - 4, width - 4))
        save(folder / f"photos/{'ab'[number // len(sides) % 2]}/{number}.png", pixels)
    found = survey(str(folder / "photos"))
    assert found.options.resizing is None or found.dataset.shape[:2] == (
        found.options.resizing.height,
        found.options.resizing.width,
    )
    return found.options.resizing


@pytest.mark.parametrize(
    ("sides", "border", "fit"),
    [
        ([(28, 28), (32, 32)], 0, Resizing(step="pad", height=32, width=32)),
        ([(28, 24), (26, 26)], 0, Resizing(step="pad", height=28, width=26)),
        ([(28, 28), (32, 32)], 255, Resizing(step="crop", height=28, width=28)),
        ([(28, 28), (32, 32)], 128, Resizing(step="crop", height=28, width=28)),
        ([(24, 24), (32, 32)], 0, Resizing(step="resize", height=32, width=32)),
        ([(60, 60), (70, 70)], 0, Resizing(step="resize", height=64, width=64)),
        ([(28, 28)], 0, None),
    ],
)
def test_nearly_equal_sizes_are_not_stretched(
    tmp_path: Path, sides: list[tuple[int, int]], border: int, fit: Resizing | None
) -> None:
    assert mixed(tmp_path, sides, border) == fit


def test_colours_that_are_none_become_grey(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 5, 5, 1), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=pixels.repeat(3, axis=3), labels=np.arange(20) % 2)
    found = survey(str(tmp_path / "a.npz"))
    assert found.options == Options(grey=True)
    np.testing.assert_array_equal(found.dataset.images, pixels)
    coloured = pixels.repeat(3, axis=3)
    coloured[7, 0, 0, 2] ^= 1
    np.savez(tmp_path / "b.npz", images=coloured, labels=np.arange(20) % 2)
    assert survey(str(tmp_path / "b.npz")).options == DEFAULT_OPTIONS


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound):
        survey(str(tmp_path / "nowhere"))


def test_large_data_sets_are_not_compared_unasked(own_user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.inspect.near_duplicates.MAX_NEAR_IMAGES", 1_000)
    digits = read("digits")
    assert near_duplicates_if_quick(digits) is None
    near, again = near_duplicates(digits), near_duplicates_if_quick(digits)
    assert again is not None
    np.testing.assert_array_equal(again.pairs, near.pairs)


def test_what_the_user_said_is_kept(tmp_path: Path) -> None:
    """Standardised pixels are refused until their range is given."""
    pixels = np.random.default_rng(0).normal(size=(30, 8, 8))
    np.savez(tmp_path / "standardised.npz", images=pixels, labels=np.arange(30) % 2)
    source, given = str(tmp_path / "standardised.npz"), Options(pixel_range=(-3, 3))
    with pytest.raises(DataError, match=r"They look standardised .*--pixel-range BLACK WHITE"):
        survey(source)
    found = survey(source, given=given)
    assert found.options == given and found.dataset.pixel_range == (-3, 3)
