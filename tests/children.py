"""Processes that tests may kill. They are forked from a server that has imported Snellen already: each costs little."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

PRELOADED = ["pytest", "snellen.api"]
"""Installed modules only: before Python 3.12 the server does not know the paths of the tests."""
FOLDERS = ("SNELLEN_CACHE", "SNELLEN_RECORDS")


def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Begins target(*arguments) in a child with this test's cache and records."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_run, args=({name: os.environ[name] for name in FOLDERS}, target, arguments))
    process.start()
    return process


def _run(folders: dict[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.update(folders)
    target(*arguments)
