"""Downloads published files: resumed, verified, never incomplete; mirrors are tried in order."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from snellen.data.streams import CHUNK_BYTES, check_expansion, readable
from snellen.errors import DataError, DataNotFound, SnellenError, located
from snellen.files.atomic import replacing
from snellen.files.hashing import digest_file, md5_file
from snellen.files.partial import Partial

SILENCE_SECONDS = 30.0
"""Longest wait for the next bytes from a server."""

MAX_DOWNLOAD_BYTES = 2**31
"""The most bytes of a file whose length is not published: ten times the largest known one."""

PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416

OnProgress = Callable[[str, int, int], None]
"""Called while a file is received: its name, the bytes so far, the bytes in total."""


@dataclass(frozen=True)
class Remote:
    """A published file. urls: where it can be downloaded, best first. num_bytes, sha256, md5: as published. num_bytes:
    None if no length is published; then the length is the one that the server declares. At least one checksum is given:
    MD5 is compared only if no SHA-256 is published. members: for an archive, the members to extract, each with the file
    name it gets; empty for other files.
    """

    name: str
    urls: tuple[str, ...]
    num_bytes: int | None
    sha256: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    md5: str | None = None

    def difference(self, path: Path) -> tuple[str, str] | None:
        """The checksum of the file and the published one if they differ; None if they are equal."""
        if self.sha256 is not None:
            found = digest_file(path)
            return None if found == self.sha256 else (f"SHA-256 {found}", self.sha256)
        found = md5_file(path)
        return None if found == self.md5 else (f"MD5 {found}", str(self.md5))

    def extracted_files(self, folder: Path) -> list[Path]:
        """The files in `folder` after downloading and extracting."""
        return [folder / name for name in self.members.values() or [self.name]]


def fetch(remotes: tuple[Remote, ...], folder: Path, on_progress: OnProgress) -> None:
    """Downloads the files that are not in `folder` yet.

    Each file appears complete and verified, or not at all; an interrupted download is resumed. Raises DataNotFound
    naming every address and what was wrong with it, StorageError when the disk refuses.
    """
    for remote in remotes:
        if not all(path.exists() for path in remote.extracted_files(folder)):
            archive = _download(remote, folder, on_progress)
            if remote.members:
                _unpack(archive, remote.members, folder)
                archive.unlink()


def _download(remote: Remote, folder: Path, on_progress: OnProgress) -> Path:
    path, failures = folder / remote.name, []
    if path.is_file() and remote.difference(path) is None:
        return path
    partial = Partial(path, remote.num_bytes)
    partial.prepare()
    for url in remote.urls:
        try:
            _transfer(url, remote, partial, on_progress)
            return partial.finish()
        except DataError as error:
            failures.append(f"{url}: {error}")
        except (OSError, HTTPException) as error:
            if isinstance(error, SnellenError):
                raise
            failures.append(f"{url}: {error or type(error).__name__}")
    raise DataNotFound(
        "this file could not be downloaded from any address",
        found="; ".join(failures),
        where=remote.name,
        hint=f"Run the same command again to resume, or put the file into {folder} yourself.",
    )


def _transfer(url: str, remote: Remote, partial: Partial, on_progress: OnProgress) -> None:
    """Completes the partial file from one address and verifies it; a resumed file with a wrong checksum is downloaded
    again."""
    resumed = partial.num_bytes > 0
    if partial.num_bytes != remote.num_bytes:
        _receive(url, remote, partial, on_progress)
    difference = remote.difference(partial.path)
    if difference is None:
        return
    partial.discard()
    if not resumed:
        raise DataError("wrong checksum", found=difference[0], expected=difference[1])
    _transfer(url, remote, partial, on_progress)


def _receive(url: str, remote: Remote, partial: Partial, on_progress: OnProgress) -> None:
    with _response(url, partial.num_bytes) as response, partial:
        if response.status != PARTIAL_CONTENT or not _starts_at(response, partial.num_bytes):
            partial.empty()
        received = partial.num_bytes
        expected = remote.num_bytes or _declared_bytes(response, received)
        while chunk := response.read(min(CHUNK_BYTES, expected + 1 - received)):
            partial.write(chunk)
            received += len(chunk)
            on_progress(remote.name, received, expected)
            if received > expected:
                break
    if received != expected:
        found = "more" if received > expected else f"{received:,} bytes"
        if received > expected:
            partial.discard()
        raise DataError("not the published length", found=found, expected=f"{expected:,} bytes")


def _declared_bytes(response: HTTPResponse, start: int) -> int:
    """The length of a file that the server declares; its response begins at byte `start`. Raises DataError without
    one."""
    declared = response.getheader("Content-Length") or ""
    if not declared.isdecimal() or start + int(declared) > MAX_DOWNLOAD_BYTES:
        expected = f"a Content-Length up to {MAX_DOWNLOAD_BYTES:,}"
        raise DataError(
            "the server declares no length, or too large a one", found=declared or "none", expected=expected
        )
    return start + int(declared)


@contextmanager
def _response(url: str, start: int) -> Iterator[HTTPResponse]:
    """The server's response from byte `start` on; from the beginning if the server refuses that range."""
    headers = {"User-Agent": "snellen", "Accept-Encoding": "identity"}
    try:
        request = Request(url, headers=headers | ({"Range": f"bytes={start}-"} if start else {}))
        response = urlopen(request, timeout=SILENCE_SECONDS)
    except HTTPError as error:
        error.close()
        if error.code != RANGE_NOT_SATISFIABLE:
            raise
        response = urlopen(Request(url, headers=headers), timeout=SILENCE_SECONDS)
    with response:
        yield response


def _starts_at(response: HTTPResponse, start: int) -> bool:
    return (response.getheader("Content-Range") or "").startswith(f"bytes {start}-")


def _unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Extracts the members into `folder`; the rest of the archive is ignored."""
    with located(archive.name), readable(), _readable_tar():
        written = set()
        for member, num_bytes, stream in _open_members(archive, members):
            check_expansion(num_bytes, archive.stat().st_size)
            with located(member), replacing(folder / members[member], num_bytes) as file:
                _copy(stream, file, num_bytes)
            written.add(member)
        if missing := [member for member in members if member not in written]:
            raise DataError("a member is missing", expected=", ".join(missing))


@contextmanager
def _readable_tar() -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as error:
        raise DataError(f"cannot be read: {error}") from error


def _open_members(archive: Path, members: Mapping[str, str]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, declared length and content of each of these members of a zip or tar archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for name in members:
                if name in zipped.namelist():
                    with zipped.open(name) as stream:
                        yield name, zipped.getinfo(name).file_size, stream
        return
    with tarfile.open(archive, "r|*") as tar:
        for info in tar:
            if info.name in members and info.isreg():
                yield info.name, info.size, cast(IO[bytes], tar.extractfile(info))


def _copy(stream: IO[bytes], file: IO[bytes], num_bytes: int) -> None:
    """Copies exactly `num_bytes`. Raises DataError if there are fewer or more."""
    left = num_bytes
    while chunk := stream.read(min(CHUNK_BYTES, left + 1)):
        left -= len(chunk)
        file.write(chunk)
        if left < 0:
            break
    if left:
        raise DataError("not the declared length", found="more" if left < 0 else f"{num_bytes - left:,} bytes")
