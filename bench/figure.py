"""The ratios as a chart: a dot a line on a logarithmic scale, its range over blocks, and a tick where the target is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ratios import Line

BLUE, DARK = "#0072b2", "#222222"
WIDTH, STEP = 560, 26
LEAST = 0.8
"""Where the scale begins, or earlier."""
TITLE = "times as fast as Keras fit, KerasTuner or scikit-learn (tick: target)"


def records(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """A record a line that has a ratio, in their order."""
    return [
        {
            "what": line.what,
            "ratio": line.ratio.median,
            "low": line.ratio.low,
            "high": line.ratio.high,
            "target": line.target,
            "label": f"{line.ratio.median:.1f}",
        }
        for line in lines
        if line.ratio
    ]


def svg(lines: Sequence[Line]) -> str:
    """The chart."""
    import altair
    import vl_convert

    values = records(lines)
    what = altair.Y("what:N", sort=None, title=None, axis=altair.Axis(labelLimit=300))
    scale = altair.Scale(type="log", domainMin=min([LEAST, *(0.9 * value["low"] for value in values)]), nice=False)
    base = altair.Chart({"values": values}).encode(y=what)
    ranges = base.mark_rule(color=BLUE, strokeWidth=3, opacity=0.4).encode(
        x=altair.X("low:Q", scale=scale, title=TITLE), x2="high:Q"
    )
    dots = base.mark_point(color=BLUE, filled=True, size=70, opacity=1).encode(x=altair.X("ratio:Q", scale=scale))
    ticks = base.mark_tick(color=DARK, thickness=2, size=16).encode(x=altair.X("target:Q", scale=scale))
    labels = base.mark_text(align="left", dx=9, dy=-7, color=BLUE).encode(x="ratio:Q", text="label:N")
    chart = (ranges + ticks + dots + labels).properties(width=WIDTH, height={"step": STEP})
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))
