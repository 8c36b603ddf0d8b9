"""An append-only log of JSON records that survives being cut off at any byte.

Every line is a JSON object `{"crc32": ..., "length": ..., "record": {...}}`; length and CRC-32 are those of the
record's text. A process killed while it appends leaves a tail without a line end or with a wrong checksum; the next
append removes it, under the journal's lock, before it writes. An append reads only the end of the file.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from snellen.errors import IdentityError, RunLocked
from snellen.files.atomic import storage_error
from snellen.files.hashing import canonical_json
from snellen.files.inside import expect_file
from snellen.limits import LOCK_POLL_SECONDS, LOCK_SECONDS, MAX_JOURNAL_BYTES
from snellen.plain import plain_json

BLOCK_BYTES = 2**12
"""Bytes read at a time from the end: more than most records have."""


def append(path: Path, record: dict[str, Any]) -> None:
    """Adds one record, durably. Raises RunLocked after LOCK_SECONDS, StorageError when the disk refuses."""
    path, line = Path(path), _frame(record)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS, poll_interval=LOCK_POLL_SECONDS):
            _repair_tail(path)
            _append_line(path, line)
    except Timeout:
        raise RunLocked(f"the journal stayed locked for {LOCK_SECONDS:g} s", where=str(path)) from None
    except OSError as error:
        raise storage_error(error, path, len(line)) from error


def read(path: Path) -> list[dict[str, Any]]:
    """All whole records, oldest first. An incomplete last record, or one without a line end, is ignored.

    Raises IdentityError with the byte offset when a record in the middle is damaged.
    """
    path = Path(path)
    if not path.exists():
        return []
    _checked_size(path)
    records, offset, damaged = list[dict[str, Any]](), 0, None
    for line in path.read_bytes().split(b"\n")[:-1]:
        record = _unframe(line)
        if record is None:
            damaged = offset if damaged is None else damaged
        elif damaged is not None:
            raise IdentityError("damaged journal record", where=f"{path}: byte {damaged}")
        else:
            records.append(record)
        offset += len(line) + 1
    return records


def damaged_at(path: Path) -> int | None:
    """The byte offset of the first line that differs from what `append` writes; None if there is no such line."""
    _checked_size(path)
    offset = 0
    for line in path.read_bytes().splitlines(keepends=True):
        text = line.partition(b',"record":')[2][:-2]
        if line != _frame_of(text):
            return offset
        offset += len(line)
    return None


def _checked_size(path: Path) -> int:
    size = expect_file(path)
    if size > MAX_JOURNAL_BYTES:
        found, expected = f"{size:,} bytes", f"at most {MAX_JOURNAL_BYTES:,}"
        raise IdentityError("too large a journal", found=found, expected=expected, where=str(path))
    return size


def _frame(record: dict[str, Any]) -> bytes:
    text = plain_json(canonical_json(record).decode()).encode()
    return _frame_of(text)


def _frame_of(text: bytes) -> bytes:
    return b'{"crc32":%d,"length":%d,"record":%s}\n' % (zlib.crc32(text), len(text), text)


def _unframe(line: bytes) -> dict[str, Any] | None:
    """The record of one line, or None if the line is damaged."""
    head, marker, rest = line.partition(b',"record":')
    text = rest[:-1]
    try:
        frame = json.loads(head + b"}") if marker else None
        if not isinstance(frame, dict) or frame.get("length") != len(text) or frame.get("crc32") != zlib.crc32(text):
            return None
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _repair_tail(path: Path) -> None:
    """Cuts the file after its last whole record."""
    if not path.exists():
        return
    size = _checked_size(path)
    with open(path, "rb") as file:
        end = _end_of_whole_records(file, size)
    if end < size:
        os.truncate(path, end)


def _end_of_whole_records(file: BinaryIO, size: int) -> int:
    """The offset after the last line that is a whole record; lines are tried from the last to the first."""
    tail, start, end = b"", size, size  # tail: the bytes from `start` to `end`; later lines have been tried already
    while end:
        line_start = tail.rfind(b"\n", 0, len(tail) - 1) + 1
        if not line_start and start:
            length = min(start, max(BLOCK_BYTES, len(tail)))
            start -= length
            file.seek(start)
            tail = file.read(length) + tail
            continue
        if tail.endswith(b"\n") and _unframe(tail[line_start:-1]) is not None:
            return end
        tail, end = tail[:line_start], start + line_start
    return 0


def _append_line(path: Path, line: bytes) -> None:
    with open(path, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
