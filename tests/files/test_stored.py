"""Protects stored JSON: whatever stands in a file is the value of its type, or one error that names file and key."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ConfigDict, TypeAdapter

from snellen.errors import IdentityError
from snellen.files.atomic import write_json
from snellen.files.stored import STORED, read_as, read_json, read_text
from snellen.limits import MAX_STORED_BYTES, MAX_STORED_DEPTH


@dataclass(frozen=True)
class Thing:
    __pydantic_config__: ClassVar[ConfigDict] = STORED
    name: str
    values: tuple[float, ...]
    by_number: dict[int, bool]


GOOD = {"name": "é", "values": [1, 0.1 + 0.2, 1e-300], "by_number": {"7": True}}
KIND = TypeAdapter(Thing)

BAD = {
    "empty": b"",
    "cut": b"{",
    "not UTF-8": b"\xff",
    "more after it": b'{"a": 1}}',
    "NaN": b"[NaN]",
    "infinity": b"[-Infinity]",
    "a float too large": b"[1e999]",
    "an integer too large": b"[9223372036854775808]",
    "an integer of 5,000 digits": b"9" * 5_000,
    "a lone surrogate": b'["\\ud800"]',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
}


@pytest.mark.parametrize("name", BAD)
def test_what_no_run_stores_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BAD[name])
    with pytest.raises(IdentityError, match="file: not JSON"):
        read_json(tmp_path / "file")


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 101 + b"]" * 101])
def test_deep_nesting_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(IdentityError, match=f"file: nested too deep; expected at most {MAX_STORED_DEPTH} levels"):
        read_json(tmp_path / "file")


def test_as_deep_as_allowed_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"[" * 99 + b"]" * 99)
    assert isinstance(read_json(tmp_path / "file"), list)


def test_a_value_comes_back_as_its_type(tmp_path: Path) -> None:
    write_json(tmp_path / "file", GOOD)
    assert read_as(KIND, tmp_path / "file") == Thing("é", (1.0, 0.1 + 0.2, 1e-300), {7: True})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": 3}, r"file: name: .*string; found 3"),
        ({"values": [0.5, "0.5"]}, r"file: values.1: .*number; found '0.5'"),
        ({"values": None}, r"file: values: .*array; found None"),
        ({"by_number": {"7": 1}}, r"file: by_number.7: .*boolean; found 1"),
        ({"more": 1}, r"file: more: .*; found 1"),
    ],
)
def test_a_wrong_type_is_refused_with_file_and_key(change: dict[str, object], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps({**GOOD, **change}), encoding="utf-8")
    with pytest.raises(IdentityError, match=said):
        read_as(KIND, tmp_path / "file")


def test_a_folder_a_pipe_and_a_huge_file_are_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IdentityError, match="folder: not a plain file"):
        read_json(tmp_path / "folder")
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(MAX_STORED_BYTES + 1)
    with pytest.raises(IdentityError, match="huge: too large a file"):
        read_json(tmp_path / "huge")
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(IdentityError, match="pipe: not a plain file"):
            read_text(tmp_path / "pipe")
