"""A grid over two keys as a table of cells: which trial stands where, how dark it is, and which may be the best."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.search_ties import may_be_best
from snellen.evaluate.stored_search import StoredSearch
from snellen.report.model_types import GridCellJson, HyperparameterJson, SearchGridJson, TrialJson

MOST_VALUES = 12
"""Values of a key beyond which cells are too many to read; the table of trials has them."""


def search_grid(
    stored: StoredSearch, keys: Sequence[HyperparameterJson], trials: Sequence[TrialJson]
) -> SearchGridJson | None:
    """The heat map of a grid over exactly two keys; None for another search, or one of too many values. Rows are the
    key with more values, so that a narrow screen holds the columns."""
    if stored.searched.method != "grid" or len(keys) != 2:
        return None
    down, across = sorted(keys, key=lambda key: -len(key["values"] or []))
    rows, columns = down["values"] or [], across["values"] or []
    if not 2 <= len(columns) <= len(rows) <= MOST_VALUES:
        return None
    best = may_be_best(stored)
    scores = [each["score"] for each in trials if each["score"] is not None]
    places = {
        (str(each["assignment"].get(down["path"])), str(each["assignment"].get(across["path"]))): _cell(
            each, min(scores), max(scores), stored.searched.objective == "loss", best or frozenset()
        )
        for each in trials
    }
    return {
        "down": down["name"],
        "across": across["name"],
        "rows": list(rows),
        "columns": list(columns),
        "cells": [[places.get((str(row), str(column))) for column in columns] for row in rows],
        "tied": None if best is None else len(best),
    }


def _cell(trial: TrialJson, low: float, high: float, lowest_is_best: bool, best: frozenset[int]) -> GridCellJson:
    """share: 0 at the worst score of the grid, 1 at the best."""
    score = trial["score"]
    share = None if score is None else 1.0 if high == low else (score - low) / (high - low)
    return {
        "trial": trial["trial"],
        "score": score,
        "loss": trial.get("loss"),
        "accuracy": trial.get("accuracy"),
        "share": None if share is None else 1 - share if lowest_is_best else share,
        "won": trial["outcome"] == "winner",
        "tied": trial["trial"] in best,
    }
