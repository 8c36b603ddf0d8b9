"""Protects the opening of data files: bounded by what is on the disk, whatever length they claim."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from snellen.data.streams import file_bytes, open_data
from snellen.errors import DataError


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_data(tmp_path / "a") as file:
        assert (file_bytes(file), file.read()) == (3, b"abc")
    with pytest.raises(DataError, match="file too large; found 3 bytes; expected at most 2"):
        open_data(tmp_path / "a", 2)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell what is on the disk")
@pytest.mark.parametrize("start", [b"x", b""])
def test_a_tebibyte_of_nothing(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "a").write_bytes(start)
    os.truncate(tmp_path / "a", 2**40)
    with pytest.raises(DataError, match=r"file too large; found 1,099,511,627,776 bytes"):
        open_data(tmp_path / "a")
    os.truncate(tmp_path / "a", 2**30)
    if start:
        with pytest.raises(DataError, match="implausibly much data; found 1,073,741,824 bytes from 4,096 stored"):
            open_data(tmp_path / "a")
