"""Protects downloads: resumed, verified, whole or not there; the next mirror when one fails. All from 127.0.0.1."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from snellen.data import catalog, download, load
from snellen.data.download import Remote, fetch
from snellen.data.readers.reader import Options
from snellen.errors import DataError, DataNotFound, StorageError
from snellen.files.partial import Partial

CONTENT = np.random.default_rng(3).bytes(300_000)
HALF = len(CONTENT) // 2


@dataclass
class Server:
    """What a path answers: its content; how much before the connection breaks; whether it knows ranges."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks_after: dict[str, int] = field(default_factory=dict)
    knows_ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.knows_ranges else 0
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : state.breaks_after.get(self.path)])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        state.address = f"http://127.0.0.1:{httpd.server_address[1]}"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield state
        httpd.shutdown()
        thread.join()


def remote(server: Server, *paths: str, content: bytes = CONTENT, **others: Any) -> Remote:
    urls = tuple(path if "://" in path else f"{server.address}{path}" for path in paths or ("/file",))
    return Remote("file", urls, len(content), hashlib.sha256(content).hexdigest(), **others)


def get(server: Server, folder: Path, *paths: str) -> list[int]:
    """Fetches "file"; the numbers of bytes that the progress showed."""
    seen: list[int] = []
    fetch((remote(server, *paths),), folder, lambda name, come, num_bytes: seen.append(come))
    return seen


def test_a_file_and_its_progress(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "CHUNK_BYTES", 100_000)
    server.files["/file"] = CONTENT
    assert get(server, tmp_path / "new") == [100_000, 200_000, 300_000]
    assert (tmp_path / "new/file").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]
    assert get(server, tmp_path / "new") == [] and len(server.asked) == 1


def test_a_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.files["/file"], server.breaks_after["/file"] = CONTENT, HALF
    with pytest.raises(
        DataNotFound, match=r"file: this file could not be downloaded.*; found http.*: .*Run the same command"
    ):
        get(server, tmp_path)
    assert not (tmp_path / "file").exists() and Partial(tmp_path / "file").num_bytes == HALF
    server.breaks_after.clear()
    assert get(server, tmp_path) == [len(CONTENT)]
    assert server.asked[-1] == ("/file", f"bytes={HALF}-")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_mirror_goes_on_where_another_broke(server: Server, tmp_path: Path) -> None:
    server.files |= {"/one": CONTENT, "/two": CONTENT}
    server.breaks_after["/one"] = HALF
    get(server, tmp_path, "/one", "/two")
    assert server.asked == [("/one", None), ("/two", f"bytes={HALF}-")]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.files["/file"], server.knows_ranges = CONTENT, False
    with Partial(tmp_path / "file") as part:
        part.write(CONTENT[:HALF])
    get(server, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("old", [b"x" * HALF, CONTENT + b"x", b"x" * len(CONTENT)])
def test_a_wrong_part_is_thrown_away(server: Server, tmp_path: Path, old: bytes) -> None:
    server.files["/file"] = CONTENT
    with Partial(tmp_path / "file") as part:
        part.write(old)
    get(server, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path, knows_ranges: bool) -> None:
    server.files["/file"], server.knows_ranges = CONTENT, knows_ranges
    (tmp_path / ".file.part").write_bytes(CONTENT + CONTENT)
    assert get(server, tmp_path) == [len(CONTENT)]
    assert server.asked == [("/file", None)] and (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no such files")
@pytest.mark.parametrize("content", [b"", CONTENT[:HALF], CONTENT])
@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_part_that_is_a_link_is_not_followed(server: Server, tmp_path: Path, content: bytes, link: str) -> None:
    server.files["/file"] = CONTENT
    (tmp_path / "outside").write_bytes(content)
    (tmp_path / "in").mkdir()
    getattr(tmp_path / "in" / ".file.part", link)(tmp_path / "outside")
    get(server, tmp_path / "in")
    assert (tmp_path / "outside").read_bytes() == content
    assert (tmp_path / "in/file").read_bytes() == CONTENT and not (tmp_path / "in/file").is_symlink()
    assert len(server.asked) == 1 and server.asked[0][1] is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no such files")
def test_a_part_or_a_file_that_is_a_pipe(server: Server, tmp_path: Path) -> None:
    server.files["/file"] = CONTENT
    os.mkfifo(tmp_path / ".file.part")
    get(server, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_part_that_is_a_folder(server: Server, tmp_path: Path) -> None:
    server.files["/file"] = CONTENT
    (tmp_path / ".file.part/in").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"\.file\.part: a folder in the place of a file.*Remove it"):
        get(server, tmp_path)
    assert (tmp_path / ".file.part/in").is_dir() and not server.asked


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"x", CONTENT[:-1], CONTENT + b"x", b""])
def test_wrong_content_never_appears(server: Server, tmp_path: Path, wrong: bytes) -> None:
    server.files["/file"] = wrong
    with pytest.raises(DataNotFound, match=r"file: this file could not be downloaded from any address"):
        get(server, tmp_path)
    assert not (tmp_path / "file").exists()
    server.files["/right"] = CONTENT
    get(server, tmp_path, "/file", "/right")
    assert (tmp_path / "file").read_bytes() == CONTENT and len(list(tmp_path.iterdir())) == 1


def test_dead_and_empty_mirrors_are_passed_over(server: Server, tmp_path: Path) -> None:
    server.files["/file"] = CONTENT
    get(server, tmp_path / "a", "http://127.0.0.1:9/file", "/missing", "/file")
    assert (tmp_path / "a/file").read_bytes() == CONTENT
    with pytest.raises(DataNotFound) as error:
        get(server, tmp_path / "b", "http://127.0.0.1:9/file", "/missing")
    assert "http://127.0.0.1:9/file: " in str(error.value) and "/missing: HTTP Error 404" in str(error.value)
    assert str(tmp_path / "b") in str(error.value)


class FullDisk(io.FileIO):
    """A file on a disk with room for `HALF` bytes."""

    def write(self, content: Any) -> int:
        if self.seek(0, 2) + len(content) > HALF:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content)


def test_a_full_disk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/file"] = CONTENT

    def open_full(path: Path, mode: str, opener: Any = None) -> BinaryIO:
        return FullDisk(path, mode)

    monkeypatch.setattr("snellen.files.partial.open", open_full, raising=False)
    with pytest.raises(StorageError, match=r"file: the disk is full.*bytes free; expected 300,000 bytes"):
        get(server, tmp_path)
    assert list(tmp_path.iterdir()) == [] and len(server.asked) == 1


def archive(kind: str, **files: bytes) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in files.items():
                zipped.writestr(f"folder/{name}", content)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(f"folder/{name}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_only_the_wanted_members_of_an_archive(server: Server, tmp_path: Path, kind: str) -> None:
    packed = archive(kind, one=b"1" * 5000, two=b"2", other=b"no")
    members = {"folder/one": "one", "folder/two": "second"}
    server.files["/file"] = packed
    for _ in range(2):
        fetch((remote(server, content=packed, members=members),), tmp_path, lambda *_: None)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"1" * 5000, "second": b"2"}
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_members_that_are_not_there(server: Server, tmp_path: Path, kind: str) -> None:
    server.files["/file"] = packed = archive(kind, one=b"1")
    members = {"folder/one": "one", "folder/two": "second"}
    with pytest.raises(DataError, match=r"file: a member is missing; expected folder/two"):
        fetch((remote(server, content=packed, members=members),), tmp_path, lambda *_: None)


def test_an_archive_that_is_none(server: Server, tmp_path: Path) -> None:
    server.files["/file"] = CONTENT
    with pytest.raises(DataError, match=r"file: cannot be read"):
        fetch((remote(server, members={"a": "a"}),), tmp_path, lambda *_: None)


def medical(server: Server, content: bytes, **changes: Any) -> Remote:
    """A file of which only an MD5 is published."""
    return Remote("file", (f"{server.address}/file?download=1",), None, md5=hashlib.md5(content).hexdigest(), **changes)


def test_a_file_whose_length_is_not_published(server: Server, tmp_path: Path) -> None:
    server.files["/file?download=1"] = CONTENT
    server.breaks_after["/file?download=1"] = HALF
    seen: list[tuple[int, int]] = []
    with pytest.raises(DataNotFound, match=rf"not the published length; found {HALF:,} bytes; expected 300,000 bytes"):
        fetch((medical(server, CONTENT),), tmp_path, lambda name, come, num_bytes: seen.append((come, num_bytes)))
    server.breaks_after.clear()
    fetch((medical(server, CONTENT),), tmp_path, lambda name, come, num_bytes: seen.append((come, num_bytes)))
    assert server.asked[-1][1] == f"bytes={HALF}-"
    assert seen[-1] == (300_000, 300_000) and (tmp_path / "file").read_bytes() == CONTENT


def test_the_published_md5_is_compared(server: Server, tmp_path: Path) -> None:
    server.files["/file?download=1"] = CONTENT
    with pytest.raises(DataNotFound, match=r"wrong checksum; found MD5 [0-9a-f]{32}; expected [0-9a-f]{32}"):
        fetch((medical(server, b"other"),), tmp_path, lambda *_: None)
    assert not (tmp_path / "file").exists() and Partial(tmp_path / "file").num_bytes == 0


def test_a_server_that_declares_too_much(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/file?download=1"] = CONTENT
    monkeypatch.setattr(download, "MAX_DOWNLOAD_BYTES", 1_000)
    with pytest.raises(DataNotFound, match=r"declares no length, or too large a one; found 300000; expected .* 1,000"):
        fetch((medical(server, CONTENT),), tmp_path, lambda *_: None)


def test_a_medical_set_by_name(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of the form of MedMNIST, from the server to the Dataset: named classes, three official parts."""
    random, arrays = np.random.default_rng(5), {}
    for part, rows in (("train", 16), ("val", 8), ("test", 12)):
        arrays[f"{part}_images"] = random.integers(0, 256, (rows, 28, 28, 3), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(rows) % 8).astype(np.uint8)[:, None]
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    server.files["/bloodmnist.npz?download=1"] = stream.getvalue()
    url, md5 = f"{server.address}/bloodmnist.npz?download=1", hashlib.md5(stream.getvalue()).hexdigest()
    published = catalog.PUBLISHED["bloodmnist"]
    small = replace(published, files=(Remote("bloodmnist.npz", (url,), None, md5=md5),), rows=(16, 12), validation=8)
    monkeypatch.setitem(catalog.PUBLISHED, "bloodmnist", small)
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    for folder in (tmp_path / "bloodmnist", tmp_path / "flat"):
        fetch(small.files, folder, lambda *_: None)
        dataset = load.read("BloodMNIST", data_folder=tmp_path if folder.name == "bloodmnist" else folder)
        assert dataset.name == "bloodmnist" and dataset.classes == published.classes and len(dataset) == 36
        assert dataset.official_validation is not None and dataset.official_validation.sum() == 8
        assert dataset.official_test is not None and dataset.official_test.sum() == 12
    monkeypatch.setitem(catalog.PUBLISHED, "bloodmnist", replace(small, validation=9))
    expected = "not the published bloodmnist data; found 16 and 8 and 12 rows; expected 16 and 9 and 12 rows"
    with pytest.raises(DataError, match=expected):
        load.read("bloodmnist", Options(grey=True), tmp_path)
