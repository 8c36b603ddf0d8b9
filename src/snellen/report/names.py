"""Short forms of class names that stay distinct: two names that agree in their first letters never look the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shortened(names: Sequence[str], limit: int) -> list[str]:
    """Each name in at most `limit` >= 8 characters, all different where the names are.

    A long name loses its middle; of the ways to part beginning and end the one that leaves the fewest alike is taken
    for all. What is alike even so is numbered by its place, from 1.
    """
    ways = [[_cut(name, limit, tail) for name in names] for tail in _tails(limit)]
    best = min(ways, key=lambda short: len(_alike(short)))
    alike = _alike(best)
    return [
        _numbered(place, name, limit) if short in alike else short
        for place, (name, short) in enumerate(zip(names, best, strict=True), 1)
    ]


def by_name(names: Sequence[str], limit: int) -> dict[str, str]:
    """The short form of each name."""
    return dict(zip(names, shortened(names, limit), strict=True))


def keys(names: Sequence[str], length: int = 3) -> list[str]:
    """A head of at most `length` characters for each name: its first ones where all differ, else its place from 1."""
    first = [name[:length] for name in names]
    return first if not _alike(first) else [str(place) for place in range(1, len(names) + 1)]


def _tails(limit: int) -> list[int]:
    """Characters to keep at the end, a third first: names differ at their beginning more often than at their end."""
    return [limit // 3, limit // 2, limit // 5, 2 * limit // 3, 0]


def _cut(name: str, limit: int, tail: int) -> str:
    if len(name) <= limit:
        return name
    return f"{name[: limit - tail - 1].rstrip()}{ELLIPSIS}{name[len(name) - tail :].lstrip() if tail else ''}"


def _alike(short: Sequence[str]) -> set[str]:
    return {name for name, number in Counter(short).items() if number > 1}


def _numbered(place: int, name: str, limit: int) -> str:
    return _cut(f"{place} {name}", limit, 0)
