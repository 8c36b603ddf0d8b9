"""Protects the one way to run Python in another process: answers in order, limits that hold, and no child that outlives
its parent, however that ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from snellen import child_process
from snellen.child_process import INTERRUPTED, ChildProcess

Start = Callable[..., ChildProcess]
ECHO = """
from snellen.child_process import Requests, send_line
send_line(sys.stdout.buffer, "ready")
for request in Requests(grace_seconds=0):
    send_line(sys.stdout.buffer, [request, *sys.argv[1:]])
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a child that runs this text."""
    monkeypatch.syspath_prepend(tmp_path)

    def begin(text: str, *arguments: str, **environment: str) -> ChildProcess:
        (tmp_path / "child_of_a_test.py").write_text(f"import os, sys, time\n{text}", "utf-8")
        return ChildProcess("child_of_a_test", *arguments, environment=environment)

    return begin


def test_it_answers_one_request_after_another(start: Start) -> None:
    with closing(start(ECHO, "an argument")) as child:
        assert child.read_line() == b'"ready"'
        for request in ("é\n", {"a": [1, None]}):
            child.send(request)
        assert child.read_line() == b'["\\u00e9\\n", "an argument"]'
        assert child.read_line() == b'[{"a": [1, null]}, "an argument"]'


def test_bytes_of_a_known_number(start: Start) -> None:
    buffer = bytearray(200_000)
    with closing(start("sys.stdout.buffer.write(b'ab' * 100_000 + b'c')")) as child:
        assert child.read_into(memoryview(buffer)) and buffer == b"ab" * 100_000
        assert not child.read_into(memoryview(buffer)), "one byte is left"


def test_the_environment_and_where_modules_come_from(start: Start, tmp_path: Path) -> None:
    """The folder in which it runs is none of them."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/psutil.py").write_text("raise SystemExit(9)")
    before = Path.cwd()
    os.chdir(tmp_path / "elsewhere")
    try:
        child = start("import psutil; print(os.environ['ANSWER'])", ANSWER="42")
    finally:
        os.chdir(before)
    with closing(child):
        assert child.read_line() == b"42" and child.read_line() is None


@pytest.mark.parametrize("text", ["os.close(1); time.sleep(60)", "sys.stdout.write('x' * 100); time.sleep(60)"])
def test_a_deadline_ends_it(start: Start, text: str) -> None:
    with closing(start(text)) as child:
        with child.deadline(0.2):
            child.read_line()
            code, _ = child.wait()
        assert child.expired and code != 0


def test_a_deadline_that_is_met_does_nothing(start: Start) -> None:
    with closing(start(ECHO)) as child:
        with child.deadline(60):
            child.read_line()
        child.send(1)
        assert child.read_line() == b"[1]" and not child.expired


def test_how_it_ended_and_the_last_that_it_wrote(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "KEPT_ERROR_BYTES", 20)
    with closing(start("sys.stderr.write('x' * 1_000_000 + 'the end'); sys.exit(7)")) as child:
        assert child.read_line() is None
        assert child.wait() == (7, "x" * 13 + "the end")
        child.send("nobody listens")


def test_a_line_that_is_too_long_is_none(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "MAX_LINE_BYTES", 100)
    with closing(start("print('x' * 101, flush=True); time.sleep(60)")) as child:
        assert child.read_line() is None


def test_one_that_does_not_end_is_killed(start: Start) -> None:
    with closing(start("time.sleep(60)")) as child:
        child.close_input()
        assert child.wait(0.2)[0] != 0


INTERRUPTIBLE = """
from snellen.child_process import Requests, send_line
requests = Requests(grace_seconds={grace})
for request in requests:
    try:
        send_line(sys.stdout.buffer, "busy")
        while True: time.sleep(0.01)
    except KeyboardInterrupt:
        send_line(sys.stdout.buffer, "saved")
        {then}
"""


def test_the_end_of_its_input_interrupts_what_it_does(start: Start) -> None:
    with closing(start(INTERRUPTIBLE.format(grace=60, then="sys.exit(3)"))) as child:
        child.send(1)
        assert child.read_line() == b'"busy"'
        child.close_input()
        assert child.read_line() == b'"saved"' and child.wait()[0] == 3


def test_after_its_time_of_grace_it_ends_whatever_it_does(start: Start) -> None:
    with closing(start(INTERRUPTIBLE.format(grace=0.2, then="time.sleep(60)"))) as child:
        child.send(1)
        assert child.read_line() == b'"busy"'
        child.close_input()
        assert child.wait(30)[0] == INTERRUPTED


PARENT = """
import sys, time
from snellen.child_process import ChildProcess
child = ChildProcess("child_of_a_test", environment={})
child.send(1)
print(child.pid, child.read_line(), flush=True)
time.sleep(60)
"""


def test_a_killed_parent_takes_a_busy_child_along(start: Start, tmp_path: Path) -> None:
    start(INTERRUPTIBLE.format(grace=0.1, then="time.sleep(60)")).close()
    paths = os.pathsep.join(filter(None, sys.path))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
    )
    assert parent.stdout is not None
    with parent, closing(parent.stdout) as output:
        child = psutil.Process(int(output.readline().split()[0]))
        parent.kill()
        _, alive = psutil.wait_procs([child], timeout=30)
        assert not alive


def test_the_users_script_is_not_run_again(start: Start, tmp_path: Path) -> None:
    """`multiprocessing` would, where it has no main guard."""
    start(ECHO).close()
    script = tmp_path / "script.py"
    script.write_text(f"print('once')\nimport sys; sys.path.insert(0, {str(tmp_path)!r})\n{PARENT[:-15]}child.close()")
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert answer.stdout.split()[0] == "once" and answer.stdout.count("once") == 1
