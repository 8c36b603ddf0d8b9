"""report.json: everything the page shows, gathered from what is stored in the run."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import cast

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from snellen import __version__
from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import as_json
from snellen.evaluate.cross_validation import HELD_OUT, OUT_OF_FOLD, held_out
from snellen.evaluate.epochs import network_epochs
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import which_network
from snellen.explain.augmented_images import load_augmented
from snellen.explain.chosen_pixels import pixel_map
from snellen.explain.exploration import stored_exploration
from snellen.findings.finding import Facts
from snellen.findings.rules import Judgement
from snellen.models.frozen_part import trained_count
from snellen.report.figures.sprites import near_duplicate_rows
from snellen.report.model_types import (
    AugmentedJson,
    LayerJson,
    ModelJson,
    OutcomeJson,
    Scores,
)
from snellen.report.sections.backbones import backbones_section
from snellen.report.sections.computation import computed_section
from snellen.report.sections.confidence import confidence_section
from snellen.report.sections.cost import cost_section, learning_section
from snellen.report.sections.exploration import exploration_section
from snellen.report.sections.folds_and_seeds import folds_section, seeds_section
from snellen.report.sections.on_purpose import on_purpose_section
from snellen.report.sections.phases import epochs_before, phases_section, shipped_section, whole_history
from snellen.report.sections.posteriors import posteriors_section
from snellen.report.sections.reviews import reviews_section
from snellen.report.sections.role import overall, role_section
from snellen.report.sections.search import search_section
from snellen.report.sections.side_by_side import side_by_side_section
from snellen.report.types import AnalysisJson, BaselineJson, ComparisonsJson, ReportJson, StandingJson
from snellen.train.baselines import is_on_features

FORMAT = 1

ENVIRONMENT = TypeAdapter(dict[str, str | int | float | bool | None])


def collect(facts: Facts, judgement: Judgement, analyses: list[AnalysisJson]) -> ReportJson:
    """The value of report.json."""
    record, evaluation = facts.record, facts.evaluation
    order = [*evaluation.ranked, *(name for name in record.models if name not in evaluation.ranked)]
    models = [model for model in order if model in record.results]
    report: ReportJson = {
        "format": FORMAT,
        "snellen": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": record.study.study,
        "chosen": evaluation.chosen,
        "statements": [statement.as_json() for statement in judgement.statements],
        "answer": [finding.as_json() for finding in judgement.results],
        "findings": [finding.as_json() for finding in judgement.others],
        "claim": judgement.claim,
        "openings": {
            "this_run": evaluation.openings.this_run,
            "ever": evaluation.openings.ever,
            "models": [*evaluation.opened, *(f"baseline {name}" for name in evaluation.opened_baselines)],
        },
        "leaderboard": [_standing(record, evaluation, model) for model in models],
        "by": evaluation.by,
        "comparisons": cast(ComparisonsJson, as_json(evaluation.comparisons)),
        "posteriors": posteriors_section(evaluation),
        "floors": [_baseline(record, evaluation, name) for name in (*evaluation.baselines, *_failed_baselines(record))],
        "models": [_model(record, evaluation, model) for model in models],
        "data": record.data["data"],
        "roles": record.data["roles"],
        "environment": record.read("environment.json", ENVIRONMENT),
        "computed": computed_section(record),
        "resolved": record.resolved,
        "analyses": analyses,
    }
    explored = stored_exploration(record)
    if explored is not None:
        chosen = next((each for each in report["models"] if each["chosen"]), None)
        report["exploration"] = exploration_section(explored, report["data"]["classes"], chosen)
    beside = side_by_side_section(facts, {each["name"]: each for each in report["models"]})
    if beside is not None:
        report["side_by_side"] = beside
    if judgement.not_raised:
        report["not_raised"] = list(judgement.not_raised)
    faults = on_purpose_section(record, evaluation)
    if faults is not None:
        report["on_purpose"] = faults
    backbones = backbones_section(record)
    if backbones is not None:
        report["backbones"] = backbones
    reviews = reviews_section(record)
    if reviews is not None:
        report["reviews"] = reviews
    cost, learning = cost_section(record, evaluation), learning_section(record, evaluation)
    if cost is not None:
        report["cost"] = cost
    if learning is not None:
        report["learning_curves"] = learning
    return report


def drawn_rows(content: ReportJson) -> np.ndarray:
    """The data set rows whose images the report draws."""
    rows: set[int] = {row for rows in content["data"]["samples"] for row in rows}
    rows.update(near_duplicate_rows(content["data"]))
    for model in content["models"]:
        for role in model["roles"].values():
            rows.update(row for cell in role["cells"].values() for row in cell)
            rows.update(each["row"] for each in (*role["mistakes"], *role["examples"], *chain(*role.get("drawn", []))))
            rows.update(each["row"] for pair in role["pairs"] for grid in pair["grids"] for each in grid["pictures"])
        rows.update(each["original"] for each in model["augmented"])
    return np.array(sorted(rows), np.int64)


def _standing(record: RunRecord, evaluation: Evaluation, model: str) -> StandingJson:
    """A row of the leaderboard: means over seeds where there are several, and over folds."""
    roles = ["validation", HELD_OUT, *(["test"] if model in evaluation.opened else [])]
    scores = {role: _widest(evaluation.scores, model, role) for role in roles}
    pairs, best = evaluation.comparisons, evaluation.comparisons.best.get(model)
    return {
        **_outcome(record, evaluation, model),
        "group": pairs.groups.get(model),
        "may_be_best": best.not_worse if best else None,
        "seeds": len(record.planned[model].seeds),
        "epochs": epochs_before(record, model) + record.results[model].epochs,
        "scores": {role: values for role, values in scores.items() if values},
    }


def _baseline(record: RunRecord, evaluation: Evaluation, name: str) -> BaselineJson:
    """The row of a baseline in the leaderboard."""
    result = record.baseline_results[name]
    scores = {role: overall(evaluation.scores, baseline_key(name), role) for role in ("validation", "test")}
    return {
        "floor": name,
        "label": result.label,
        "on_features": is_on_features(name),
        "status": result.status,
        "reason": result.reason,
        "images": result.images,
        "of_images": result.of_images,
        "rounds": result.rounds,
        "converged": result.converged,
        "parameters": result.parameters,
        "seconds": result.seconds,
        "scores": {role: values for role, values in scores.items() if values},
    }


def _failed_baselines(record: RunRecord) -> list[str]:
    return [name for name, result in record.baseline_results.items() if result.status == "failed"]


def _outcome(record: RunRecord, evaluation: Evaluation, model: str) -> OutcomeJson:
    result, network = record.results[model], record.job(model).read_job().trajectory.network
    trained = trained_count(network)
    outcome: OutcomeJson = {
        "model": model,
        "job": record.models[model],
        "status": result.status,
        "chosen": model == evaluation.chosen,
        "reason": result.reason,
        "parameters": network.parameter_count,
        "kept_epoch": result.kept_epoch and epochs_before(record, model) + result.kept_epoch,
        "seconds": result.seconds,
    }
    if trained is not None:
        outcome["trained_parameters"] = trained
    return outcome


def _model(record: RunRecord, evaluation: Evaluation, model: str) -> ModelJson:
    folder, result = record.job(model), record.results[model]
    network = folder.read_job().trajectory.network
    roles = [role for role in ("train", "validation", "calibration") if result.status == "done"]
    roles += ["test"] if model in evaluation.opened else []
    stored = {role: record.predictions(model, role) for role in roles}
    predictions = {role: each for role, each in stored.items() if each is not None and each.labels is not None}
    folds = held_out(record, model) if model in evaluation.folds else None
    if folds is not None:
        predictions[OUT_OF_FOLD] = folds.pooled()
    phases = phases_section(record, model)
    return {
        **_outcome(record, evaluation, model),
        "name": model,
        "trainable_parameters": network.trainable_count,
        "stopped_epoch": phases[-1]["last_epoch"],
        "input": list(network.input_shape),
        "layers": cast(list[LayerJson], network.layer_table()),
        "pixels": pixel_map(folder, np.array(record.data["data"]["means"])) if result.status == "done" else None,
        "training": phases[-1]["settings"],
        "phases": phases,
        "history": whole_history(record, model),
        "network_epochs": network_epochs(record, model),
        "search": search_section(record, evaluation, model),
        "seeds": seeds_section(record, evaluation, model),
        "folds": folds_section(record, evaluation, model, folds),
        "augmented": _augmented(record, model),
        "network": which_network(record, model),
        "shipped": shipped_section(record, model),
        "confidence": confidence_section(evaluation, model, record.classes),
        "roles": {
            role: role_section(evaluation, model, each, record.classes, which_network(record, model, role))
            for role, each in predictions.items()
            if len(each)
        },
    }


def _augmented(record: RunRecord, model: str) -> list[AugmentedJson]:
    """The images before and after augmentation: a row of the data set, a number of the stored ones."""
    stored = load_augmented(record.folder).get(record.models[model])
    rows = [] if stored is None else stored.rows.tolist()
    return [{"original": row, "augmented": at} for at, row in enumerate(rows)]


def _widest(scores: pl.DataFrame, model: str, role: str) -> Scores:
    """The scores of the recipe or over folds where there are such, else those of the network."""
    several = overall(scores.filter(pl.col("of").is_in(["recipe", "folds"])), model, role)
    return several or overall(scores.filter(pl.col("of") == "network"), model, role)
