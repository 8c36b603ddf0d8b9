"""Figures as Vega-Lite specifications, built with Altair.

Colours are CSS variables of the page (colours.css), so light, dark and paper need no second drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version as version_of
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from snellen.files.atomic import write_text
from snellen.files.cache import cached
from snellen.limits import CURVE_POINTS, LISTED_CLASSES
from snellen.report.names import shortened

if TYPE_CHECKING:
    import altair

Specification = dict[str, Any]

ROLE_COLOURS = {role: f"var(--{role})" for role in ("train", "validation", "calibration", "test")}
CHANNEL_COLOURS = {
    **{"grey": "var(--ink-2)", "alpha": "var(--train)"},
    **{"red": "var(--miss)", "green": "var(--test)", "blue": "var(--validation)"},
}
MEASURES = {"loss": "~g", "accuracy": ".0%"}
FONT = "Helvetica Neue, Arial, Liberation Sans, sans-serif"
WIDTH_PIXELS, HEIGHT_PIXELS = 400, 210
LABEL = 24
"""Characters of a class name at an axis."""


def learning_curve(history: Sequence[Mapping[str, Any]], kept_epoch: int | None, measure: str) -> Specification:
    """Lines of one measure ("loss" or "accuracy") over epochs, train and validation, with the kept epoch marked, and
    where a new phase of training begins."""
    import altair as alt

    shown = _thinned(history, kept_epoch)
    points = [
        {"epoch": epoch["epoch"], "role": role, "value": epoch[key]}
        for epoch in shown
        for role, key in (("train", measure), ("validation", f"validation_{measure}"))
        if epoch.get(key) is not None
    ]
    ticks = min(10, max(1, shown[-1]["epoch"] - shown[0]["epoch"]))
    epochs = alt.X("epoch:Q", title="epoch").axis(tickMinStep=1, tickCount=ticks, format="d", grid=False)
    epochs = epochs.scale(domain=[shown[0]["epoch"], shown[-1]["epoch"]], nice=False, zero=False)
    lines = (
        alt.Chart(alt.InlineData(values=points))
        .mark_line(point={"size": 14}, strokeWidth=1.75)
        .encode(
            x=epochs,
            y=alt.Y("value:Q", title=None, axis=alt.Axis(format=MEASURES[measure]), scale=alt.Scale(zero=False)),
            color=_colour("role", ["train", "validation"], ROLE_COLOURS),
            strokeDash=alt.StrokeDash("role:N", legend=None, scale=alt.Scale(range=[[5, 3], [1, 0]])),
            tooltip=["role:N", "epoch:Q", alt.Tooltip("value:Q", title=measure, format=".4f")],
        )
    )
    marks = _phase_marks(history, epochs, measure) + (_kept_mark(kept_epoch, epochs) if kept_epoch else [])
    return specification(alt.layer(*marks, lines), f"{measure} after each epoch")


def class_balance(counts: Sequence[dict[str, Any]], colours: Mapping[str, str] = ROLE_COLOURS) -> Specification:
    """Bars: pictures of each class, stacked by role or by what else `colours` name; as report.json's data.counts.

    Of more than LISTED_CLASSES the largest come first, without names: pointing at a bar tells its own.
    """
    import altair as alt

    roles = [role for role in colours if any(row.get(role) for row in counts)]
    if len(counts) > LISTED_CLASSES:
        counts = sorted(counts, key=lambda row: -sum(row[role] for role in roles))
    labels = shortened([row["class"] for row in counts], LABEL)
    values = [
        {"class": row["class"], "label": label, "role": role, "images": row[role], "order": place}
        for row, label in zip(counts, labels, strict=True)
        for place, role in enumerate(roles)
    ]
    names = alt.Axis(ticks=False, domain=False, labels=len(counts) <= LISTED_CLASSES)
    title = None if len(counts) <= LISTED_CLASSES else f"{len(counts)} classes, the largest first"
    bars = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(height={"band": 0.72 if len(counts) <= LISTED_CLASSES else 1})
        .encode(
            x=alt.X("images:Q", title="images", axis=alt.Axis(format=",d", tickCount=5)),
            y=alt.Y("label:N", title=title, sort=None, axis=names),
            color=_colour("role", roles, colours),
            order="order:Q",
            tooltip=["class:N", "role:N", alt.Tooltip("images:Q", format=",d")],
        )
    )
    return specification(bars, "images of each class by role", height_pixels=_height(len(counts)))


def _height(num_classes: int) -> int:
    """A line a class; of more than LISTED_CLASSES only as much as tells one from the next."""
    return max(90, 18 * num_classes) if num_classes <= LISTED_CLASSES else 2 * HEIGHT_PIXELS


def histogram(
    edges: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    title: str,
    scale: Literal["linear", "sqrt"] = "linear",
) -> Specification:
    """Shares (B) of each channel between `edges` (B + 1): bars of one, outlines of several.

    The vertical scale is "linear" or "sqrt".
    """
    import altair as alt

    values = [
        {"low": low, "high": high, "channel": channel, "share": share}
        for channel, of_channel in shares.items()
        for low, high, share in zip(edges, [*edges[1:], edges[-1]], [*of_channel, of_channel[-1]], strict=True)
    ]  # the last closes the outline at the last edge; as a bar it has no width
    across = alt.X("low:Q", title=title, axis=alt.Axis(grid=False, tickCount=6))
    up = alt.Y("share:Q", title=None, axis=alt.Axis(format="~%", tickCount=5), scale=alt.Scale(type=scale, zero=True))
    tips = [alt.Tooltip(f"{end}:Q", title=word, format=".4~g") for end, word in (("low", "from"), ("high", "to"))]
    chart = alt.Chart(alt.InlineData(values=values)).encode(
        x=across.scale(domain=[edges[0], edges[-1]], nice=False, zero=False),
        y=up.stack(None),
        color=_colour("channel", list(shares), CHANNEL_COLOURS, "stroke"),
        tooltip=["channel:N", *tips, alt.Tooltip("share:Q", format=".3~%")],
    )
    bars = chart.mark_bar(binSpacing=0).encode(x2="high:Q", y2=alt.datum(0))
    outlines = chart.mark_line(interpolate="step-after", strokeWidth=1.5)
    return specification(outlines if len(shares) > 1 else bars, f"shares by {title}")


def load_figure_libraries() -> None:
    """Imports what `javascript` needs."""
    import altair  # noqa: F401
    import vl_convert  # noqa: F401


def javascript() -> str:
    """Vega, Vega-Lite and vega-embed as one ES module of 0.9 MB that sets `window.vegaEmbed`.

    Bundling takes a second, so the text is kept in the user's cache, one for each version of vl-convert and Vega-Lite.
    """
    import altair as alt
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])

    def build(folder: Path) -> None:
        text = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
        write_text(folder / "bundle.js", text)

    folder = cached(f"figures/vl-convert-{version_of('vl-convert-python')}-vega-lite-{version}", build)
    return (folder / "bundle.js").read_text(encoding="utf-8")


def _thinned(history: Sequence[Mapping[str, Any]], kept_epoch: int | None) -> list[Mapping[str, Any]]:
    """At most about CURVE_POINTS epochs, evenly spaced, always with the first, the kept and the last."""
    step = math.ceil(len(history) / CURVE_POINTS)
    last = len(history) - 1
    return [epoch for at, epoch in enumerate(history) if at % step == 0 or at == last or epoch["epoch"] == kept_epoch]


def _kept_mark(kept_epoch: int, epochs: altair.X) -> list[altair.Chart]:
    """A vertical rule at the epoch whose weights were kept, and its number."""
    import altair as alt

    values = [{"epoch": kept_epoch, "label": f"kept: {kept_epoch}"}]
    base = alt.Chart(alt.InlineData(values=values)).encode(x=epochs)
    rule = base.mark_rule(color="var(--ink-2)", strokeDash=[1, 3], strokeWidth=1.25)
    text = base.mark_text(align="center", baseline="bottom", dy=-3, color="var(--ink-2)", fontSize=11)
    return [rule, text.encode(text="label:N", y=alt.value(0))]


def _phase_marks(history: Sequence[Mapping[str, Any]], epochs: altair.X, measure: str) -> list[altair.Chart]:
    """A rule before the first epoch of each phase but the first, and its number where curves seldom are."""
    import altair as alt

    values = [
        {"epoch": after["epoch"] - 0.5, "label": f"phase {after['phase']}"}
        for before, after in pairwise(history)
        if after.get("phase", 1) != before.get("phase", 1)
    ]
    if not values:
        return []
    base = alt.Chart(alt.InlineData(values=values)).encode(x=epochs)
    rule = base.mark_rule(color="var(--rule-2)", strokeWidth=1.25)
    height = 10 if measure == "loss" else HEIGHT_PIXELS - 10
    text = base.mark_text(align="left", baseline="middle", dx=4, color="var(--ink-2)", fontSize=11)
    return [rule, text.encode(text="label:N", y=alt.value(height))]


def _colour(field: str, names: list[str], colours: Mapping[str, str], symbol: str = "square") -> altair.Color:
    """The colour of each name, and a legend where there is more than one; its symbol is "square" or "stroke"."""
    import altair as alt

    width = 0 if symbol == "square" else 2
    legend = alt.Legend(title=None, orient="top", offset=18, symbolType=symbol, symbolStrokeWidth=width)
    scale = alt.Scale(domain=names, range=[colours[name] for name in names])
    return alt.Color(f"{field}:N", scale=scale, legend=legend if len(names) > 1 else None)


def specification(
    chart: altair.Chart | altair.LayerChart | altair.FacetChart,
    description: str,
    height_pixels: int = HEIGHT_PIXELS,
    width_pixels: int = WIDTH_PIXELS,
) -> Specification:
    """`chart` as a specification without Altair's theme, in the page's colours and fonts."""
    sized = chart.properties(width=width_pixels, height=height_pixels, description=description)
    ink = {"labelColor": "var(--ink-2)", "titleColor": "var(--ink-2)", "labelFontSize": 11, "titleFontSize": 11}
    axis = {"gridColor": "var(--rule)", "domainColor": "var(--rule-2)", "tickColor": "var(--rule-2)"}
    return sized.to_dict() | {
        "background": None,
        "config": {
            "font": FONT,
            "view": {"stroke": None},
            "axis": ink | axis | {"titleFontWeight": "normal", "labelLimit": 160},
            "legend": ink,
        },
    }
