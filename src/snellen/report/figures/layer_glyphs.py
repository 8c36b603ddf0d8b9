"""How one layer is drawn: what it makes as a body scaled by shape, or what it does as a sign on the line.

Kinds differ in form, never in colour alone. Origins are at the left end of a glyph, on the axis of the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from snellen.models.activations import ACTIVATIONS

CIRCLE = 11.0
"""Radius of a sign."""

SLANT, RISE = 0.30, 0.22
"""How far an image recedes to the right and upwards, by its height."""

DOT = 7.0
"""Height that the drawing of one unit takes."""


@dataclass(frozen=True)
class Glyph:
    """An SVG fragment. width, half: how far it reaches to the right, and above and below the axis, in pixels."""

    svg: str
    width: float
    half: float


FAMILIES = (
    *(("skip", "skip"), ("conv", "conv"), ("pool", "pool"), ("norm", "norm"), ("dropout", "dropout")),
    *(("noise", "dropout"), ("dense", "dense"), ("flatten", "flatten"), ("pad", "pad"), ("prelu", "rectifier")),
)
"""What kinds contain, and how such layers are drawn; all others are steps: a plain body, or a dot where none is due."""


def family_of(kind: str) -> str:
    """How layers of a kind are drawn: "conv", "pool", "norm", "dropout", "dense", "rectifier", ... or "step"."""
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind].sign
    return next((family for part, family in FAMILIES if part in kind), "step")


def glyph(kind: str, shape: Sequence[int]) -> Glyph:
    """A layer of this kind with this output: (H, W, C) or (F,)."""
    family = family_of(kind)
    if family in SIGNS:
        return sign(family)
    return _body(shape, family) if len(shape) == 3 else _column(shape[0], family)


def side(pixels: int) -> float:
    """Height of an image on paper: 1 pixel is 10, 32 are 65."""
    return 10 + 11 * math.log2(max(pixels, 1))


def thickness(channels: int) -> float:
    """1 channel is 5, 128 are 33."""
    return 5 + 4 * math.log2(max(channels, 1))


def length(values: int) -> float:
    """Height of a vector on paper: 1 value is 12, 10 are 40, 1,024 are 97."""
    return 12 + 8.5 * math.log2(max(values, 1))


def _body(shape: Sequence[int], family: str) -> Glyph:
    """An image as a box: height H, receding by W, thick by C."""
    height, width, thick = side(shape[0]), side(shape[1]), thickness(shape[2])
    across, up = SLANT * width, RISE * width
    top = (up - height) / 2
    front = _polygon("front", (0, top), (thick, top), (thick, top + height), (0, top + height))
    lid = _polygon("lid", (0, top), (across, top - up), (across + thick, top - up), (thick, top))

    def on_face(down: float, back: float) -> tuple[float, float]:
        """A point of the face of H x W, both 0..1."""
        return thick + back * across, top + down * height - back * up

    face = _polygon("face", on_face(0, 0), on_face(0, 1), on_face(1, 1), on_face(1, 0))
    return Glyph(front + lid + face + MARKS.get(family, _nothing)(on_face), thick + across, (height + up) / 2)


def _column(values: int, family: str) -> Glyph:
    """A vector as a column; of a dense layer the units are drawn, or the first and the last of them."""
    tall, wide = length(values), 10.0
    frame = f'<rect class="front" x="0" y="{-tall / 2:.1f}" width="{wide:g}" height="{tall:.1f}" rx="2.5"/>'
    inside = {"dense": _units, "flatten": _stripes}.get(family, _nothing)
    return Glyph(frame + inside(values, tall), wide, tall / 2)


def _units(values: int, tall: float) -> str:
    room = int((tall - 2) // DOT)
    places = _spread(min(values, room), tall)
    small = range(len(places) // 2 - 1, len(places) // 2 + 2) if values > room else ()
    return "".join(_dot(5, y, 0.9 if at in small else 2.5) for at, y in enumerate(places))


def _stripes(values: int, tall: float) -> str:
    return "".join(_line((0, y), (10, y)) for y in _spread(min(values, int(tall // 5)), tall))


def _spread(count: int, tall: float) -> list[float]:
    """`count` heights, evenly over a column."""
    return [tall * ((at + 0.5) / count - 0.5) for at in range(count)]


Face = Callable[[float, float], tuple[float, float]]


def _window(on_face: Face) -> str:
    """A kernel at its place on the image."""
    return _polygon("window", on_face(0.3, 0.3), on_face(0.3, 0.62), on_face(0.62, 0.62), on_face(0.62, 0.3))


def _grid(on_face: Face) -> str:
    """The windows of a pool."""
    thirds = (1 / 3, 2 / 3)
    rows = "".join(_line(on_face(share, 0), on_face(share, 1)) for share in thirds)
    return rows + "".join(_line(on_face(0, share), on_face(1, share)) for share in thirds)


def _frame(on_face: Face) -> str:
    """The image inside its margin."""
    return _polygon("window", on_face(0.14, 0.14), on_face(0.14, 0.86), on_face(0.86, 0.86), on_face(0.86, 0.14))


def _nothing(*_: object) -> str:
    return ""


MARKS: dict[str, Callable[[Face], str]] = {"conv": _window, "pool": _grid, "pad": _frame}


def sign(name: str) -> Glyph:
    """A circle with one of SIGNS."""
    circle = f'<circle class="sign" cx="{CIRCLE:g}" cy="0" r="{CIRCLE:g}"/>'
    return Glyph(f'{circle}<g transform="translate({CIRCLE:g} 0)">{SIGNS[name]}</g>', 2 * CIRCLE, CIRCLE)


def _curve(path: str) -> str:
    return f'<path class="line" d="{path}"/>'


def _polygon(name: str, *points: tuple[float, float]) -> str:
    written = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon class="{name}" points="{written}"/>'


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    return _curve(f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}")


def _dot(x: float, y: float, radius: float) -> str:
    return f'<circle class="dot" cx="{x:g}" cy="{y:.1f}" r="{radius:g}"/>'


SIGNS = {
    "norm": _curve("M-7 5C-3 5 -3 -6 0 -6S3 5 7 5"),
    "rectifier": _curve("M-6.5 3.5H0L5.5 -5"),
    "squasher": _curve("M-7 5C0 5 0 -5 7 -5"),
    "dropout": "".join(
        _dot(5 * column, 5 * row, 1.6 if (row + column) % 2 else 0.6) for row in (-1, 0, 1) for column in (-1, 0, 1)
    ),
    "sum": _curve("M-6 0H6M0 -6V6"),
    "product": _curve("M-4.5 -4.5L4.5 4.5M-4.5 4.5L4.5 -4.5"),
    "mean": _curve("M-6 0H6") + _dot(0, -4, 1.4) + _dot(0, 4, 1.4),
    "stack": _curve("M-5 -4H5M-5 0H5M-5 4H5"),
    "upper": _curve("M-5 4L0 -4L5 4"),
    "lower": _curve("M-5 -4L0 4L5 -4"),
}
"""What stands in the circle: a bell, a hinge, an S, a thinned grid, a plus, a cross, a division sign, three lines, a
peak, a valley."""

MERGE_SIGNS = {
    "skip": "sum",
    "add": "sum",
    "multiply": "product",
    "average": "mean",
    "concatenate": "stack",
    "maximum": "upper",
    "minimum": "lower",
}
"""The sign of a layer at which branches meet."""
