"""Figures of a search beside its lines: scores against each hyper-parameter, and the curves of all trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from snellen.report.figures.charts import MEASURES, Specification, specification
from snellen.report.figures.parallel_coordinates import OUTCOMES, label, limits, parallel_coordinates
from snellen.report.model_types import HyperparameterJson, SearchJson

if TYPE_CHECKING:
    import altair


CURVE_POINTS_OF_ALL = 2_400
"""Points of the curves of all trials; beyond, epochs are left out evenly."""


def figures_of(search: SearchJson, place: int) -> dict[str, Specification]:
    """All figures of a search, by the name that the page gives their place."""
    found = {f"{place}-search": parallel_coordinates(search)}
    if len(search["trials"]) > 1:
        found |= {
            f"{place}-against-{at}": against(search, one["path"]) for at, one in enumerate(search["hyperparameters"])
        }
    if any(trial["curve"] for trial in search["trials"]):
        found[f"{place}-rungs"] = rung_curves(search)
    return found


def against(search: SearchJson, path: str) -> Specification:
    """Scores of trials by their value of one hyper-parameter; at a value that can be listed, also their range and
    median. Where trials were stopped early: of all after the same epoch, and of the others at their end."""
    import altair as alt

    one = next(each for each in search["hyperparameters"] if each["path"] == path)
    listed = one["values"] is not None
    values = _scores_by(search, path)
    kinds = list(dict.fromkeys(value["after"] for value in values))
    colours = dict(zip(reversed(kinds), ("var(--accent)", "var(--train)")))
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=_across(one, listed),
        color=alt.Color(
            "after:N",
            scale=alt.Scale(domain=kinds, range=[colours[kind] for kind in kinds]),
            legend=alt.Legend(title=None, orient="top", symbolType="circle") if len(kinds) > 1 else None,
        ),
    )
    scale = alt.Y("score:Q", title=None, axis=alt.Axis(format=MEASURES[search["measure"]], tickCount=5))
    points = base.mark_point(size=26, filled=True, opacity=0.75).encode(
        y=scale.scale(zero=False),
        xOffset=alt.XOffset("after:N", sort=kinds) if listed else alt.Undefined,
        tooltip=["trial:N", alt.Tooltip("value:N", title=one["name"]), alt.Tooltip("score:Q", format=".4f"), "after:N"],
    )
    layers = [*_spread(base, scale, kinds), points] if listed else [points]
    return specification(alt.layer(*layers), f"{search['measure']} of trials by {one['name']}", 170, 260)


def rung_curves(search: SearchJson) -> Specification:
    """The validation measure of every trial after each epoch, with a cross where one was stopped or failed, a dot where
    one ended, and a line at the epochs where some were stopped."""
    import altair as alt

    points = _curve_points(search)
    last = max(2, *(point["epoch"] for point in points))
    ticks = alt.Axis(tickMinStep=1, format="d", grid=False, tickCount=min(10, last - 1))
    scale = alt.Scale(domain=[1, last], nice=False, zero=False)
    epochs = alt.X("epoch:Q", title="epoch", axis=ticks, scale=scale)
    place = {
        "x": epochs,
        "y": alt.Y("score:Q", title=None, axis=alt.Axis(format=MEASURES[search["measure"]])).scale(zero=False),
        "color": _by_outcome(search),
        "tooltip": ["trial:N", "outcome:N", "epoch:Q", alt.Tooltip("score:Q", title=search["measure"], format=".4f")],
    }
    lines = alt.Chart(alt.InlineData(values=points)).mark_line(strokeWidth=1.5, opacity=0.8)
    layers = [*_stops(search, epochs), lines.encode(**place, detail="trial:N"), *_ends(points, place)]
    return specification(alt.layer(*layers), f"{search['measure']} of every trial after each epoch", 230, 440)


def common_epoch(search: SearchJson) -> int | None:
    """The epoch up to which every trial was trained; None where none was stopped by the search."""
    stopped = [trial["epochs"] for trial in search["trials"] if trial["outcome"] == "stopped"]
    return min(stopped) if stopped else None


def _scores_by(search: SearchJson, path: str) -> list[dict[str, Any]]:
    common = common_epoch(search)
    best = min if search["measure"] == "loss" else max
    found = []
    for trial in search["trials"]:
        if path not in trial["assignment"] or trial["score"] is None:
            continue
        own = {"trial": trial["trial"], "value": _plain(trial["assignment"][path])}
        if common is not None and trial["curve"]:
            early = best(trial["curve"][:common])
            found.append({**own, "score": round(early, 5), "after": f"all, after epoch {common}"})
        if trial["outcome"] != "stopped":
            found.append({**own, "score": round(trial["score"], 5), "after": "trained to its end"})
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else label(value)


def _across(one: HyperparameterJson, listed: bool) -> altair.X:
    """A place for each value that can be listed, else a scale of numbers."""
    import altair as alt

    if listed:
        names = [_plain(value) for value in one["values"] or []]
        return alt.X("value:N", title=None, sort=names, axis=alt.Axis(labelAngle=0, labelOverlap=True))
    zero = False if one["scale"] == "linear" else alt.Undefined  # Vega warns of it on a logarithmic scale
    kind: Literal["linear", "log"] = "linear" if one["scale"] == "linear" else "log"
    scale = alt.Scale(type=kind, domain=list(limits(one)), nice=False, zero=zero)
    return alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(grid=False, tickCount=5, format="~g"))


def _spread(base: altair.Chart, scale: altair.Y, kinds: Sequence[str]) -> list[altair.Chart]:
    """From the lowest to the highest score at each value, and the median, by Vega."""
    import altair as alt

    offset = alt.XOffset("after:N", sort=list(kinds))
    ends = {"y": alt.Y("min(score):Q", title=None), "y2": "max(score):Q"}
    whole = base.mark_rule(strokeWidth=1, opacity=0.6).encode(**ends, xOffset=offset)
    middle = base.mark_tick(thickness=2, size=16).encode(y=alt.Y("median(score):Q", title=None), xOffset=offset)
    return [whole, middle]


def _curve_points(search: SearchJson) -> list[dict[str, Any]]:
    total = sum(len(trial["curve"]) for trial in search["trials"])
    step = max(1, math.ceil(total / CURVE_POINTS_OF_ALL))
    rank = list(OUTCOMES)
    found = []
    for trial in sorted(search["trials"], key=lambda trial: -rank.index(trial["outcome"])):
        last = len(trial["curve"]) - 1
        for at, score in enumerate(trial["curve"]):
            if at % step == 0 or at == last:
                point = {"trial": trial["trial"], "outcome": trial["outcome"], "epoch": at + 1}
                found.append({**point, "score": round(score, 5)})
    return found


def _by_outcome(search: SearchJson) -> altair.Color:
    """The colour of each outcome, and a legend of those that there are."""
    import altair as alt

    present = {trial["outcome"] for trial in search["trials"]}
    shown = [outcome for outcome in OUTCOMES if outcome in present]
    scale = alt.Scale(domain=shown, range=[OUTCOMES[outcome] for outcome in shown])
    return alt.Color("outcome:N", scale=scale, legend=alt.Legend(title=None, orient="top", symbolType="stroke"))


def _stops(search: SearchJson, epochs: altair.X) -> list[altair.Chart]:
    """A line at each epoch at which trials were stopped."""
    import altair as alt

    stopped = sorted({trial["epochs"] for trial in search["trials"] if trial["outcome"] == "stopped"})
    rules = alt.Chart(alt.InlineData(values=[{"epoch": epoch} for epoch in stopped]))
    return [rules.mark_rule(color="var(--rule-2)", strokeDash=[1, 3]).encode(x=epochs)] if stopped else []


def _ends(points: Sequence[dict[str, Any]], place: dict[str, Any]) -> list[altair.Chart]:
    """A mark at the end of each curve: a cross of those that did not come to their own."""
    import altair as alt

    ends = {point["trial"]: point for point in points}.values()
    short = [point for point in ends if point["outcome"] in ("stopped", "failed")]
    whole = [point for point in ends if point not in short]
    crosses = alt.Chart(alt.InlineData(values=short)).mark_point(shape="cross", angle=45, filled=True, size=90)
    dots = alt.Chart(alt.InlineData(values=whole)).mark_point(filled=True, size=40)
    return [marks.encode(**place) for marks, present in ((crosses, short), (dots, whole)) if present]
