"""Protects the cache of decoded data: it never changes what is read, whatever happens to its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import data_cases as cases
import pytest

from snellen.data.load import Options, read
from snellen.errors import StorageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return cases.write_idx_gz(tmp_path / "secret-place")


def entries(own_folders: Path) -> list[Path]:
    return sorted((own_folders / "cache/decoded").iterdir())


def test_one_entry_for_one_content(source: Path, tmp_path: Path, own_folders: Path) -> None:
    shutil.copytree(source, tmp_path / "copy")
    assert (read(source).name, read(tmp_path / "copy").name) == ("secret-place", "copy")
    assert len(entries(own_folders)) == 1
    read(source, Options(class_names=("a", "b", "c")))
    read(source, Options(pixel_range=(0, 300)))
    assert len(entries(own_folders)) == 3


def test_no_path_in_the_cache(source: Path, own_folders: Path) -> None:
    read(source)
    for file in entries(own_folders)[0].iterdir():
        assert b"secret-place" not in file.read_bytes()


FILES = ("images.npy", "labels.npy", "ids.npy", "official_test.npy", "meta.json")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [lambda content: None, lambda c: c[:-1], lambda c: c + b"x", lambda c: flipped(c)])
def test_a_damaged_entry_is_rebuilt(source: Path, own_folders: Path, name: str, damage: object) -> None:
    before = read(source).ids.tolist()
    file = entries(own_folders)[0] / name
    content = file.read_bytes()
    file.unlink()
    changed = damage(content)  # type: ignore[operator]
    if changed is not None:
        file.write_bytes(changed)
    after = read(source)
    cases.assert_same(after, cases.expected())
    assert after.ids.tolist() == before
    assert name == "meta.json" or file.read_bytes() == content


def flipped(content: bytes) -> bytes:
    """One bit of the last value changed."""
    return content[:-4] + bytes([content[-4] ^ 1]) + content[-3:]


def test_an_entry_that_stays_damaged_is_not_used(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.dataset_cache._open", lambda *_: None)
    with pytest.raises(StorageError, match=r"a damaged cache entry cannot be replaced"):
        read(source)
