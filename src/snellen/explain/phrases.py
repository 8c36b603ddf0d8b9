"""Pieces of sentences that analyses, findings and the report share."""

from __future__ import annotations

from collections.abc import Iterable


def listing(names: Iterable[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last
