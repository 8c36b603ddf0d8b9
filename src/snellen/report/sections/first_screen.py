"""The first screen of the report: the statements with what is drawn beside them, and the findings under headings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from snellen.findings.finding import FindingJson
from snellen.findings.first_screen.statement import LABELS, StatementJson
from snellen.report.types import ReportJson

HEADINGS = {
    "How good": ("SNL001", "SNL012", "SNL002", "SNL003", "SNL004"),
    "How sure": ("SNL009", "SNL005", "SNL013"),
    "Better than what": ("SNL010", "SNL011", "SNL014", "SNL180", "SNL008"),
    "Which to use, and what it costs": ("SNL170",),
    "Where it fails": ("SNL006", "SNL007", "SNL019"),
    "When to trust an answer": ("SNL018",),
    "What it looks at": ("SNL016", "SNL017"),
    "What to do next": ("SNL015",),
}
"""Headings of the findings of severity result."""
FURTHER = "Further results"
MOST_IMAGES, MOST_CALLED = 4, 6
"""Images beside the weakest class, and classes in its row."""


class Bar(TypedDict):
    """A row of the small chart: an accuracy on an axis from 0 to 1."""

    name: str
    value: float
    low: float | None
    high: float | None
    note: str


class Shown(TypedDict):
    """A statement on the page. bars: of the score. rows: images, as rows of the data set; pictured: what they show.
    called: what the images of the weakest class are called, and how many, the most frequent first; by: which network.
    judged: on which images models were compared, of the statement about comparisons.
    """

    part: str
    label: str
    sentence: str
    more: int
    bars: list[Bar]
    rows: list[int]
    pictured: str
    by: str
    called: list[tuple[str, int]]
    judged: str


def first_screen(content: ReportJson) -> list[Shown]:
    """The statements as the page shows them; none in reports of earlier versions."""
    return [_shown(content, one) for one in content.get("statements", [])]


def _shown(content: ReportJson, one: StatementJson) -> Shown:
    values = one["values"]
    rows, called = _of_weakest(content, values) if one["part"] == "weakness" else ([], [])
    return {
        "part": one["part"],
        "label": LABELS[one["part"]],
        "sentence": one["sentence"],
        "more": values.get("more", 0),
        "bars": _bars(values) if one["part"] == "score" and values else [],
        "rows": rows,
        "pictured": _pictured(content, values) if rows else "",
        "by": "One of the networks calls them" if values.get("networks", 1) > 1 else "All of them are called",
        "called": called,
        "judged": values.get("judged", ""),
    }


def _bars(values: dict[str, Any]) -> list[Bar]:
    """The chosen model, the best baseline, guessing."""
    found: list[Bar] = [
        Bar(name=values["model"], value=values["value"], low=values["low"], high=values["high"], note="")
    ]
    best = values["baseline"]
    if best is not None and best["value"] is not None:
        note = "" if best["role"] == values["role"] else f"on {best['role']}"
        found.append(Bar(name=best["name"], value=best["value"], low=best["low"], high=best["high"], note=note))
    return [*found, Bar(name="always the commonest class", value=values["guess"], low=None, high=None, note="")]


def _of_weakest(content: ReportJson, values: dict[str, Any]) -> tuple[list[int], list[tuple[str, int]]]:
    """Images of the weakest class under the wrong name, and what its images are called, by the network shown."""
    model = next((each for each in content["models"] if each["name"] == values.get("model")), None)
    if model is None or "given" not in values or values["role"] not in model["roles"]:
        return [], []
    role, classes = model["roles"][values["role"]], content["data"]["classes"]
    counts = role["confusion"][values["true"]]
    order = sorted((code for code, count in enumerate(counts) if count), key=lambda code: -counts[code])
    rows = role["cells"].get(f"{values['true']},{values['given']}", [])[:MOST_IMAGES]
    return rows, [(classes[code], counts[code]) for code in order[:MOST_CALLED]]


def _pictured(content: ReportJson, values: dict[str, Any]) -> str:
    true, given = (content["data"]["classes"][values[which]] for which in ("true", "given"))
    return f"an image of {true} called {given}"


def by_heading(answer: Sequence[FindingJson]) -> dict[str, list[FindingJson]]:
    """The findings of severity result under HEADINGS; headings without any are left out."""
    of = {code: heading for heading, codes in HEADINGS.items() for code in codes}
    found: dict[str, list[FindingJson]] = {heading: [] for heading in (*HEADINGS, FURTHER)}
    for one in answer:
        found[of.get(one["code"], FURTHER)].append(one)
    return {heading: each for heading, each in found.items() if each}
