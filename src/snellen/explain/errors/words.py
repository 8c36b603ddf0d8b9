"""The sentences about weak slices: kinds of images that a model gets wrong more often."""

from __future__ import annotations

from snellen.explain.errors.facts import WeakSliceJson
from snellen.phrases import percent, points, points_limits

KINDS = {
    "brightness": ("that are the darkest", "that are the brightest"),
    "contrast": ("with the least contrast", "with the most contrast"),
    "position": ("with the foreground nearest to the middle", "with the foreground furthest from the middle"),
    "size": ("with the smallest foreground", "with the largest foreground"),
    "stroke": ("with the thinnest strokes", "with the thickest strokes"),
}
NEAR = {
    "one in training": "with a near-duplicate in training",
    "none in training": "without a near-duplicate in training",
}


def weak_sentence(one: WeakSliceJson) -> str:
    """The sentence about one weak slice."""
    inside, outside, difference = one["inside"], one["outside"], one["difference"]
    less = f"{points(-difference['value'])} less ({points_limits(-difference['high'], -difference['low'])})"
    return (
        f"`{one['model']}` is less accurate on images {described(one)}: {percent(inside['value'])} of {inside['n']:,} "
        f"are right, against {percent(outside['value'])} of the other validation images; {less}. Their mix of classes "
        f"alone {'does not explain that: it ' if one['within'] else ''}would give {percent(one['by_classes'])}."
    )


def described(one: WeakSliceJson) -> str:
    """The images of a slice in words, as in "with the thickest strokes (highest quarter)"."""
    if one["measure"] not in KINDS:
        return NEAR[one["part"]]
    least, most = KINDS[one["measure"]]
    words = {"lowest quarter": least, "highest quarter": most}.get(one["part"], f"of medium {one['measure']}")
    return f"{words} ({one['part']})"
