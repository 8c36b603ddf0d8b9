"""A network as an image: its layers from left to right, line under line, with shapes and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from snellen.report.figures.layer_glyphs import CIRCLE, MERGE_SIGNS, glyph, sign
from snellen.report.model_types import LayerJson

LINE_PIXELS = 870
"""Width at which a line is full: that of the report's column on a desk."""

GAP, MARGIN, LETTER, LETTER_HIGH = 14.0, 10.0, 6.1, 13.0
"""Pixels between layers and around the drawing; width of a letter of the labels, and height of their lines."""

LONG_NAME = 9
"""Letters beyond which a name is written in two lines."""

LEAST_SHARE = 0.02
"""Share of the parameters below which its rule would be a speck."""


@dataclass(frozen=True)
class Block:
    """A layer with its place on the line.

    width: of the whole. enter, leave: where the line meets it, from its left end. above, below: how far it reaches from
    the axis. label: (class, text) of the lines under it. share: of the parameters, 0..1.
    """

    svg: str
    width: float
    enter: float
    leave: float
    above: float
    below: float
    label: tuple[tuple[str, str], ...] = ()
    share: float = 0.0


def draw_network(name: str, layers: Sequence[LayerJson], input_shape: Sequence[int], key: str) -> Markup:
    """The drawing as inline SVG. layers: as `Network.layer_table` has them. key: makes its ids unique on a page.

    Sides and channels of images and lengths of vectors are scaled by their logarithm. Branches stand above
    one another.
    """
    total = sum(row["parameters"] for row in layers)
    first: LayerJson = {"name": "input", "kind": "input", "detail": "", "output": list(input_shape), "parameters": 0}
    lines = _broken(_block(row, before, total) for before, row in pairwise([first, first, *layers]))
    drawn, below, widest = [], MARGIN, 0.0
    for at, line in enumerate(lines):
        content, width, height = _line(line, begins=at > 0, ends=at + 1 < len(lines))
        drawn.append(_at(0, below, content))
        below, widest = below + height + GAP, max(widest, width)
    wide, high = widest + 2 * MARGIN, below - GAP + MARGIN
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{key}-title {key}-text" '
        f'width="{wide:.0f}" height="{high:.0f}" viewBox="{-MARGIN:g} 0 {wide:.0f} {high:.0f}">'
        f'<title id="{key}-title">{escape(f"Drawing of {name}")}</title>'
        f'<desc id="{key}-text">{escape(in_words(layers, input_shape))}</desc>{"".join(drawn)}</svg>'
    )


def in_words(layers: Iterable[LayerJson], input_shape: Sequence[int]) -> str:
    """The network in one sentence, for who cannot see the drawing."""
    return f"From {_shape(input_shape)}: " + "; ".join(map(_in_words, layers)) + "."


def _in_words(row: LayerJson) -> str:
    parameters = f", {row['parameters']:,} parameters" if row["parameters"] else ""
    branches = [
        f"branch {number}: {'; '.join(map(_in_words, rows)) or 'its input'}"
        for number, rows in enumerate(row.get("branches", []), 1)
    ]
    within = f" ({', '.join(branches)})" if branches else ""
    return f"{row['name']} to {_shape(row['output'])}{parameters}{within}"


def _block(row: LayerJson, before: LayerJson, total: int) -> Block:
    """The block of a layer after `before`: its shape is written where it is a new one."""
    if row.get("branches"):
        return _branching(row, before, total)
    shape = [("shape", _shape(row["output"]))] if row is before or row["output"] != before["output"] else []
    count = [("count", f"{row['parameters']:,}")] if row["parameters"] else []
    label = (*(("name", part) for part in _name(row["name"])), *shape, *count)
    drawn = glyph(row["kind"], row["output"])
    width = max(drawn.width, LETTER * max(len(text) for _, text in label))
    left = (width - drawn.width) / 2
    titled = f"<g><title>{_tip(row, total)}</title>{_at(left, 0, drawn.svg)}</g>"
    share = row["parameters"] / total if total else 0.0
    return Block(titled, width, left, left + drawn.width, drawn.half, drawn.half, label, share)


def _branching(row: LayerJson, before: LayerJson, total: int) -> Block:
    """The layers of the first branch on the axis, those of the others above it, and the sign of how they are merged."""
    branches = [_chain(rows, before, total) for rows in row["branches"]]
    lines = [_line(blocks, begins=True, ends=False) for blocks in branches]
    uppers = [max((block.above for block in blocks), default=0.0) for blocks in branches]
    merged = MARGIN + max(width for _, width, _ in lines) + GAP
    content, width, height = lines[0]
    drawn, top = [], uppers[0]
    for (other, _, other_height), upper in zip(lines[1:], uppers[1:], strict=True):
        axis = top + 10 + other_height - upper
        drawn += [_way_around(MARGIN, merged + CIRCLE, axis), _at(MARGIN, -axis - upper, other)]
        top = axis + upper
    came = MARGIN + width - branches[0][-1].width + branches[0][-1].leave if branches[0] else MARGIN
    parts = (
        f"<g><title>{_tip(row, total)}</title>",
        f'<text class="name" x="{MARGIN:g}" y="{-top - 6:.1f}">{escape(row["name"])}</text></g>',
        _at(MARGIN, -uppers[0], content),
        *drawn,
        _flow(came, merged),
        _at(merged, 0, sign(MERGE_SIGNS[row["kind"]]).svg),
    )
    end = merged + 2 * CIRCLE
    return Block("".join(parts), end, MARGIN, end, top + 18, max(height - uppers[0], CIRCLE))


def _way_around(start: float, end: float, high: float) -> str:
    """From a fork in the line up, along, and down to the sign."""
    fork = f'<circle class="head" cx="{start:g}" cy="0" r="2"/>'
    way = f'<path class="around" d="M{start:g} 0V{-high:.1f}H{end:.1f}V{-CIRCLE - 5:g}"/>'
    return fork + way + _arrow(end, -CIRCLE - 1, "l-3 -5h6z")


def _chain(rows: Sequence[LayerJson], before: LayerJson, total: int) -> list[Block]:
    """The blocks of layers one after another, the first of them after `before`."""
    return [_block(row, previous, total) for previous, row in pairwise([before, *rows])]


def _broken(blocks: Iterable[Block]) -> list[list[Block]]:
    """Blocks in lines of at most LINE_PIXELS; a line holds one at least."""
    lines: list[list[Block]] = [[]]
    filled = 0.0
    for block in blocks:
        if lines[-1] and filled + block.width > LINE_PIXELS:
            lines.append([])
            filled = 0.0
        lines[-1].append(block)
        filled += block.width + GAP
    return lines


def _line(blocks: Sequence[Block], begins: bool, ends: bool) -> tuple[str, float, float]:
    """(SVG, width, height) of one line, its top at 0. begins, ends: with an arrow from the line before, to the next."""
    if not blocks:
        return "", 0.0, 0.0
    axis = max(block.above for block in blocks)
    label_top = max((block.below for block in blocks if block.label), default=0.0) + LETTER_HIGH
    x, drawn, came = (GAP if begins else 0.0), [], 0.0 if begins else None
    for block in blocks:
        if came is not None:
            drawn.append(_flow(came, x + block.enter))
        drawn.append(_at(x, 0, block.svg + _label(block, label_top)))
        came, x = x + block.leave, x + block.width + GAP
    width = x - GAP
    if ends and came is not None:
        drawn.append(_flow(came, width + GAP))
        width += GAP
    labels = max((len(block.label) for block in blocks), default=0)
    height = axis + max(label_top + LETTER_HIGH * labels, *(block.below for block in blocks), 0.0)
    return _at(0, axis, "".join(drawn)), width, height


def _label(block: Block, top: float) -> str:
    """The lines under a block, and a rule as long as its share of the parameters."""
    middle = block.width / 2
    texts = [
        f'<text class="{kind}" x="{middle:.1f}" y="{top + LETTER_HIGH * at:.1f}" text-anchor="middle">'
        f"{escape(text)}</text>"
        for at, (kind, text) in enumerate(block.label)
    ]
    if block.share >= LEAST_SHARE:
        y, half = top + LETTER_HIGH * (len(block.label) - 1) + 5, block.share * max(block.width, 40) / 2
        texts.append(f'<path class="share" d="M{middle - half:.1f} {y:.1f}H{middle + half:.1f}"/>')
    return "".join(texts)


def _flow(start: float, end: float) -> str:
    """An arrow along the axis."""
    return f'<path class="flow" d="M{start + 2:.1f} 0H{end - 5:.1f}"/>{_arrow(end - 1, 0, "l-5 -3v6z")}'


def _arrow(x: float, y: float, head: str) -> str:
    return f'<path class="head" d="M{x:.1f} {y:g}{head}"/>'


def _tip(row: LayerJson, total: int) -> Markup:
    """What a pointer sees: all of a layer."""
    what = f"{row['name']}: {row['detail']}" if row["detail"] else row["name"]
    count = row["parameters"]
    held = f", {count:,} parameters ({100 * count / total:.1f} % of all)" if count else ""
    return escape(f"{what}. Gives {_shape(row['output'])}{held}.")


def _name(name: str) -> tuple[str, ...]:
    """A name in one line, or in two: "leaky_relu_1" -> "leaky_", "relu_1"."""
    if len(name) <= LONG_NAME or "_" not in name[:-3]:
        return (name,)
    cut = min((at + 1 for at, letter in enumerate(name) if letter == "_"), key=lambda at: abs(at - len(name) / 2))
    return name[:cut], name[cut:]


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(f"{size:,}" if len(shape) == 1 else str(size) for size in shape)


def _at(x: float, y: float, svg: str) -> str:
    return f'<g transform="translate({x:.1f} {y:.1f})">{svg}</g>'
