"""The text of a CSV file: how its cells are separated, its first lines, and all its lines in chunks."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from snellen.data.readers.gunzip import gunzip
from snellen.data.readers.text_encoding import as_utf8
from snellen.data.streams import check_expansion, file_bytes, open_data
from snellen.errors import DataError
from snellen.limits import MAX_IMAGES, MAX_SIDE_PIXELS

MAX_LINE_BYTES = 2**23
"""A line of 512x512 colour pixels has 3 MB."""

MAX_COLUMNS = 3 * MAX_SIDE_PIXELS**2 + 100
"""The most columns: the pixels of the largest images in three colours, the label, and other columns."""

MAX_EMPTY_LINES = 1_000
"""The most empty lines before the first line with content."""

CHUNK_BYTES = 2**21
WHITE = " "
"""Stands for any number of spaces and tabs between two cells."""


@dataclass(frozen=True)
class Form:
    """separator: between two cells; WHITE for any number of spaces and tabs. If it is not the comma, both `0,5`, as
    written in many countries, and `0.5` are numbers."""

    separator: str = ","

    @property
    def mark(self) -> bytes:
        """The separator in a file."""
        return self.separator.encode()

    @property
    def decimal_comma(self) -> bool:
        """Whether commas are decimal points."""
        return self.separator != ","


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The uncompressed content of a file, converted to UTF-8 if a byte order mark gives its encoding, and its stored
    size."""
    with open_data(path) as file:
        yield as_utf8(gunzip(file) if path.suffix.lower() == ".gz" else file), file_bytes(file)


@contextmanager
def long_cells() -> Iterator[None]:
    """Lets Python's csv read cells of MAX_LINE_BYTES characters, such as the text of an image's pixels; it stops at
    131,072 otherwise. Its limit holds for the whole process, so it is put back."""
    before = csv.field_size_limit(max(MAX_LINE_BYTES, csv.field_size_limit()))
    try:
        yield
    finally:
        csv.field_size_limit(before)


class Lines:
    """The lines of a stream, starting at the first with content: a byte order mark, empty lines and `sep=;` before it
    are skipped. number: that of the next line, counting from 1. form: the separators, determined from the first
    line."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.number = 0
        self.first = self._content(self._line().removeprefix(codecs.BOM_UTF8))
        separator = re.fullmatch(rb"sep=([,;|\t])", self.first.strip(b"\r\n"))
        if separator:
            self.first = self._content(self._line())
        self.form = Form(separator[1].decode()) if separator else form_of(self.first)

    def _line(self) -> bytes:
        self.number += 1
        line = self.stream.readline(MAX_LINE_BYTES)
        if b"\r" in line.rstrip(b"\r\n"):
            raise DataError("lines that end with a carriage return alone", expected="line feeds", hint="Save it again.")
        return line

    def _content(self, line: bytes) -> bytes:
        """The line, or the first line after it that is not empty."""
        for _ in range(MAX_EMPTY_LINES):
            if line.strip() or not line:
                return line
            line = self._line()
        raise DataError("no table", found=f"{MAX_EMPTY_LINES:,} empty lines at the beginning")

    def cells(self, count: int) -> list[list[str]]:
        """The cells of the first lines with content; fewer at the end of the file."""
        found = [self.first] if self.first else []
        while self.first and len(found) < count:
            line = self._content(self._line())
            if not line:
                break
            found.append(line)
        return [cells_of(line, self.form) for line in found]

    def chunks(self, stored_bytes: int, has_header: bool) -> Iterator[tuple[int, bytes, int]]:
        """Whole lines below the header, about CHUNK_BYTES at a time: the number of the first line, the lines, their
        count. Raises DataError if there are implausibly many for the stored bytes.
        """
        line, pending = self.number + has_header, b"" if has_header else self.first
        num_bytes = num_rows = 0
        while chunk := pending + self.stream.read(CHUNK_BYTES):
            pending = b""
            chunk += self.stream.readline(MAX_LINE_BYTES)
            num_bytes += len(chunk)
            check_expansion(num_bytes, stored_bytes)
            num_lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
            num_rows += num_lines
            if num_rows > MAX_IMAGES:
                raise DataError("too many rows", expected=f"at most {MAX_IMAGES:,}", where=f"line {line + num_lines}")
            yield line, chunk, num_lines
            line += num_lines


def form_of(line: bytes) -> Form:
    """How the cells of a line are separated. Commas are decimal points if another separator is used too."""
    for separator in (b"\t", b";", b"|"):
        cells = line.strip(b"\r\n").split(separator)
        if len(cells) > 1 and all(cell.count(b",") <= 1 for cell in cells):
            return Form(separator.decode())
    words = line.split()
    white = b"," not in line and len(words) > 1 and all(word.count(b'"') in (0, 2) for word in words)
    return Form(WHITE if white else ",")


def cells_of(line: bytes, form: Form) -> list[str]:
    """The cells of a line; bytes that are not UTF-8 are escaped."""
    num_separators = line.count(b"\t") + line.count(b" ") if form.separator == WHITE else line.count(form.mark)
    if num_separators >= MAX_COLUMNS:
        raise DataError("too many columns", found=f"{num_separators + 1:,}", expected=f"at most {MAX_COLUMNS:,}")
    text = line.decode("utf-8", "backslashreplace")
    if form.separator == WHITE:
        cells = [cell.strip('"') for cell in text.split()]
    else:
        try:
            with long_cells():
                read = next(csv.reader([text], delimiter=form.separator), []) if text.strip() else []
        except csv.Error as error:
            raise DataError(f"cannot be read: {error}") from error
        cells = [cell.strip() for cell in read]
    return cells


def is_number(cell: str, form: Form) -> bool:
    """Whether Python reads the cell as a number, including NaN."""
    try:
        float(cell.replace(",", ".") if form.decimal_comma else cell)
    except ValueError:
        return False
    return "_" not in cell


def with_content(chunk: bytes, form: Form) -> list[tuple[int, bytes]]:
    """(offset, line) of the lines with content, which is anything but separators and white space."""
    blank = f" \t\r{form.separator}".encode()
    lines = chunk.removesuffix(b"\n").split(b"\n")
    return [(offset, line.rstrip(b"\r")) for offset, line in enumerate(lines) if line.strip(blank)]
