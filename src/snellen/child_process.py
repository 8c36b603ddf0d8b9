"""A Python child process that answers requests: one JSON value a line, in both directions, over its pipes.

The parent holds a `ChildProcess`; the child iterates over `Requests`. The child ends with its parent, however that
ends, because its input is then closed. Not `multiprocessing`: it would import the user's script again in the child, and
run it where it has no main guard.
"""

from __future__ import annotations

import _thread
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread, Timer
from typing import IO, Any, BinaryIO, cast

MAX_LINE_BYTES = 2**24
"""Of a line from a child: a damaged file may have taken it over."""
KEPT_ERROR_BYTES = 2**16
"""Of what a child writes to its error stream, the last bytes are kept."""
INTERRUPTED = 130
"""Exit code of a child whose parent has ended."""


def send_line(output: BinaryIO, value: Any) -> None:
    """Writes a value as a line of JSON. Nothing happens where the reader has ended."""
    with suppress(OSError, ValueError):
        output.write(json.dumps(value).encode() + b"\n")
        output.flush()


class ChildProcess:
    """Runs `python -m module arguments`. expired: it was killed because a `deadline` passed. Its current folder is no
    place to import from; Ctrl-C in the terminal is for the parent alone, which decides what its children do."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str]) -> None:
        pipe, paths = subprocess.PIPE, os.pathsep.join(filter(None, sys.path))
        self.expired = False
        self._errors = b""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-X", "utf8", "-m", module, *arguments],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={**os.environ, **environment, "PYTHONPATH": paths},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._input, self._output = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        self._collector = Thread(target=self._collect_errors, daemon=True)
        self._collector.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def send(self, value: Any) -> None:
        """One request. A child that has ended is noticed when its answer is read."""
        send_line(self._input, value)

    def read_line(self) -> bytes | None:
        """The next line, without its end; None where the child has ended, or its line is too long."""
        with suppress(OSError, ValueError):
            line = self._output.readline(MAX_LINE_BYTES)
            return line[:-1] if line.endswith(b"\n") else None
        return None

    def read_into(self, buffer: memoryview) -> bool:
        """Fills `buffer` with bytes that the child writes; False where it ends before."""
        filled = 0
        while filled < len(buffer):
            count = cast(Any, self._output).readinto(buffer[filled:])
            if not count:
                return False
            filled += count
        return True

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Kills the child where the block takes longer; whoever waits for an answer then sees it ended."""
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def close_input(self) -> None:
        """Asks it to end: it gets no more requests."""
        with suppress(OSError):
            self._input.close()

    def wait(self, seconds: float | None = None) -> tuple[int, str]:
        """Waits for its end, at most so long, else kills it. Returns its exit code, negative for a signal, and the last
        that it wrote to its error stream."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        self._collector.join()
        return code, self._errors.decode("utf-8", "replace")

    def close(self) -> None:
        """Kills it where it still runs, and closes the pipes. No other thread may be reading from it."""
        self.kill()
        self.wait()
        for stream in (self._input, self._output):
            with suppress(OSError):
                stream.close()

    def _expire(self) -> None:
        self.expired = True
        self.kill()

    def _collect_errors(self) -> None:
        with cast(IO[bytes], self._process.stderr) as stream, suppress(OSError, ValueError):
            while chunk := cast(Any, stream).read1(KEPT_ERROR_BYTES):
                self._errors = (self._errors + chunk)[-KEPT_ERROR_BYTES:]


class Requests:
    """In the child: the requests of the parent, one after another.

    They are read by a thread, so that the end of the parent is noticed while one is being answered: that is interrupted
    as by Ctrl-C, and after `grace_seconds` the process ends, whatever it is doing. 0: at once, and nothing is
    interrupted.
    """

    def __init__(self, grace_seconds: float) -> None:
        self.grace_seconds = grace_seconds
        self._waiting: SimpleQueue[Any] = SimpleQueue()
        self._is_answering = self._is_over = False
        Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[Any]:
        while (request := self.next()) is not None:
            yield request

    def next(self) -> Any:
        """The next request; None at the end."""
        self._is_answering = False
        request = self._waiting.get()
        self._is_answering = True
        return None if self._is_over else request

    def _read(self) -> None:
        with suppress(OSError, ValueError), open(0, "rb", closefd=False) as source:
            for line in source:
                self._waiting.put(json.loads(line))
        self._is_over = True
        self._waiting.put(None)
        if self._is_answering and self.grace_seconds:
            _thread.interrupt_main()
        time.sleep(self.grace_seconds)
        os._exit(INTERRUPTED)
