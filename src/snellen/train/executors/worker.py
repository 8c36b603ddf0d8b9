"""The process that trains packs for another one.

    python -m snellen.train.executors.worker

Reads JSON lines: first the place (see shared.py), then packs to train, {"lanes": ..., "until": ...}. Answers with JSON
lines: {"ready": true} once it has started, what a watcher is told, {"ended": true} after each pack, and
{"error": class, "said": text} before it ends of an error for which the user can do something. The end of its input
means stop: it saves and ends, so it outlives nobody.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

import torch

from snellen.errors import SnellenError
from snellen.train.executors.shared import shared_pack, shared_place
from snellen.train.perform import perform
from snellen.train.snapshot import EpochRecord

TELL_SECONDS = 0.2
"""Between two words about steps."""
LAST_SECONDS = 3.0
"""To save and end once the input has ended; the user waits for 5 s at most."""
INTERRUPTED = 130


class Telling:
    """A watcher that writes what it is told, a line each."""

    def __init__(self, output: IO[str]) -> None:
        self.output = output
        self.told = 0.0

    def say(self, **values: Any) -> None:
        """One line; nobody may listen any more."""
        with suppress(OSError, ValueError):
            self.output.write(json.dumps(values) + "\n")
            self.output.flush()

    def stepped(self, step: int, steps: int) -> None:
        """Now and then."""
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.told = time.monotonic()
            self.say(stepped=[step, steps])

    def trained(self, place: int, record: EpochRecord) -> None:
        """Every epoch of every lane."""
        self.say(trained=[place, record])


class Listening:
    """Orders as they come; at their end, what is being done is interrupted as by Ctrl-C."""

    def __init__(self, source: IO[str]) -> None:
        self.source = source
        self.orders: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self.busy = self.over = False
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):
            for line in self.source:
                self.orders.put(json.loads(line))
        self.over = True
        self.orders.put(None)
        if self.busy:
            _thread.interrupt_main()
        time.sleep(LAST_SECONDS)
        os._exit(INTERRUPTED)

    def next(self) -> dict[str, Any] | None:
        """The next order, None at the end."""
        self.busy = False
        order = self.orders.get()
        self.busy = True
        return None if self.over else order


def main() -> None:
    """Trains what it is told to until there is no more."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what interrupts it may have been ignored where it began
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    telling = Telling(sys.stdout)
    sys.stdout = sys.stderr  # what a library prints is no answer
    listening = Listening(sys.stdin)
    telling.say(ready=True)
    try:
        _work(listening, telling)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except SnellenError as error:
        telling.say(error=type(error).__name__, said=str(error))
        sys.exit(error.exit_code)


def _work(listening: Listening, telling: Telling) -> None:
    told = listening.next()
    if told is None:
        return
    place, folder = shared_place(told), Path(told["folder"])
    while (order := listening.next()) is not None:
        perform(shared_pack(order["lanes"], place, folder), place, telling, order["until"])
        telling.say(ended=True)


if __name__ == "__main__":
    main()
