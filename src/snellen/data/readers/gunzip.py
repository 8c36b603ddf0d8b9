"""A gzip file as a stream, with a limit on members: Python's reader would read any number of empty members.

Format: RFC 1952. A file may be several members one after another; zlib checks length and CRC-32 of each.
"""

from __future__ import annotations

import io
import zlib
from typing import IO, TYPE_CHECKING

from snellen.errors import DataError
from snellen.limits import FEW_GZIP_MEMBERS, MIN_GZIP_MEMBER_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STORED_BYTES = 2**16
GZIP_WINDOW = 31
"""Tells zlib to expect a gzip header and trailer, and the largest window."""


def gunzip(file: IO[bytes]) -> io.BufferedReader:
    """The uncompressed content. Reading raises EOFError for a file cut short, zlib.error or DataError for damage."""
    return io.BufferedReader(_Members(file), STORED_BYTES)


class _Members(io.RawIOBase):
    """The content of all members of a gzip file, one after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.stored = b""
        self.member = zlib.decompressobj(GZIP_WINDOW)
        self.num_members = 1
        self.num_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        content = b""
        while not content and self._has_more():
            content = self.member.decompress(self.stored, len(view))
            self.stored = self.member.unused_data if self.member.eof else self.member.unconsumed_tail
        view[: len(content)] = content
        self.num_bytes += len(content)
        return len(content)

    def _has_more(self) -> bool:
        """Whether there may be more content; starts the next member after one has ended. Final zeros are padding."""
        self.stored = self.stored or self.file.read(STORED_BYTES)
        if self.member.eof:
            while self.stored and not self.stored.strip(b"\0"):
                self.stored = self.file.read(STORED_BYTES)
            if not self.stored:
                return False
            self._begin()
        elif not self.stored:
            raise EOFError("the compressed data end early")
        return True

    def _begin(self) -> None:
        self.stored = self.stored.lstrip(b"\0")
        self.member = zlib.decompressobj(GZIP_WINDOW)
        self.num_members += 1
        if self.num_members > FEW_GZIP_MEMBERS + self.num_bytes // MIN_GZIP_MEMBER_BYTES:
            found = f"{self.num_members:,} members with {self.num_bytes:,} bytes"
            raise DataError("a gzip file with too many nearly empty members", found=found, expected="one member")
