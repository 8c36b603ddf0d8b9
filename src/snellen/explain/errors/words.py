"""The sentences about weak slices: kinds of images that a model gets wrong more often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snellen.phrases import percent, points, points_limits

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
    """One weak slice, with its numbers."""
    inside, outside, difference = one["inside"], one["outside"], one["difference"]
    less = f"{points(-difference['value'])} less ({points_limits(-difference['high'], -difference['low'])})"
    return (
        f"`{one['model']}` is less accurate on images {described(one)}: {percent(inside['value'])} of {inside['n']:,} "
        f"are right, against {percent(outside['value'])} of the other validation images; {less}. Their mix of classes "
        f"alone {'does not explain that: it ' if one['within'] else ''}would give {percent(one['by_classes'])}."
    )


def described(one: Mapping[str, Any]) -> str:
    """The pictures of a slice in words: "with the thickest strokes (highest quarter)"."""
    if one["measure"] not in KINDS:
        return NEAR[one["part"]]
    least, most = KINDS[one["measure"]]
    words = {"lowest quarter": least, "highest quarter": most}.get(one["part"], f"of medium {one['measure']}")
    return f"{words} ({one['part']})"
