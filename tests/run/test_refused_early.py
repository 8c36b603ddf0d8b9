"""Protects the second run of a study that is running: refused before anything slow is imported, saying who holds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snellen.errors import RunLocked
from snellen.files.locks import exclusive, expect_free
from snellen.study.name import name_of

HEAVY = {"torch", "polars", "numpy", "sklearn", "scipy", "altair", "snellen.run", "snellen.study.schema"}
COMMAND = f"""
import sys
from snellen import cli
try:
    cli.main()
finally:
    print(sorted({HEAVY!r} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "command",
    [
        ["run", "digits"],
        ["run", "mine.yaml"],
        ["run", "fashion-mnist", "--set", "study=digits"],
        ["run", "other.yaml", "--out", "runs/digits"],
        ["report", "runs/digits"],
    ],
    ids=" ".join,
)
def test_a_second_run_is_refused_before_the_slow_imports(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("study: digits\nmodels: {}\n", encoding="utf-8")
    with exclusive(tmp_path / "runs" / "digits"):
        child = subprocess.run([sys.executable, "-c", COMMAND, *command], cwd=tmp_path, capture_output=True, text=True)
    assert child.returncode == 2
    assert f"another process is working on this run; found process {os.getpid()} on " in child.stderr
    assert child.stdout.strip() == "[]"


def test_looking_takes_no_lock_and_makes_no_folder(tmp_path: Path) -> None:
    expect_free(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
    with exclusive(tmp_path):
        with pytest.raises(RunLocked, match=f"process {os.getpid()} on .*, since 20"):
            expect_free(tmp_path)
        (tmp_path / ".holder.json").unlink()
        expect_free(tmp_path)  # by whom, nobody says yet: the one who takes the lock decides
    expect_free(tmp_path)
    with exclusive(tmp_path):
        pass


def test_a_name_that_cannot_be_read_at_a_glance_is_left_to_the_reader_of_studies(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    for content in (b"study: [", b"\xff\xfe", b"- study", b"study: 3", b"models: {}"):
        broken.write_bytes(content)
        assert name_of(str(broken)) is None
    assert name_of(str(tmp_path / "absent.yaml")) is None and name_of("no-such-study") is None
    assert name_of("digits") == "digits" and name_of("digits", ["seed=1", "study=x"]) == "x"
