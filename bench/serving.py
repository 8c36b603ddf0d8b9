"""A tool under measurement is a process that waits for orders: one JSON line in, one out. Imports nothing heavy."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

Block = Callable[[], Any]


def serve(prepare: Callable[[str, int, str], Block], began: float, **about: Any) -> None:
    """Answers {"job", "lanes", "way"} with the seconds of one block, wall clock and CPU; prepares and warms up once.

    prepare: what trains one block. began: when the process began to import.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    _say(answers, import_seconds=time.perf_counter() - began, **about)
    blocks: dict[str, Block] = {}
    for line in sys.stdin:
        order = json.loads(line)
        cold = 0.0
        if line not in blocks:
            start = time.perf_counter()
            blocks[line] = prepare(order["job"], order["lanes"], order["way"])
            blocks[line]()
            cold = time.perf_counter() - start
        wall, cpu = time.perf_counter(), time.process_time()
        blocks[line]()
        _say(answers, seconds=time.perf_counter() - wall, cpu_seconds=time.process_time() - cpu, cold_seconds=cold)


def _say(answers: Any, **values: Any) -> None:
    answers.write(json.dumps(values) + "\n")
    answers.flush()
