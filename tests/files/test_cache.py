"""Protects the user's cache: an entry appears whole or not at all, whoever builds it and whatever happens meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest import mock

import pytest
from failing_disk import PowerCut, cut_after, full_after

from snellen.errors import StorageError
from snellen.files import cache
from snellen.files.atomic import write_bytes


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build(folder: Path) -> None:
    for name in ("a", "b"):
        write_bytes(folder / name, name.encode() * 100)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "kind").iterdir()) if (folder / "kind").exists() else []


def test_it_is_built_once() -> None:
    building = mock.Mock(wraps=build)
    for _ in range(3):
        folder = cache.cached("kind/key", building)
        assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    building.assert_called_once()


def test_two_builders_at_once(own_cache: Path) -> None:
    """Both are inside `build` at the same time; both get the one whole entry."""
    meeting, found = threading.Barrier(2, timeout=20), []

    def build_together(scratch: Path) -> None:
        build(scratch)
        meeting.wait()

    threads = [
        threading.Thread(target=lambda: found.append(cache.cached("kind/key", build_together))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [own_cache / "kind/key"] * 2
    assert entries(own_cache) == ["key"]
    assert (own_cache / "kind/key/b").read_bytes() == b"b" * 100


def test_a_builder_that_fails_leaves_nothing(own_cache: Path) -> None:
    for error in (ValueError, KeyboardInterrupt):

        def fail(scratch: Path, error: type[BaseException] = error) -> None:
            build(scratch)
            raise error

        with pytest.raises(error):
            cache.cached("kind/key", fail)
        assert entries(own_cache) == []


def test_a_full_disk_leaves_nothing(own_cache: Path) -> None:
    for room in (0, 99, 100, 199):
        with full_after(room), pytest.raises(StorageError, match="the disk is full"):
            cache.cached("kind/key", build)
        assert entries(own_cache) == []


def test_a_power_cut_leaves_no_half_entry(own_cache: Path) -> None:
    for operations in range(40):
        try:
            with cut_after(operations) as done:
                cache.cached("kind/key", build)
            break
        except PowerCut:
            whole = own_cache / "kind/key"
            assert not whole.exists() or len(list(whole.iterdir())) == 2
            cache.discard("kind/key")
    assert done.count("replace") == 3, "two files and the folder"


def test_discarding_makes_it_be_built_again(own_cache: Path) -> None:
    folder = cache.cached("kind/key", build)
    (folder / "a").write_bytes(b"damaged")
    cache.discard("kind/key")
    assert (cache.cached("kind/key", build) / "a").read_bytes() == b"a" * 100
    cache.discard("kind/never there")


def test_a_cache_that_cannot_be_written_is_told(own_cache: Path) -> None:
    own_cache.write_bytes(b"")
    with pytest.raises(StorageError, match=r"kind.key: cannot write"):
        cache.cached("kind/key", build)


def test_the_folders_are_those_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("SNELLEN_RECORDS", str(tmp_path / "log"))
    assert cache.records_folder() == tmp_path / "log"
    for name in ("SNELLEN_CACHE", "SNELLEN_RECORDS"):
        monkeypatch.delenv(name)
    assert "snellen" in str(cache.cache_folder()).lower()
    assert cache.cache_folder() != cache.records_folder()
