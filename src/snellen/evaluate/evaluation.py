"""The evaluation of a run: the choice, which models opened the test, all scores. Stored, and read back for reports."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from snellen.data.roles import ROLES
from snellen.data.vault import Openings
from snellen.evaluate.choose import ranking
from snellen.evaluate.floors import floor_key, floor_rows, opened_floors, ranked_floors
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import SCHEMA, Estimate, score, table
from snellen.files.atomic import write_bytes, write_json


@dataclass(frozen=True)
class Evaluation:
    """ranked: models that ended well, best first by validation. opened: those whose test was opened. scores: a row a
    model, role, measure and class, with interval; of floors too, by `floor_key`. floors: names, best first by
    validation accuracy; opened_floors: those whose test was opened."""

    ranked: tuple[str, ...]
    opened: tuple[str, ...]
    openings: Openings
    scores: pl.DataFrame
    floors: tuple[str, ...] = ()
    opened_floors: tuple[str, ...] = ()

    @property
    def chosen(self) -> str | None:
        """The best by validation, or None when no job ended well."""
        return self.ranked[0] if self.ranked else None

    @property
    def best_floor(self) -> tuple[str, Estimate] | None:
        """The floor with the best validation accuracy, and that accuracy."""
        estimate = self.estimate(floor_key(self.floors[0]), "validation", "accuracy") if self.floors else None
        return (self.floors[0], estimate) if estimate else None

    def estimate(self, model: str, role: str, measure: str, class_name: str | None = None) -> Estimate | None:
        """One score, or None when it was not computed."""
        column = pl.col("class")
        where = (pl.col("model") == model) & (pl.col("role") == role) & (pl.col("measure") == measure)
        rows = self.scores.filter(where & (column.is_null() if class_name is None else column == class_name))
        return as_estimate(rows.row(0, named=True)) if len(rows) else None


def as_estimate(row: dict[str, Any]) -> Estimate:
    """A row of scores as an Estimate."""
    return Estimate(row["value"], row["low"], row["high"], row["n"], row["covers"], row["method"])


def evaluate(record: RunRecord, opened: Sequence[str], openings: Openings) -> Evaluation:
    """All scores of the stored predictions; those of the test for the models in `opened`."""
    rows = [
        row
        for model in record.done
        for role in ROLES
        if (role != "test" or model in opened) and (predictions := record.predictions(model, role))
        for row in table(model, record.models[model], role, score(predictions, record.classes))
    ]
    scores = pl.DataFrame([*rows, *floor_rows(record)], schema=SCHEMA)
    floors, tested = tuple(ranked_floors(record)), tuple(opened_floors(record))
    return Evaluation(tuple(ranking(record)), tuple(opened), openings, scores, floors, tested)


def save(record: RunRecord, evaluation: Evaluation) -> None:
    """Writes scores.parquet, then evaluation.json."""
    stream = io.BytesIO()
    evaluation.scores.write_parquet(stream)
    write_bytes(record.folder / "scores.parquet", stream.getvalue())
    choice = {"chosen": evaluation.chosen, "ranked": evaluation.ranked, "opened": evaluation.opened}
    write_json(record.folder / "evaluation.json", {**choice, "openings": asdict(evaluation.openings)})


def load(record: RunRecord) -> Evaluation:
    """The evaluation of a finished run, computed again from its predictions; only the count of openings is read."""
    stored = record.read_json("evaluation.json")
    return evaluate(record, stored["opened"], Openings(**stored["openings"]))
