"""The evaluation of a run: the ranking, which models were evaluated on test, all scores. Stored and read back."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.data.splits.vault import Openings
from snellen.errors import IdentityError
from snellen.evaluate.baselines import baseline_key, baseline_rows, opened_baselines, ranked_baselines
from snellen.evaluate.comparisons import Comparisons, ComparisonsJson, as_json, compare
from snellen.evaluate.confidence import Confidence, confidence
from snellen.evaluate.cross_validation import HELD_OUT, held_out
from snellen.evaluate.file_integrity import EVALUATION
from snellen.evaluate.model_choice import By, choice, ranking
from snellen.evaluate.model_scores import CrossValidated, cross_validated, model_rows
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import SCHEMA, Estimate
from snellen.evaluate.search_results import SearchResult, searches, selection_of_model
from snellen.files import hashes
from snellen.files.atomic import write_bytes, write_json
from snellen.statistics.selection_bias import Selection


@dataclass(frozen=True)
class Evaluation:
    """ranked: models whose training succeeded, best first by the study's measure. opened: those evaluated on test.
    scores: one row for each model, role, measure and class, with its interval; baselines by their `baseline_key`.
    baselines: names, best validation accuracy first; opened_baselines: those evaluated on test.

    by: what the ranking is measured on. comparisons: all of them, one family. folds, searches: by model. selection: the
    score of the best model, corrected for having been chosen; None with fewer than two models. confidence: of the
    chosen model and those evaluated on test; of all models where the study asks for thresholds or a temperature.
    """

    ranked: tuple[str, ...]
    opened: tuple[str, ...]
    openings: Openings
    scores: pl.DataFrame
    baselines: tuple[str, ...] = ()
    opened_baselines: tuple[str, ...] = ()
    by: By = "network"
    comparisons: Comparisons = field(default_factory=Comparisons)
    folds: Mapping[str, CrossValidated] = field(default_factory=dict)
    searches: Mapping[str, SearchResult] = field(default_factory=dict)
    selection: Selection | None = None
    confidence: Mapping[str, Confidence] = field(default_factory=dict)

    @property
    def chosen(self) -> str | None:
        """The first of the ranking, or None when no training succeeded."""
        return self.ranked[0] if self.ranked else None

    @property
    def best_baseline(self) -> tuple[str, Estimate] | None:
        """The baseline with the best validation accuracy, and that accuracy."""
        estimate = self.estimate(baseline_key(self.baselines[0]), "validation", "accuracy") if self.baselines else None
        return (self.baselines[0], estimate) if estimate else None

    def estimate(self, model: str, role: str, measure: str, class_name: str | None = None) -> Estimate | None:
        """One score of the network that represents the model (on out_of_fold: of the networks of the folds), or None
        when it was not computed."""
        rows = self._rows(model, role, measure, ("network", "floor", "pooled"), class_name)
        return as_estimate(rows.row(0, named=True)) if len(rows) else None

    def recipe(
        self, model: str, role: str, measure: str = "accuracy", class_name: str | None = None
    ) -> Estimate | None:
        """A mean over the seeds of a model; None if it was trained once."""
        rows = self._rows(model, role, measure, ("recipe",), class_name)
        return as_estimate(rows.row(0, named=True)) if len(rows) else None

    def over_folds(self, model: str, measure: str = "accuracy") -> Estimate | None:
        """A mean over folds, each scored on the rows it held out; None without folds."""
        rows = self._rows(model, HELD_OUT, measure, ("folds",))
        return as_estimate(rows.row(0, named=True)) if len(rows) else None

    def standing(
        self, model: str, role: str, measure: str = "accuracy", class_name: str | None = None
    ) -> Estimate | None:
        """The mean over the seeds of a model on a role, or the score of its network if there is only one seed."""
        estimate = self.recipe(model, role, measure, class_name)
        return estimate or self.estimate(model, role, measure, class_name)

    def by_seed(self, model: str, role: str, measure: str = "accuracy") -> list[float]:
        """The value of each seed's network, the first seed first; empty if the model was trained once."""
        return list(self._rows(model, role, measure, ("seed",))["value"])

    def _rows(
        self, model: str, role: str, measure: str, of: Sequence[str], class_name: str | None = None
    ) -> pl.DataFrame:
        where = (pl.col("model") == model) & (pl.col("role") == role) & (pl.col("measure") == measure)
        own = pl.col("class").is_null() if class_name is None else pl.col("class") == class_name
        return self.scores.filter(where & own & pl.col("of").is_in(of))


def as_estimate(row: dict[str, Any]) -> Estimate:
    """A row of scores as an Estimate."""
    names = ("value", "low", "high", "n", "covers", "method", "networks", "deviation")
    return Estimate(*(row[name] for name in names))


def evaluate(record: RunRecord, opened: Sequence[str], openings: Openings) -> Evaluation:
    """All scores, from the stored predictions; on the test for the models in `opened`."""
    ranked = tuple(ranking(record))
    rows: list[dict[str, Any]] = []
    validated: dict[str, CrossValidated] = {}
    for model in record.done:
        folds = held_out(record, model)
        rows += model_rows(record, model, model in opened, folds)
        if folds is not None:
            validated[model] = cross_validated(folds)
    return Evaluation(
        ranked=ranked,
        opened=tuple(opened),
        openings=openings,
        scores=pl.DataFrame([*rows, *baseline_rows(record)], schema=SCHEMA),
        baselines=tuple(ranked_baselines(record)),
        opened_baselines=tuple(opened_baselines(record)),
        by=choice(record).by,
        comparisons=compare(record, ranked, opened),
        folds=validated,
        searches=searches(record),
        selection=selection_of_model(record, ranked),
        confidence=confidence(record, _judged(record, ranked, opened), opened),
    )


def _judged(record: RunRecord, ranked: Sequence[str], opened: Sequence[str]) -> list[str]:
    """The models whose probabilities are evaluated."""
    wanted = record.study.thresholds or record.study.calibrate
    return [model for model in record.done if wanted or model in opened or model in ranked[:1]]


def save(record: RunRecord, evaluation: Evaluation) -> None:
    """Writes scores.parquet, then evaluation.json.

    A file that others changed keeps its old hash, so that the report says so: the count of openings came from it.
    """
    stream = io.BytesIO()
    evaluation.scores.write_parquet(stream)
    scores = record.folder / "scores.parquet"
    with hashes.rewriting(record.folder, [scores]):
        write_bytes(scores, stream.getvalue())
    path = record.folder / EVALUATION
    held = {name: sha256 for name, sha256 in hashes.hashes(record.folder).items() if name == EVALUATION}
    is_sound = bool(held) and not hashes.changes(record.folder, held)
    with hashes.rewriting(record.folder, [path] if is_sound else []):
        write_json(path, as_file(evaluation))


class EvaluationFile(TypedDict):
    """evaluation.json: an evaluation without its scores. The values by model are the fields of the dataclasses."""

    chosen: str | None
    by: By
    ranked: Sequence[str]
    opened: Sequence[str]
    openings: dict[str, int]
    comparisons: ComparisonsJson
    folds: dict[str, dict[str, Any]]
    searches: dict[str, dict[str, Any]]
    selection: dict[str, Any] | None


@with_config(ConfigDict(extra="allow", strict=True))
class _Uses(TypedDict):
    """The part of evaluation.json that cannot be computed again."""

    opened: list[str]
    openings: Openings


_KIND = TypeAdapter(_Uses)


def as_file(evaluation: Evaluation) -> EvaluationFile:
    """The evaluation without its scores, as JSON values."""
    return {
        "chosen": evaluation.chosen,
        "by": evaluation.by,
        "ranked": evaluation.ranked,
        "opened": evaluation.opened,
        "openings": asdict(evaluation.openings),
        "comparisons": as_json(evaluation.comparisons),
        "folds": {model: asdict(each) for model, each in evaluation.folds.items()},
        "searches": {model: asdict(each) for model, each in evaluation.searches.items()},
        "selection": asdict(evaluation.selection) if evaluation.selection else None,
    }


def load(record: RunRecord) -> Evaluation:
    """The evaluation of a finished run, computed again from its predictions; only `opened` and `openings` are read."""
    opened, openings = uses(record)
    return evaluate(record, opened, openings)


def uses(record: RunRecord) -> tuple[list[str], Openings]:
    """The models that a finished run evaluated on its test, and how often that was opened."""
    stored = record.read(EVALUATION, _KIND)
    known = [model for model in stored["opened"] if model in record.models]
    if len(known) < len(stored["opened"]):
        raise IdentityError("opened for models that are not in the plan", where=str(record.folder / EVALUATION))
    return known, stored["openings"]
