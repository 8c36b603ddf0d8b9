"""Protects hashes.jsonl: a hash that stands is never replaced by mistake, and a kill leaves none rather than a wrong
one."""

from __future__ import annotations

from pathlib import Path

import pytest

from snellen.errors import IdentityError
from snellen.files import hashes, journal
from snellen.files.atomic import write_text


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in ("a", "jobs/1/b"):
        write_text(tmp_path / name, name)
    hashes.note(tmp_path, [tmp_path / "a", tmp_path / "jobs/1/b", tmp_path / "absent"])
    return tmp_path


def changes(run: Path) -> dict[str, hashes.Change]:
    return hashes.changes(run, hashes.hashes(run))


def test_what_was_written_is_known_and_what_is_not_there_is_passed_over(run: Path) -> None:
    assert set(hashes.hashes(run)) == {"a", "jobs/1/b"} and changes(run) == {}


def test_a_changed_and_a_missing_file_are_told_apart(run: Path) -> None:
    write_text(run / "a", "A")
    (run / "jobs/1/b").unlink()
    assert changes(run) == {"a": "changed", "jobs/1/b": "missing"}


def test_only_files_without_a_hash_are_noted_later(run: Path) -> None:
    write_text(run / "a", "A")
    write_text(run / "c", "c")
    hashes.note_new(run, [run / "a", run / "c"])
    assert changes(run) == {"a": "changed"} and "c" in hashes.hashes(run)


def test_a_file_that_was_being_rewritten_has_no_hash(run: Path) -> None:
    with pytest.raises(KeyboardInterrupt), hashes.rewriting(run, [run / "a"]):
        write_text(run / "a", "A")
        raise KeyboardInterrupt
    assert set(hashes.hashes(run)) == {"jobs/1/b"} and changes(run) == {}
    with hashes.rewriting(run, [run / "a"]):
        write_text(run / "a", "AA")
    assert set(hashes.hashes(run)) == {"a", "jobs/1/b"} and changes(run) == {}


def test_a_run_from_before_has_none(tmp_path: Path) -> None:
    assert hashes.hashes(tmp_path) == {}


def test_another_format_is_refused(run: Path) -> None:
    journal.append(run / hashes.FILE, {"format": 2, "files": {}})
    with pytest.raises(IdentityError, match="not hashes of this format; found 2; expected 1"):
        hashes.hashes(run)


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "a\\b", "c:x", ""])
def test_a_name_that_leaves_the_run_is_no_name(name: str, run: Path) -> None:
    journal.append(run / hashes.FILE, {"format": 1, "files": {name: "0" * 64}})
    assert changes(run) == {}


def test_files_that_are_being_written_are_not_below(run: Path) -> None:
    (run / "jobs/1/.b.0123.tmp").touch()
    assert hashes.below(run / "jobs") == [run / "jobs/1/b"]


@pytest.mark.parametrize("name", ["jobs", "d" * 256, "/".join(["d" * 200] * 30), "ä" * 200])
def test_a_name_that_no_file_of_a_run_has_is_no_crash(run: Path, name: str) -> None:
    journal.append(run / hashes.FILE, {"format": hashes.FORMAT, "files": {name: "0" * 64}})
    assert set(changes(run)) <= {name}


def test_a_folder_in_the_place_of_a_file_is_a_change(run: Path) -> None:
    (run / "a").unlink()
    (run / "a").mkdir()
    assert changes(run) == {"a": "changed"}
