"""The ratios as a chart, a row a line, on a logarithmic scale: to Keras as its users call it, with the range over
blocks, and to its best settings; those of a second run; and the targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ratios import Line

WIDTH, STEP = 560, 30
LEAST, MARGIN = 0.8, 1.12
"""Where the scale begins, or earlier; and by how much it reaches beyond the outermost marks."""
TICKS = [0.1, 0.2, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500]
TITLE = "times as fast"
FIT, AGAIN, BEST, TARGET = (
    "as Keras fit, KerasTuner, scikit-learn",
    "the same, second run",
    "as Keras at its best",
    "target",
)
LOOKS = {
    AGAIN: ("#56b4e9", "circle", 40),
    FIT: ("#0072b2", "circle", 90),
    BEST: ("#d55e00", "diamond", 80),
    TARGET: ("#222222", "M-0.2,-1.6h0.4v3.2h-0.4Z", 90),
}
"""Colour, shape and size of each kind of mark."""


def records(lines: Sequence[Line], again: Sequence[Line] = ()) -> list[dict[str, Any]]:
    """A record a mark of every line that has a ratio, in their order."""
    second = {line.what: line.ratio for line in again}
    found = []
    for line in lines:
        if line.ratio:
            ratios = {FIT: line.ratio, AGAIN: second.get(line.what), BEST: line.best}
            places = {kind: ratio.median for kind, ratio in ratios.items() if ratio}
            places |= {TARGET: line.target} if line.target else {}
            found += [{"what": line.what, "kind": kind, "x": place} for kind, place in places.items()]
    return found


def svg(lines: Sequence[Line], again: Sequence[Line] = ()) -> str:
    """The chart."""
    import altair
    import vl_convert

    marks = records(lines, again)
    ranges = [{"what": line.what, "x": line.ratio.low, "high": line.ratio.high} for line in lines if line.ratio]
    places = [LEAST, *(mark["x"] for mark in marks), *(place for each in ranges for place in (each["x"], each["high"]))]
    scale = altair.Scale(type="log", domain=[min(places) / MARGIN, max(places) * MARGIN], nice=False)
    x = altair.X("x:Q", scale=scale, axis=altair.Axis(values=TICKS, format="~g", title=TITLE))
    y = altair.Y("what:N", sort=None, title=None, axis=altair.Axis(labelLimit=300))
    named = [{**mark, "label": f"{mark['x']:.1f}"} for mark in marks if mark["kind"] == FIT]
    even = altair.Chart({"values": [{"x": 1}]}).mark_rule(color="#888888").encode(x=x)
    spread = altair.Chart({"values": ranges}).mark_rule(color=LOOKS[FIT][0], strokeWidth=4, opacity=0.3)
    dots = altair.Chart({"values": marks}).mark_point(filled=True, opacity=1).encode(x=x, y=y, **_looks(marks))
    labels = altair.Chart({"values": named}).mark_text(dy=-11, color=LOOKS[FIT][0]).encode(x=x, y=y, text="label:N")
    chart = even + spread.encode(x=x, x2="high:Q", y=y) + dots + labels
    return str(vl_convert.vegalite_to_svg(chart.properties(width=WIDTH, height={"step": STEP}).to_dict()))


def _looks(marks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Colour, shape and size by kind, with a legend of the kinds that there are."""
    import altair

    kinds = [kind for kind in (FIT, AGAIN, BEST, TARGET) if any(mark["kind"] == kind for mark in marks)]
    legend = altair.Legend(orient="top", title=None, labelLimit=300)
    colours, shapes, sizes = (
        altair.Scale(domain=kinds, range=[LOOKS[kind][number] for kind in kinds]) for number in range(3)
    )
    return {
        "color": altair.Color("kind:N", scale=colours, legend=legend),
        "shape": altair.Shape("kind:N", scale=shapes, legend=legend),
        "size": altair.Size("kind:N", scale=sizes, legend=None),
    }
