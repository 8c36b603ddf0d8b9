"""The encoding of the text of a table: UTF-8, or that of a byte order mark. Other encodings would be a guess."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from snellen.errors import DataError, shown

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins with that of UTF-16."""

MARK_BYTES = 4
CHUNK_BYTES = 2**16
WINDOWS = "cp1252"
"""Windows-1252, the usual encoding of Western Europe and America before UTF-8; Latin-1 has the same letters."""


def encoding_of(file: io.BufferedReader) -> str:
    """The encoding that the first bytes of a file mark; utf-8-sig without a mark. Raises DataError for bytes that are
    UTF-16 without one."""
    first = file.peek(MARK_BYTES)[:MARK_BYTES]
    marked = next((name for mark, name in MARKS if first.startswith(mark)), None)
    if marked is None and len(first) == MARK_BYTES and (not any(first[::2]) or not any(first[1::2])) and any(first):
        hint = "Save the table as CSV in UTF-8."
        raise DataError("text in UTF-16 without a byte order mark", found=shown(first), expected="UTF-8", hint=hint)
    return marked or "utf-8-sig"


def as_utf8(file: io.BufferedReader) -> io.BufferedReader:
    """A stream of the text converted to UTF-8 if a byte order mark says UTF-16 or UTF-32; else the file."""
    encoding = encoding_of(file)
    return file if encoding == "utf-8-sig" else io.BufferedReader(_Transcoded(file, encoding), CHUNK_BYTES)


class _Transcoded(io.RawIOBase):
    """The text of a file in another encoding, as UTF-8."""

    def __init__(self, file: io.BufferedReader, encoding: str) -> None:
        self.file, self.name = file, encoding.upper()
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.left = b""
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self.left and not self.ended:
            stored = self.file.read(CHUNK_BYTES)
            self.ended = not stored
            try:
                self.left = self.decoder.decode(stored, final=self.ended).encode()
            except UnicodeError as error:
                raise DataError(f"not valid {self.name}, as its byte order mark says ({error})") from error
        number = min(len(view), len(self.left))
        view[:number], self.left = self.left[:number], self.left[number:]
        return number


def first_not_utf8(lines: Iterable[bytes]) -> DataError | None:
    """The error for the first line of a file that is not UTF-8, with its number; None if all are UTF-8."""
    return next((error for number, line in enumerate(lines, 1) if (error := not_utf8(line, f"line {number}"))), None)


def not_utf8(line: bytes, where: str) -> DataError | None:
    """The error for a line that is not UTF-8, with the byte, and the line decoded as Windows-1252; None for UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        around = line[max(0, error.start - 20) : error.start + 20].decode(WINDOWS, "replace").strip()
        return DataError(
            "text that is not UTF-8",
            found=f"byte 0x{line[error.start]:02x} as character {error.start + 1}, in Windows-1252 {shown(around)}",
            expected="UTF-8",
            where=where,
            hint="If that text is right: `iconv -f CP1252 -t UTF-8 OLD.csv > NEW.csv`, or save the table as "
            "CSV in UTF-8.",
        )
    return None
