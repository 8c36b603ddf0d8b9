"""What report.json says of the exploration of the data: how varied each class is beside its recall, in sentences."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from snellen.evaluate.cross_validation import HELD_OUT
from snellen.explain.analysis_result import AnalysisResult, reading
from snellen.explain.exploration import ClassSpread, ExplorationFacts
from snellen.phrases import listing, percent, percent_interval
from snellen.report.model_types import EstimateJson, ModelJson
from snellen.report.types import ExplorationJson, VariedClass
from snellen.statistics.rank_correlation import FEWEST, rank_correlation

PAGE = "exploration.html"
PIXELS = "pixels.csv"
ROLES = ("test", HELD_OUT, "validation")
"""Whose recall is shown: of the first that the chosen model has numbers of."""


def exploration_section(result: AnalysisResult, classes: list[str], chosen: ModelJson | None) -> ExplorationJson:
    """The section: classes that vary most first. chosen: the model whose recalls stand beside them."""
    with reading("the exploration of the data"):
        facts = cast(ExplorationFacts, result.facts)
        role = next((each for each in ROLES if chosen and each in chosen["roles"]), None)
        recalls = _recalls(chosen, role) if chosen and role else {}
        rows = [_class(name, one, recalls.get(name)) for name, one in zip(classes, facts["spread"], strict=True)]
        rows.sort(key=lambda row: -1 if row["spread"] is None else row["spread"], reverse=True)
        model = chosen["name"] if chosen and role else None
        return {
            "page": f"pages/{PAGE}",
            "model": model,
            "role": role,
            "classes": rows,
            "sentences": [*_on_spread(rows), *_on_recall(rows, model, role), *_on_zeros(facts)],
        }


def _recalls(model: ModelJson, role: str) -> dict[str, EstimateJson | None]:
    return {row["class"]: row["recall"] for row in model["roles"][role]["per_class"]}


def _class(name: str, spread: ClassSpread, recall: EstimateJson | None) -> VariedClass:
    return cast(VariedClass, {"class": name, **spread, "recall": recall})


def _on_spread(rows: list[VariedClass]) -> list[str]:
    """Which classes vary most and which least; those whose intervals overlap with the first or the last as one."""
    known: list[Any] = [row for row in rows if None not in (row["spread"], row["low"], row["high"])]
    if len(known) < 2 or known[0]["low"] <= known[-1]["high"]:
        return ["Which classes vary most, these images cannot tell."] if len(rows) > 1 else []
    most = [row for row in known if row["high"] >= known[0]["low"]]
    least = [row for row in known if row["low"] <= known[-1]["high"]]
    return [f"The most varied images are those of {_together(most)}; the least varied those of {_together(least)}."]


def _together(rows: list[Any]) -> str:
    names = listing([f"`{row['class'].replace('`', ' ')}`" for row in rows])
    if len(rows) > 1:
        return f"{names}, which cannot be told apart"
    return f"{names}, {percent_interval(rows[0]['spread'], rows[0]['low'], rows[0]['high'])}"


def _on_recall(rows: list[VariedClass], model: str | None, role: str | None) -> list[str]:
    """Whether the more varied classes are those with lower recall."""
    pairs = [
        (row["spread"], row["recall"]["value"])
        for row in rows
        if row["spread"] is not None and row["recall"] is not None and row["recall"]["value"] is not None
    ]
    if not pairs or model is None or role is None:
        return []
    found = rank_correlation(*np.array(pairs).T)
    if found is None:
        why = f"{len(pairs)} classes are too few" if len(pairs) < FEWEST else "all are alike"
        return [f"Whether more varied classes have a lower recall cannot be told: {why}."]
    measured = (
        f"rank correlation {found.value:.2f} ({found.low:.2f} to {found.high:.2f}, over other classes) of how varied "
        f"the {len(pairs)} classes are and the recall of `{model}` on {role.replace('_', ' ')} images"
    )
    if found.high < 0:
        return [f"The more varied classes are those with lower recall: {measured}."]
    if found.low > 0:
        return [f"The more varied classes are those with higher recall: {measured}."]
    return [f"Whether more varied classes have a lower recall, this study cannot tell: {measured}."]


def _on_zeros(facts: ExplorationFacts) -> list[str]:
    train = next(one for one in facts["roles"] if one["role"] == "train")
    return [f"Of the pixel values of the training images {percent(train['values']['zeros'])} are 0; none is missing."]
