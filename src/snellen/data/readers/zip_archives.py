"""Zip archives from unknown sources: the directory must be complete and not too large, and members as declared."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from snellen.data.streams import check_expansion, file_bytes, open_data, readable
from snellen.errors import DataError, located

ZIP_MAGIC = b"PK\x03\x04"
DIRECTORY_END_BYTES, MAX_COMMENT_BYTES = 22, 65_535
DIRECTORY_ENTRY_BYTES, MEMBER_HEADER_BYTES = 46, 30
"""Signatures and sizes of a zip archive, by its specification (APPNOTE.TXT 4.3.16, 4.3.12, 4.3.7)."""

FEW_MEMBERS, MIN_MEMBER_BYTES = 1_000, 8
"""If there are more than a thousand members, each must hold a few bytes on average: the smallest image has 30. The
standard library needs 10 us for each, several times."""


@contextmanager
def opened_zip(path: Path, max_members: int, max_directory_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Opens a zip archive whose directory is complete and not too large, according to its end record."""
    with readable(), open_data(path) as file:
        num_members = _check_directory(file, max_members, max_directory_bytes)
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) != num_members:
                found, expected = f"{len(archive.infolist()):,} members", f"{num_members:,}"
                raise DataError("damaged zip directory", found=found, expected=expected)
            yield archive


def is_zip(path: Path) -> bool:
    """Whether a file has the first bytes of a zip archive."""
    if not path.is_file():
        return False
    with located(path.name), readable(), open_data(path) as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def check_member(info: zipfile.ZipInfo, archive_bytes: int) -> None:
    """Raises DataError for a member that is encrypted, compressed in another way, or implausibly large."""
    if info.flag_bits & 1:
        raise DataError("an encrypted member", expected="no password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError("unknown compression", found=info.compress_type, expected="stored or deflated")
    if info.compress_size > archive_bytes:
        raise DataError("a member larger than its file", found=f"{info.compress_size:,} bytes")
    check_expansion(info.file_size, info.compress_size)


def _check_directory(file: BufferedReader, max_members: int, max_directory_bytes: int) -> int:
    """The number of members in the end record, which must be the last of the file (a comment may follow).

    The standard library ignores that number, so that a damaged length in the directory would hide the members after it;
    and it reads the directory without a limit.
    """
    size = file_bytes(file)
    file.seek(max(0, size - DIRECTORY_END_BYTES - MAX_COMMENT_BYTES))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    end = tail[place:] if place >= 0 else b""
    where = f"byte {size - len(end)}"
    if len(end) < DIRECTORY_END_BYTES or len(end) != DIRECTORY_END_BYTES + int.from_bytes(end[20:22], "little"):
        raise DataError("damaged zip directory", found=f"an end of {len(end):,} bytes", where=where)
    num_members, num_bytes = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if tail[max(0, place - 20) : place].startswith(b"PK\x06\x07"):  # archives above 4 GiB: eight bytes per number
        wide = tail[max(0, place - 76) : place - 20]
        if not wide.startswith(b"PK\x06\x06"):
            raise DataError("damaged zip directory", found="no end for large archives", where=where)
        num_members, num_bytes = int.from_bytes(wide[32:40], "little"), int.from_bytes(wide[40:48], "little")
    if num_members > max_members or num_bytes > max_directory_bytes:
        found = f"{num_members:,} members in a directory of {num_bytes:,} bytes"
        raise DataError("too many members", found=found, expected=f"at most {max_members:,}", where=where)
    content = size - 2 * num_bytes + (DIRECTORY_ENTRY_BYTES - MEMBER_HEADER_BYTES) * num_members
    if num_members > FEW_MEMBERS and content < MIN_MEMBER_BYTES * num_members:  # names are stored before members, too
        found = f"{num_members:,} members with {max(0, content):,} bytes in all"
        raise DataError("members without content", found=found, where=where)
    return num_members
