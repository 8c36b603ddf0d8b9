"""The sentences about learning curves of several models: which is better at which numbers of images a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

from snellen.explain.curves.crossings import Crossing
from snellen.phrases import points, points_limits

T = TypeVar("T")


def crossing_sentence(crossing: Crossing) -> str:
    """Which of two models is better at which sizes, with the difference at the first or last of these sizes."""
    stretches = in_stretches(crossing.sizes, lambda size: _winner(crossing, size))
    if len(stretches) == 1 and stretches[0][1] is None:
        return f"`{crossing.a}` and `{crossing.b}` cannot be told apart {_at_any(crossing.sizes)}."
    parts = []
    for place, (sizes, winner) in enumerate(stretches):
        first, last = place == 0, place == len(stretches) - 1
        where = sizes_in_words(sizes, first, last)
        parts.append(f"{where} {_outcome(crossing, winner, sizes[0] if last else sizes[-1], first)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def in_stretches(sizes: Sequence[int], of: Callable[[int], T]) -> list[tuple[tuple[int, ...], T]]:
    """Runs of neighbouring sizes with the same value of `of`, and this value."""
    return [(tuple(stretch), value) for value, stretch in groupby(sizes, key=of)]


def sizes_in_words(sizes: Sequence[int], first: bool, last: bool) -> str:
    """For example "with 10 to 30 images a class", "with 100", "from 300 on". first: whether to write the unit; last:
    whether no larger size was trained."""
    unit = f" image{'s' if sizes[-1] > 1 else ''} a class" if first else ""
    if last and not first:
        return f"from {sizes[0]:,} on"
    if len(sizes) == 1:
        return f"with {sizes[0]:,}{unit}"
    return f"with {sizes[0]:,} to {sizes[-1]:,}{unit}"


def _winner(crossing: Crossing, size: int) -> str | None:
    return crossing.a if size in crossing.better_a else crossing.b if size in crossing.better_b else None


def _outcome(crossing: Crossing, winner: str | None, at: int, first: bool) -> str:
    if winner is None:
        return f"`{crossing.a}` and `{crossing.b}` cannot be told apart" if first else "the two cannot be told apart"
    difference = crossing.compared[at].difference
    sign = -1.0 if difference.value < 0 else 1.0
    limits = [end for end in (difference.low, difference.high) if end is not None]
    low, high = sorted(sign * end for end in limits) if len(limits) > 1 else (None, None)
    loser = crossing.b if winner == crossing.a else crossing.a
    by = f"{points(abs(difference.value))}, {points_limits(low, high)}"
    return f"`{winner}` is better than `{loser}` (at {at:,} by {by})"


def _at_any(sizes: Sequence[int]) -> str:
    if len(sizes) == 1:
        return f"with {sizes[0]:,} images a class"
    return f"at any size from {sizes[0]:,} to {sizes[-1]:,} images a class"
