"""The units of each model in short, from the stored results of the analysis `units`: how many, and what the most
informative ones respond to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import polars as pl

from snellen.evaluate.trained_networks import which_network
from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.analysis_result import AnalysisResult, reading
from snellen.explain.units.facts import UnitsFacts
from snellen.findings.finding import Facts
from snellen.report.side_by_side_types import UnitInShortJson, UnitsInShortJson

SHOWN = 4
"""Units of a layer that are shown, those with the most information about the class."""


def units_in_short(facts: Facts, models: Sequence[str]) -> dict[str, list[UnitsInShortJson]]:
    """By model: an entry for each layer that the study has analysed; models without any are left out,
    and analyses of versions that stored less."""
    found: dict[str, list[UnitsInShortJson]] = {}
    for one, result in facts.outcomes.items():
        if one.options.name == "units" and one.model in models and "in_short" in result.facts:
            with reading(one.title):
                entry = _layer(one, result, which_network(facts.record, one.model))
            found.setdefault(one.model, []).append(entry)
    return found


def informative(table: pl.DataFrame) -> list[int]:
    """The units shown, most information first; none that is dead."""
    order = table.filter(~pl.col("dead")).sort("information_bits", descending=True, maintain_order=True)
    return [int(unit) for unit in order.head(SHOWN)["unit"]]


def _layer(one: PlannedAnalysis, result: AnalysisResult, network: str) -> UnitsInShortJson:
    facts, tables = cast(UnitsFacts, result.facts), result.tables
    page = f"pages/{one.page}"
    return {
        "title": one.title,
        "page": page,
        "layer": facts["layer"],
        "noun": facts["noun"],
        "network": network,
        "units": facts["units"],
        "dead": tables["units"].filter("dead").height,
        "role": facts["role"],
        "images": facts["images"],
        "most_bits": facts["most_bits"],
        "shown": [_unit(tables, unit, page) for unit in informative(tables["units"])],
    }


def _unit(tables: dict[str, pl.DataFrame], unit: int, page: str) -> UnitInShortJson:
    own = {name: table.filter(pl.col("unit") == unit) for name, table in tables.items()}
    row, boxes = own["units"].row(0, named=True), own["boxes"].filter(pl.col("by") == "true")
    return {
        "unit": unit,
        "page": f"{page}#unit-{unit}",
        "sentence": row["sentence"],
        "information_bits": row["information_bits"],
        "low": boxes["low_quartile"].to_list(),
        "median": boxes["median"].to_list(),
        "high": boxes["high_quartile"].to_list(),
        "selective": own["classes"]["selective"].to_list(),
    }
