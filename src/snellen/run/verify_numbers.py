"""The numbers of a run, computed again from its stored predictions: by Snellen, and by scikit-learn and SciPy."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from snellen import __version__
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.cross_validation import HELD_OUT, held_out
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.files.atomic import json_text
from snellen.files.stored import read_bytes, read_json
from snellen.findings import rules
from snellen.findings.finding import Facts
from snellen.metrics.numbers import class_numbers
from snellen.metrics.scores import SMALLEST
from snellen.models.predictions import Predictions
from snellen.phrases import plural
from snellen.report import analyses
from snellen.report.content import collect
from snellen.run.verify_check import Check, compared

CLOSE = 1e-9
"""Relative tolerance between two ways of computing the same number."""
DIGITS = re.compile(r"\d+")


def scores_again(record: RunRecord) -> Check:
    """Checks every cell of scores.parquet, bit for bit."""
    stored = pl.read_parquet(read_bytes(record.folder / "scores.parquet"))
    again = evaluations.load(record).scores
    again = again.filter(
        pl.col("measure").is_in(stored["measure"].unique().to_list())
    )  # later versions have more columns
    what = f"{plural(len(again), 'score')} with intervals, to the bit"
    if stored.columns != again.columns or len(stored) != len(again):
        return Check("scores", "differs", what, (f"{len(stored):,} rows are stored, {len(again):,} are computed",))
    wrong = []
    for one, other in zip(stored.iter_rows(named=True), again.iter_rows(named=True), strict=True):
        wrong += [
            f"{_place(other)}: {key} {one[key]}, computed {other[key]}" for key in other if one[key] != other[key]
        ]
    return compared("scores", what, wrong)


def scores_by_other_code(record: RunRecord) -> Check:
    """Checks every value of scores.parquet by scikit-learn (loss and top-k by NumPy and SciPy), and Wilson intervals by
    SciPy."""
    from scipy.stats import binomtest

    stored = pl.read_parquet(read_bytes(record.folder / "scores.parquet"))
    known, values, intervals, wrong = _Values(record), 0, 0, list[str]()
    for row in stored.iter_rows(named=True):
        other = known.value(row)
        values += 1
        if not _close(row["value"], other):
            wrong.append(f"{_place(row)}: {row['value']}, by other code {other}")
        if row["method"] == "Wilson" and row["value"] is not None:
            interval = binomtest(round(row["value"] * row["n"]), row["n"]).proportion_ci(method="wilson")
            intervals += 1
            if not (_close(row["low"], interval.low) and _close(row["high"], interval.high)):
                wrong.append(f"{_place(row)}: interval {row['low']} to {row['high']}, by SciPy {interval}")
    what = f"{plural(values, 'value')} and {plural(intervals, 'Wilson interval')}"
    return compared("scores by other code", what, wrong)


def report_again(record: RunRecord) -> Check:
    """Computes report.json, findings.json and evaluation.json again from the stored files, and compares them."""
    evaluation = evaluations.load(record)
    facts = Facts(record, evaluation)
    judgement = rules.judge(facts)
    content = collect(facts, judgement, analyses.analyses_section(facts.outcomes))
    again = {
        "report.json": content,
        "findings.json": judgement.as_json(),
        "evaluation.json": evaluations.as_file(evaluation),
    }
    numbers, wrong = 0, list[str]()
    versions = {read_json(record.folder / "report.json").get("snellen"), __version__}
    for name, value in again.items():
        fresh = dict(_leaves(json.loads(json_text(value))))
        stored = dict(_leaves(read_json(record.folder / name)))
        numbers += sum(isinstance(each, int | float) for each in fresh.values())
        wrong += [f"{name}{difference}" for difference in _differences(stored, fresh)]
    if wrong and len(versions) > 1:
        reason = f"written by Snellen {', '.join(sorted(map(str, versions - {__version__})))}, this is {__version__}"
        return Check("report", "not checked", "", (f"{reason}: {len(wrong):,} differ",))
    return compared("report", f"{numbers:,} numbers of {', '.join(again)}", wrong)


def _differences(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[str]:
    for path in {**stored, **fresh}:
        if path == "/made":
            continue
        one, other = stored.get(path, "(missing)"), fresh.get(path, "(missing)")
        if one != other or isinstance(one, bool) != isinstance(other, bool):
            yield f"{path}: {_short(one)}, computed {_short(other)}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _leaves(inner, f"{path}/{key}")
    else:
        yield path, value


def _short(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:60] + "…"


def _place(row: Mapping[str, Any]) -> str:
    parts = (row["model"], row["of"], row["role"], row["measure"], row["class"])
    return " ".join(str(part) for part in parts if part is not None)


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=CLOSE, abs_tol=1e-12)


class _Values:
    """Computes the values of all scores by other code, each network on each role once."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._numbers = class_numbers(record.classes)
        self._floors = {folder.path.name: folder.job for folder in record.baselines.values()}
        self._known: dict[tuple[str, str | None, str, str], list[dict[tuple[str, str | None], float | None]]] = {}

    def value(self, row: Mapping[str, Any]) -> float | None:
        """The value of a row; for several networks, their mean."""
        key = (row["model"], row["job"], row["of"], row["role"])
        if key not in self._known:
            self._known[key] = [self._of(each) for each in self._predictions(*key)]
        found = [each[row["measure"], row["class"]] for each in self._known[key]]
        known = [each for each in found if each is not None]
        return math.fsum(known) / len(known) if known and len(known) == len(found) else None

    def _predictions(self, model: str, job: str | None, of: str, role: str) -> list[Predictions]:
        if of == "recipe":
            networks = networks_on(self._record, model, role)
            return networks.all if networks is not None else []
        if job is None:
            folds = held_out(self._record, model)
            assert folds is not None  # they exist, because scores over folds were computed from them
            return [each for one in folds.splits.values() for each in one.all] if role == HELD_OUT else [folds.pooled()]
        folder = self._floors[job] if of == "floor" else self._record.folder_of(job)
        return [folder.labelled(role)]

    def _of(self, predictions: Predictions) -> dict[tuple[str, str | None], float | None]:
        from scipy.special import xlogy
        from sklearn.metrics import accuracy_score, precision_recall_fscore_support, root_mean_squared_error

        labels, probabilities = predictions.labels, predictions.probabilities.astype(np.float64)
        assert labels is not None  # scored
        answers, classes = probabilities.argmax(1), self._record.classes
        own = np.eye(len(classes))[labels]
        found: dict[tuple[str, str | None], float | None] = {
            ("accuracy", None): float(accuracy_score(labels, answers)),
            ("loss", None): float(-xlogy(own, np.maximum(probabilities, SMALLEST)).sum(1).mean()),
        }
        of_label = probabilities[np.arange(len(labels)), labels][:, None]
        before = np.arange(len(classes)) < labels[:, None]
        place = (probabilities > of_label).sum(1) + ((probabilities == of_label) & before).sum(1)
        found |= {(f"top_{k}", None): float((place < k).mean()) for k in (2, 5)}
        names, present = ("precision", "recall", "f1"), np.unique(labels)
        for average in ("macro", "weighted"):
            means = precision_recall_fscore_support(labels, answers, labels=present, average=average, zero_division=0)
            found |= {(f"{average}_{name}", None): float(mean) for name, mean in zip(names, means)}
        every = np.arange(len(classes))
        by_class = precision_recall_fscore_support(labels, answers, labels=every, average=None, zero_division=np.nan)
        for name, values in zip(names, by_class):
            found |= {(name, of): None if np.isnan(one) else float(one) for of, one in zip(classes, values)}
        found |= {("auc", of): _area(labels == code, probabilities[:, code]) for code, of in enumerate(classes)}
        if self._numbers is not None:
            error = root_mean_squared_error(self._numbers[labels], self._numbers[answers])
            found["rmse", None] = float(error)
        return found


def _area(is_class: np.ndarray, scores: np.ndarray) -> float | None:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(is_class, scores)) if 1 < is_class.sum() < len(is_class) - 1 else None
