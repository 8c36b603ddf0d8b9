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


def weak_sentence(weak: WeakSliceJson) -> str:
    """The sentence about one weak slice."""
    inside, outside, difference = weak["inside"], weak["outside"], weak["difference"]
    less = f"{points(-difference['value'])} less ({points_limits(-difference['high'], -difference['low'])})"
    return (
        f"`{weak['model']}` is less accurate on images {described(weak)}: {percent(inside['value'])} of "
        f"{inside['n']:,} are right, against {percent(outside['value'])} of the other validation images; {less}. "
        f"Their mix of classes alone {'does not explain that: it ' if weak['within'] else ''}would give "
        f"{percent(weak['by_classes'])}."
    )


def described(piece: WeakSliceJson) -> str:
    """The images of a slice in words, as in "with the thickest strokes (highest quarter)"."""
    if piece["measure"] not in KINDS:
        return NEAR[piece["part"]]
    least, most = KINDS[piece["measure"]]
    words = {"lowest quarter": least, "highest quarter": most}.get(piece["part"], f"of medium {piece['measure']}")
    return f"{words} ({piece['part']})"
