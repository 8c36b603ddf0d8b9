"""The process that trains packs for another one.

    python -m snellen.train.executors.worker SAVE_SECONDS

Requests: first a SharedContext (see worker_messages.py), then PackRequests. Answers: true once it has started, then
`Message`s. When its parent ends, it saves and ends too, within SAVE_SECONDS.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

import torch
from typing_extensions import TypedDict

from snellen.child_process import INTERRUPTED, Requests, send_line
from snellen.errors import SnellenError
from snellen.train.executors.worker_messages import received_context, received_pack
from snellen.train.snapshot import EpochRecord
from snellen.train.train_pack import train_pack

STEP_MESSAGE_SECONDS = 0.2
"""Between two messages about steps."""


class Message(TypedDict, total=False):
    """One of: stepped, trained (the arguments of a Watcher's methods); ended, after each pack; error, the name of a
    class of errors.py, with its text, before the worker ends because of an error that the user can do something about.
    """

    stepped: tuple[int, int]
    trained: tuple[int, EpochRecord]
    ended: bool
    error: str
    text: str


class MessageWatcher:
    """Sends what a watcher is called with."""

    def __init__(self, output: BinaryIO) -> None:
        self.output = output
        self.last_step_message = 0.0

    def send(self, message: Message) -> None:
        """To the parent."""
        send_line(self.output, message)

    def stepped(self, step: int, steps: int) -> None:
        """Now and then."""
        if time.monotonic() - self.last_step_message >= STEP_MESSAGE_SECONDS:
            self.last_step_message = time.monotonic()
            self.send({"stepped": (step, steps)})

    def trained(self, place: int, record: EpochRecord) -> None:
        """Every epoch of every lane."""
        self.send({"trained": (place, record)})


def main() -> None:
    """Trains what is requested until the parent closes the input."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # may have been ignored where this process was started
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    watcher = MessageWatcher(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what a library prints is no message
    requests = Requests(grace_seconds=float(sys.argv[1]))
    send_line(watcher.output, True)
    try:
        _train_requested(requests, watcher)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except SnellenError as error:
        watcher.send({"error": type(error).__name__, "text": str(error)})
        sys.exit(error.exit_code)


def _train_requested(requests: Requests, watcher: MessageWatcher) -> None:
    shared = requests.next()
    if shared is None:
        return
    context, folder = received_context(shared), Path(shared["folder"])
    for request in requests:
        train_pack(received_pack(request["lanes"], context, folder), context, watcher, request["until"])
        watcher.send({"ended": True})


if __name__ == "__main__":
    main()
