"""Protects against files of weights from strangers: refused by their header, within bounds of memory and time."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from backbone_cases import SMALL, state, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs import needs

from snellen.errors import DataError, SnellenError
from snellen.models.backbones.weights import find_weights
from snellen.models.backbones.weights_file import MAX_HEADER_BYTES, read_header

pytestmark = needs("timm")
CALLED: list[str] = []


def safetensors_bytes(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return CALLED.append, ("run",)


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HOSTILE = {
    "a pickle": pickle.dumps(Bomb()),
    "a zip": b"PK\x03\x04" + bytes(100),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "a web page": b"<!DOCTYPE html><html></html>",
    "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "nothing": b"",
    "seven bytes": b"\0" * 7,
    "a header of 2**63 bytes": safetensors_bytes(b"{}", length=2**63),
    "a header over the limit": safetensors_bytes(b"{}", length=MAX_HEADER_BYTES + 1),
    "a header that is cut off": safetensors_bytes({"a": F32}, length=10_000),
    "no tensors": safetensors_bytes({}),
    "a header that is no JSON": safetensors_bytes(b"{" + b"x" * 100),
    "nested headers": safetensors_bytes(b'{"a":' * 50_000),
    "data cut off": safetensors_bytes({"a": F32}, bytes(4)),
    "data too long": safetensors_bytes({"a": F32}, bytes(12)),
    "tensors over each other": safetensors_bytes({"a": F32, "b": F32}, bytes(8)),
    "a huge tensor": safetensors_bytes({"a": {**F32, "shape": [2**40, 2**20], "data_offsets": [0, 2**62]}}, bytes(8)),
    "an overflow": safetensors_bytes({"a": {**F32, "shape": [2**63, 2**63], "data_offsets": [0, 0]}}),
    "a negative shape": safetensors_bytes({"a": {**F32, "shape": [-2]}}, bytes(8)),
    "offsets that run backwards": safetensors_bytes({"a": {**F32, "data_offsets": [8, 0]}}, bytes(8)),
    "an unknown type": safetensors_bytes({"a": {**F32, "dtype": "object"}}, bytes(8)),
    "metadata that are no texts": safetensors_bytes({"__metadata__": {"a": [1]}, "a": F32}, bytes(8)),
    "a hundred thousand empty tensors": safetensors_bytes(
        {f"{at}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for at in range(100_000)}
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_in_little_memory(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{SMALL}.safetensors"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(DataError, match=SMALL):
        find_weights(SMALL, str(path))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=SMALL):
            find_weights(SMALL, str(path))
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()
    assert not CALLED


def test_a_pickle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(HOSTILE["a pickle"])
    with pytest.raises(DataError, match=r"not a safetensors file; found a pickle, which may contain code.*save_file"):
        find_weights(SMALL, str(path))


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(DataError, match="not a regular file; found a folder"):
        find_weights(SMALL, str(tmp_path / "folder.safetensors"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_pipes_devices_and_links_to_them_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "device.safetensors").symlink_to("/dev/zero")
    (tmp_path / "circle.safetensors").symlink_to(tmp_path / "circle.safetensors")
    for name, kind in {
        "pipe": "a named pipe",
        "device": "a device",
        "circle": "cannot be reached|no such file",
    }.items():
        with pytest.raises(DataError, match=kind):
            find_weights(SMALL, str(tmp_path / f"{name}.safetensors"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such links")
def test_a_link_to_a_file_is_followed_as_in_the_cache_of_the_hub(tmp_path: Path) -> None:
    target = write(tmp_path / "blobs" / "abc", state())
    (tmp_path / f"{SMALL}.safetensors").symlink_to(target)
    assert find_weights(SMALL, str(tmp_path / f"{SMALL}.safetensors")).path.name == f"{SMALL}.safetensors"


def test_a_link_to_another_file_shows_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("root:x:0:0:password\n" * 9)
    (tmp_path / "x.safetensors").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError) as caught:
        find_weights(SMALL, str(tmp_path / "x.safetensors"))
    assert "password" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="holes are told by st_blocks")
def test_a_file_of_holes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / f"{SMALL}.safetensors", state())
    os.truncate(path, 20 * 2**30)
    with pytest.raises(DataError, match=SMALL):
        find_weights(SMALL, str(path))


def test_names_from_a_file_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    import torch

    tensors = state() | {"\x1b[2Jevil\n": torch.zeros(1), "x" * 10_000: torch.zeros(1)}
    path = write(
        tmp_path / "x.safetensors", tensors, architecture="\x1b[31mred", license="\x1b]0;title\x07" + "x" * 9_999
    )
    with pytest.raises(DataError) as caught:
        find_weights(SMALL, str(path))
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 3_000


def test_huge_metadata_say_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", state(), architecture=SMALL, more="x" * 10**6)
    assert not read_header(path).metadata


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 3_000), value=st.integers(0, 255))
def test_a_changed_byte_of_the_header_is_refused_or_harmless(at: int, value: int, tmp_path: Path) -> None:
    path = tmp_path / f"{SMALL}.safetensors"
    content = bytearray((write(tmp_path / "whole.safetensors", state())).read_bytes())
    content[at] = value
    path.write_bytes(content)
    try:
        find_weights(SMALL, str(path))
    except SnellenError as error:
        assert str(path) in str(error)
