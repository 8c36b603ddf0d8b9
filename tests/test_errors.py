"""Protects messages: whatever a stranger put into a file, they are short, quickly made, and can be printed."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from snellen.errors import DataError, shown, unknown


def bomb() -> Any:
    """2 to the 60 items, of 60 small tuples."""
    value: Any = ("x",)
    for _ in range(60):
        value = (value, value)
    return value


HUGE = [
    bomb(),
    [bomb()] * 3,
    1 << 10**7,
    "x" * 10**8,
    b"x" * 10**8,
    memoryview(b"x" * 10**8),
    {"a": bomb()},
    [1] * 10**6,
]


@pytest.mark.timeout(60)  # formatted whole, some take for ever
@pytest.mark.parametrize("value", HUGE, ids=lambda value: type(value).__name__)
def test_values_are_cut_before_they_are_formatted(value: object) -> None:
    where = "x" * 10**6
    tracemalloc.start()
    try:
        assert len(shown(value)) < 200
        assert len(str(DataError("wrong", found=value, expected=value, where=where))) < 10_000
        assert tracemalloc.get_traced_memory()[1] < 2**18
    finally:
        tracemalloc.stop()


def test_small_values_are_shown_as_they_are() -> None:
    for value in (3, -2.5, True, None, "it's", b"\x00a", [1, 2], (5, 4), (7,), (), ["a", None]):
        assert shown(value) == repr(value)
    assert shown("x" * 81) == f"'{'x' * 80}'…"
    assert shown(10**60) == "a number of 200 bits"
    assert shown((1, (2, 3))) == "(1, (2, 3))"
    assert shown((1, (2, (3, 4)))) == "a tuple of 2 items"
    assert str(DataError("wrong", found=np.float32(0.5), expected=(3, 4))) == "wrong; found 0.5; expected (3, 4)"
    assert str(DataError("wrong", found=np.array(["é"])[0])) == "wrong; found é"


def test_nothing_reaches_a_terminal_that_is_not_text() -> None:
    message = str(DataError("a\nb", found="x\x1b[2J\udce9\u202e", where="dir\udcff/\r\n", hint="\x9b"))
    assert message == "dir\\udcff/\\r\\n: a\nb; found x\\x1b[2J\\udce9\\u202e. \\x9b"
    message.encode()
    str(unknown("class", "\udcff" * 10**6, ["\udcfe"] * 10**6)).encode()
