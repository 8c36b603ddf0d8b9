"""Protects tables that are not UTF-8: read where a byte order mark says how, refused with byte and line otherwise."""

from __future__ import annotations

import gzip
from pathlib import Path

import image_cases as cases
import numpy as np
import pytest

from snellen.data.load import read
from snellen.data.readers.csv.pixel_table import Expected, read_pixels
from snellen.errors import DataError

NAMES = ["café", "chien", "naïve"]
PIXELS = np.random.default_rng(1).integers(0, 256, (6, 9))
MARKED = ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"]


def encoded(text: str, encoding: str) -> bytes:
    return ("\ufeff" * (encoding == "utf-16-be") + text).encode(encoding)


def manifest(folder: Path, encoding: str, ends: str = "\n") -> Path:
    """Six images of three classes, a line each."""
    lines = ["path\tlabel", *(f"{row}.png\t{NAMES[row % 3]}" for row in range(6))]
    for row in range(6):
        cases.save(folder / f"{row}.png", cases.COLOUR ^ row)
    (folder / "list.csv").write_bytes(encoded("".join(line + ends for line in lines), encoding))
    return folder / "list.csv"


def pixel_table(folder: Path, encoding: str, name: str = "t.csv") -> Path:
    header = ",".join(["label", *(f"pixel{place}" for place in range(9))])
    rows = [",".join(map(str, [NAMES[row % 3], *PIXELS[row]])) for row in range(6)]
    content = encoded("\n".join([header, *rows]), encoding)
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder / name


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_manifests_with_a_byte_order_mark(tmp_path: Path, encoding: str, ends: str) -> None:
    dataset = read(manifest(tmp_path, encoding, ends))
    assert dataset.classes == tuple(NAMES) and dataset.labels.tolist() == [0, 1, 2] * 2


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_pixels_with_a_byte_order_mark(tmp_path: Path, encoding: str, name: str) -> None:
    dataset = read(pixel_table(tmp_path, encoding, name))
    assert dataset.classes == tuple(NAMES)
    np.testing.assert_array_equal(dataset.images.reshape(6, 9), PIXELS)


@pytest.mark.parametrize("write", [manifest, pixel_table])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_older_encodings_are_refused_with_byte_and_line(tmp_path: Path, write: object, encoding: str) -> None:
    assert callable(write)
    path = write(tmp_path, encoding)
    message = r"line 2.*: text that is not UTF-8; found byte 0xe9 as character \d+, in Windows-1252 '.*café.*iconv"
    with pytest.raises(DataError, match=message):
        read(path)


@pytest.mark.parametrize("write", [manifest, pixel_table])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_named(tmp_path: Path, write: object, encoding: str) -> None:
    assert callable(write)
    path = write(tmp_path, "utf-8")
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    with pytest.raises(DataError, match=r"text in UTF-16 without a byte order mark.*Save the table as CSV in UTF-8"):
        read(path)


@pytest.mark.parametrize("write", [manifest, pixel_table])
def test_a_byte_order_mark_that_is_untrue(tmp_path: Path, write: object) -> None:
    assert callable(write)
    path = write(tmp_path, "utf-8")
    path.write_bytes(b"\xff\xfe" + b"\x00\xd8a\x00" * 20)
    with pytest.raises(DataError, match=r"(?i)utf-16|no reader"):
        read(path)


def test_labels_beside_pixels_are_not_read_with_escaped_bytes(tmp_path: Path) -> None:
    pixel_table(tmp_path, "utf-8", "X_train.csv").write_text(
        "\n".join([",".join(f"pixel{place}" for place in range(9)), *(",".join(map(str, row)) for row in PIXELS)])
    )
    (tmp_path / "y_train.csv").write_bytes("\n".join(["label", *NAMES, *NAMES]).encode("cp1252"))
    with pytest.raises(DataError, match=r"y_train.csv: line 2: text that is not UTF-8; found byte 0xe9 as character 4"):
        read(tmp_path)


def test_bad_bytes_in_one_row_leave_the_others_to_predict(tmp_path: Path) -> None:
    path = pixel_table(tmp_path, "utf-8")
    content = path.read_bytes().split(b"\n")
    content[3] = b"\xe9" + content[3]
    path.write_bytes(b"\n".join(content))
    table = read_pixels(path, of_model=Expected((3, 3)))
    assert len(table.pixels) == 5 and "line 4" in table.bad["t.csv:2"]
