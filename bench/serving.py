"""A tool under measurement is a process that waits for orders: one JSON line in, one out. Imports nothing heavy."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

Values = dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """Models that wait for their images. train: one block. evaluate: loss and accuracy of the first model on all
    images of the block. whole: an epoch as its users train, with the evaluation of every model. data_seconds: from
    stored images to what is trained on. model_bytes: of the numbers of all models, once. how: they compute, in
    words."""

    train: Callable[[], Any]
    evaluate: Callable[[], Any]
    whole: Callable[[], Any]
    data_seconds: float
    model_bytes: int
    how: str = ""


def serve(
    prepare: Callable[[str, int, str, int], Prepared],
    began: float,
    others: Mapping[str, Callable[[Values], Values]],
    **about: Any,
) -> None:
    """Answers {"do", "job", "lanes", "way", "steps"}, where "do" is prepare, train or evaluate, with its seconds.

    prepare: makes fresh models; their first block is counted with it. others: further things to do. began: when the
    process began to import.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    _say(answers, {"import_seconds": time.perf_counter() - began, **about})
    prepared: dict[tuple[Any, ...], Prepared] = {}
    for line in sys.stdin:
        order = json.loads(line)
        key = tuple(order.get(name) for name in ("job", "lanes", "way", "steps"))
        if order["do"] in others:
            answer = others[order["do"]](order)
        elif order["do"] == "prepare":
            prepared.pop(key, None)
            answer, prepared[key] = _first_block(partial(prepare, *key))
        else:
            answer = _timed(getattr(prepared[key], order["do"]))
        _say(answers, answer)


def _first_block(make: Callable[[], Prepared]) -> tuple[Values, Prepared]:
    began = time.perf_counter()
    prepared = make()
    prepared.train()
    seconds = time.perf_counter() - began
    answer = {"seconds": seconds - prepared.data_seconds, "data_seconds": prepared.data_seconds, "how": prepared.how}
    return answer, prepared


def _timed(work: Callable[[], Any]) -> Values:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def _say(answers: Any, values: Values) -> None:
    answers.write(json.dumps(values) + "\n")
    answers.flush()
