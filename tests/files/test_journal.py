"""Protects the log: torn appends, processes killed while appending, damage, full disks; nothing whole is ever lost."""

from __future__ import annotations

import io
import sys
import zlib
from itertools import count, pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import children
import numpy as np
import pytest
from failing_disk import PowerCut, cut_after, full_after
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from snellen.errors import IdentityError, RunLocked, StorageError
from snellen.files import journal

RECORDS = [{"event": "é\n", "n": [number, None, True, 0.1]} for number in range(2)]
LAST = {"event": "last"}
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new/journal.jsonl"
    for record in RECORDS:
        journal.append(path, record)
    return path


def test_what_is_appended_is_read(path: Path) -> None:
    assert journal.read(path) == RECORDS
    assert journal.read(path.with_name("absent")) == []
    assert path.read_bytes().count(b"\n") == len(RECORDS)


def test_an_append_torn_at_any_byte_loses_nothing_whole(path: Path) -> None:
    """What a reader saw before the next append is what it sees after it, and the next append itself is there."""
    content = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = RECORDS[: sum(end <= size for end in ends)]
        assert journal.read(path) == whole
        journal.append(path, LAST)
        assert journal.read(path) == [*whole, LAST]


@pytest.mark.parametrize("tail", [b"\0" * 40, b"\n", b"\n\n\n", b"not a record\n", b"{}\n[]\n", b'{"crc32":1'])
def test_a_tail_of_anything_else_goes(path: Path, tail: bytes) -> None:
    path.write_bytes(path.read_bytes() + tail)
    assert journal.read(path) == RECORDS
    journal.append(path, LAST)
    assert journal.read(path) == [*RECORDS, LAST]


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    num_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.num_bytes += len(content)
        return content


PIECES = st.lists(st.sampled_from([*map(journal._frame, ({}, {"a": "x" * 300})), b"\n", b"{}\n", b"torn", b'{"crc32"']))


@given(pieces=PIECES, block=st.sampled_from([1, 7, 64, 4096]))
def test_the_last_whole_record_is_found_from_the_end(pieces: list[bytes], block: int) -> None:
    """Wherever blocks begin: as if all lines were tried, from the last to the first."""
    content = b"".join(pieces)
    ends = [0, *(end + 1 for end, byte in enumerate(content) if byte == ord("\n"))]
    whole = [b for a, b in pairwise(ends) if journal._unframe(content[a : b - 1]) is not None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "BLOCK_BYTES", block)
        assert journal._end_of_whole_records(io.BytesIO(content), len(content)) == max(whole, default=0)


def test_an_append_reads_only_the_end() -> None:
    content = b"".join(journal._frame({"number": number}) for number in range(10_000))
    file = Counting(content)
    assert journal._end_of_whole_records(file, len(content)) == len(content)
    assert file.num_bytes == journal.BLOCK_BYTES


def test_damage_in_the_middle_is_told_with_its_place(path: Path) -> None:
    content = path.read_bytes()
    first = content.index(b"\n")
    changed = 0
    for index in range(first):
        for bit in (1, 128):
            path.write_bytes(content[:index] + bytes([content[index] ^ bit]) + content[index + 1 :])
            try:
                assert journal.read(path) == RECORDS
            except IdentityError as error:
                changed += 1
                assert f"{path}: byte 0" in str(error)
    assert changed >= 2 * (first - 1), "only the closing brace of a frame may change unnoticed"
    path.write_bytes(content)
    journal.append(path, LAST)
    content = path.read_bytes()
    path.write_bytes(content[: first + 20] + b"\0" + content[first + 21 :])
    with pytest.raises(IdentityError, match=f"byte {first + 1}: damaged journal record"):
        journal.read(path)


def test_an_append_never_hides_damage_in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    journal.append(path, LAST)
    assert path.read_bytes().startswith(content)
    with pytest.raises(IdentityError, match="damaged"):
        journal.read(path)


def test_a_power_cut_at_any_operation(path: Path) -> None:
    for operations in count():
        before = journal.read(path)
        try:
            with cut_after(operations) as done:
                journal.append(path, LAST)
            break
        except PowerCut:
            assert journal.read(path) in (before, [*before, LAST])
    assert done[-2:] == ["open", "fsync"]


def test_a_full_disk_is_told_and_the_next_append_mends(path: Path) -> None:
    for room in (0, 1, 30):
        with full_after(room), pytest.raises(StorageError, match=r"journal.jsonl: the disk is full"):
            journal.append(path, LAST)
        assert journal.read(path) == RECORDS
    journal.append(path, LAST)
    assert journal.read(path) == [*RECORDS, LAST]


def test_a_stuck_holder_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    with FileLock(f"{path}.lock"), pytest.raises(RunLocked, match=r"stayed locked for 0.05 s"):
        journal.append(path, LAST)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write"):
        journal.append(tmp_path / "plain/journal.jsonl", LAST)


def appender(path: Path, told: Path, worker: int, start: int, stop: int) -> None:
    """Appends records start to stop, and notes in a file of its own each append that returned."""
    with open(told, "ab", buffering=0) as file:
        for number in range(start, stop):
            journal.append(path, {"worker": worker, "number": number})
            file.write(b"%d\n" % number)


def killed_appenders(folder: Path, workers: int, appends: int, kills: int) -> None:
    """Processes append side by side; some are killed and begun again where they were told they had come to."""
    random = np.random.default_rng(kills)
    path, told = folder / "journal.jsonl", [folder / str(worker) for worker in range(workers)]

    def begin(worker: int) -> BaseProcess:
        return children.start(appender, path, told[worker], worker, done(told[worker]), appends)

    processes = [begin(worker) for worker in range(workers)]
    for _ in range(kills):
        victim = int(random.integers(workers))
        processes[victim].join(random.uniform(0, 0.2))
        processes[victim].kill()
        processes[victim].join()
        processes[victim] = begin(victim)
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    check(journal.read(path), workers, appends, kills)


def done(told: Path) -> int:
    return told.read_bytes().count(b"\n") if told.exists() else 0


def check(records: list[dict[str, int]], workers: int, appends: int, kills: int) -> None:
    """Every acknowledged append is there, in order; a kill may repeat the one that it kept from being acknowledged."""
    assert workers * appends <= len(records) <= workers * appends + kills
    for worker in range(workers):
        numbers = [record["number"] for record in records if record["worker"] == worker]
        assert sorted(set(numbers)) == list(range(appends))
        assert numbers == sorted(numbers)


@needs_posix
def test_processes_side_by_side_with_kills(tmp_path: Path) -> None:
    killed_appenders(tmp_path, workers=4, appends=40, kills=8)


@needs_posix
@pytest.mark.slow
def test_eight_processes_and_fifty_kills(tmp_path: Path) -> None:
    killed_appenders(tmp_path, workers=8, appends=500, kills=50)


def framed(text: bytes) -> bytes:
    return b'{"crc32":%d,"length":%d,"record":%s}\n' % (zlib.crc32(text), len(text), text)


HOSTILE = {
    "a list": framed(b"[1]"),
    "text": framed(b'"x"'),
    "deep": framed(b"[" * 100_000 + b"]" * 100_000),
    "not UTF-8": framed(b'"\xff"'),
    "digits": framed(b'{"n":' + b"9" * 5_000 + b"}"),
    "a deep frame": b"[" * 100_000 + b',"record":{}}\n',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_a_record_that_is_none_is_damage_and_is_repaired_at_the_end(path: Path, line: bytes) -> None:
    whole = path.read_bytes()
    path.write_bytes(line + whole)
    with pytest.raises(IdentityError, match=r"byte 0: damaged journal record"):
        journal.read(path)
    path.write_bytes(whole + line)
    assert journal.read(path) == RECORDS
    journal.append(path, LAST)
    assert journal.read(path) == [*RECORDS, LAST]


@pytest.mark.timeout(10)
def test_a_million_damaged_lines_take_a_moment(path: Path) -> None:
    path.write_bytes(b"\n" * 1_000_000)
    assert journal.read(path) == []


def test_a_journal_of_holes_and_one_that_is_none_are_refused(path: Path) -> None:
    with open(path, "ab") as file:
        file.truncate(2**32)
    with pytest.raises(IdentityError, match="too large a journal"):
        journal.read(path)
    with pytest.raises(IdentityError, match="not a plain file"):
        journal.read(path.parent)
