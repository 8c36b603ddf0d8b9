"""Weak slices in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS = {
    "brightness": ("that are the darkest", "that are the brightest"),
    "contrast": ("with the least contrast", "with the most contrast"),
    "position": ("that stand nearest to the middle", "that stand furthest from the middle"),
    "size": ("with the smallest figures", "with the largest figures"),
    "stroke": ("with the thinnest strokes", "with the thickest strokes"),
}
NEAR = {
    "one in training": "with a near-duplicate in training",
    "none in training": "without a near-duplicate in training",
}


def weak_sentence(one: Mapping[str, Any]) -> str:
    """What is said of a weak slice."""
    inside, outside, difference = one["inside"], one["outside"], one["difference"]
    return (
        f"`{one['model']}` is weaker on images {described(one)}: {100 * inside['value']:.1f} % of {inside['n']:,} "
        f"right, of the other validation images {100 * outside['value']:.1f} %; "
        f"{-100 * difference['value']:.1f} points fewer ({-100 * difference['high']:.1f} to "
        f"{-100 * difference['low']:.1f}). "
        + (
            f"Within its classes it is weaker too: by them alone one would expect {100 * one['by_classes']:.1f} %."
            if one["within"]
            else f"By its classes alone one would expect {100 * one['by_classes']:.1f} %."
        )
    )


def described(one: Mapping[str, Any]) -> str:
    """The pictures of a slice in words: "with the thickest strokes (highest quarter)"."""
    if one["measure"] not in KINDS:
        return NEAR[one["part"]]
    least, most = KINDS[one["measure"]]
    words = {"lowest quarter": least, "highest quarter": most}.get(one["part"], f"of middling {one['measure']}")
    return f"{words} ({one['part']})"
