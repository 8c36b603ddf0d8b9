"""Protects what is said of image files: sizes as shown, formats and tones; only of rows that are files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snellen.data.decoding.decoding_limits import ORIENTATION
from snellen.data.inspect.image_headers import ImageHeader, header_counts, read_headers, sample_files
from snellen.data.load import read
from snellen.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images of 6 x 4 in two classes, one of them stored sideways."""
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    Image.new("RGB", (4, 6), "red").save(tmp_path / "photos/cat/a.png")
    Image.new("L", (4, 6), 9).save(tmp_path / "photos/cat/b.jpg")
    Image.new("RGB", (4, 6), "blue").quantize().save(tmp_path / "photos/dog/c.gif")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("RGB", (6, 4), "green").save(tmp_path / "photos/dog/d.jpg", exif=exif)
    return tmp_path / "photos"


def test_headers_say_what_is_shown(folder: Path) -> None:
    found = read_headers(sample_files(read(folder), folder))
    assert found == [
        ImageHeader(6, 4, "PNG", "colour"),
        ImageHeader(6, 4, "JPEG", "grey"),
        ImageHeader(6, 4, "GIF", "palette"),
        ImageHeader(6, 4, "JPEG", "colour"),
    ]
    assert header_counts(found) == {
        "sizes": [("6 × 4", 4)],
        "formats": [("JPEG", 2), ("PNG", 1), ("GIF", 1)],
        "colours": [("colour", 2), ("grey", 1), ("palette", 1)],
    }


def test_rows_of_arrays_are_no_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.arange(36, dtype=np.uint8).reshape(4, 3, 3), labels=[0, 1, 0, 1])
    assert sample_files(read(tmp_path / "a.npz"), tmp_path / "a.npz") == []


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no image")
    with pytest.raises(DataError, match=r"note\.png"):
        read_headers([tmp_path / "note.png"])
