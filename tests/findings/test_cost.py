"""Protects the findings about cost: a model that is slow for nothing is named, which model to use is computed from the
comparisons, and a run in which nothing was measured has none of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import edit_json, facts_of

from snellen.api import Run
from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.costs import GUESSING, costs_of
from snellen.evaluate.record import RunRecord
from snellen.findings.finding import Facts, Finding
from snellen.findings.rules import RULES, judge
from snellen.models.predictions import save_predictions
from snellen.report.sections.cost import cost_section

MODELS = ("linear", "dense", "conv")
LOGISTIC = baseline_key("logistic regression")


def found(folder: Path, code: str) -> list[Finding]:
    return list(RULES[code](facts_of(folder)))


def right_on(folder: Path, **shares: float) -> None:
    """Every model and baseline right on a share of the validation images, the first ones; the baselines on few where
    nothing else is said."""
    record = RunRecord(folder)
    jobs = {model: record.job(model) for model in MODELS}
    jobs |= {name: each.job for name, each in record.baselines.items()}
    for name, job in jobs.items():
        stored = job.labelled("validation")
        assert stored.labels is not None
        answers = stored.labels.copy()
        answers[round(shares.get(name.split()[0], 0.15) * len(answers)) :] += 1
        probabilities = np.eye(10, dtype=np.float32)[answers % 10]
        save_predictions(
            job.predictions_path("validation"), replace(stored, probabilities=probabilities), job.path.name
        )


def takes(folder: Path, spread: float = 0.05, **ms: float) -> None:
    """Each model and baseline takes so many milliseconds an image, 1 where nothing is said."""
    record = RunRecord(folder)
    names = {record.planned[model].shipped: model for model in MODELS}
    names |= {each.path.name: name.split()[0] for name, each in record.baselines.items()}

    def slowed(stored: dict[str, Any]) -> dict[str, Any]:
        for part in ("networks", "baselines"):
            for key, one in stored[part].items():
                value = ms.get(names[key], 1.0)
                one["batch_ms"] = [value * (1 + spread) ** step for step in range(-2, 3)]
        return stored

    edit_json(folder / "costs.json", slowed)


@pytest.fixture
def planted(run_copy: Path) -> Path:
    """dense and linear right on as many images, conv on fewer."""
    right_on(run_copy, dense=0.9, linear=0.9, conv=0.5)
    return run_copy


@pytest.mark.parametrize(
    ("own", "other", "spread", "raised"),
    [(5.0, 0.5, 0.05, True), (5.0, 2.0, 0.05, False), (0.05, 0.001, 0.05, False), (5.0, 0.9, 2.0, False)],
)
def test_far_slower_than_a_model_that_is_not_shown_to_be_worse(
    planted: Path, own: float, other: float, spread: float, raised: bool
) -> None:
    """Not where it is less than 5 times, where nobody notices, or where the quartiles overlap."""
    right_on(planted, dense=0.9, linear=0.89, conv=0.5)
    takes(planted, spread, dense=own, linear=other, conv=0.001)
    told = found(planted, "SNL171")
    assert [one.values["other"] for one in told] == (["linear"] if raised else [])
    for one in told:
        assert one.sentence.startswith("`dense` needs 5.0 ms for an image, `linear` 0.50 ms, and `dense` is not shown")


def test_a_slow_model_that_is_shown_to_be_better_is_not_told_of(planted: Path) -> None:
    right_on(planted, dense=0.95, linear=0.7, conv=0.5)
    takes(planted, dense=50.0, linear=0.5)
    assert found(planted, "SNL171") == []


def test_slower_to_predict_than_a_baseline_that_is_as_good(planted: Path) -> None:
    right_on(planted, dense=0.9, linear=0.8, conv=0.5, logistic=0.9)
    takes(planted, dense=3.0, logistic=0.01)
    [one] = found(planted, "SNL129")
    assert (
        "needs 3.0 ms for an image, the baseline `logistic regression` 0.010 ms. It is not shown to be" in one.sentence
    )
    assert one.values["ms"] == pytest.approx(3.0) and "seconds" not in one.values and one.evidence == "cost"
    takes(planted, dense=0.02, logistic=0.01)
    assert found(planted, "SNL129") == []


ON_FEATURES = "logistic regression on dense's features"


@pytest.fixture
def on_features(planted: Path) -> Path:
    """The logistic regression is one on the features of `dense`, and as good as the models."""
    right_on(planted, dense=0.9, linear=0.9, conv=0.5, logistic=0.9)
    edit_json(
        planted / "floors.json",
        lambda ids: {ON_FEATURES if name == "logistic regression" else name: each for name, each in ids.items()},
    )
    return planted


def test_a_baseline_on_features_is_not_called_simple(on_features: Path) -> None:
    """By its name in the run, whatever it was called when it was stored; whole on the first screen."""
    facts = facts_of(on_features)
    assert facts.record.baseline_results[ON_FEATURES].label == ON_FEATURES
    judgement = judge(facts)
    said = [one.sentence for one in judgement.statements]
    said += [one.sentence for one in (*judgement.others, *judgement.results)]
    assert sum(ON_FEATURES in sentence for sentence in said) > 2
    assert not any("simple" in sentence for sentence in said)
    [compared] = [one.sentence for one in judgement.statements if one.part == "comparison"]
    assert f"the baseline {ON_FEATURES}" in compared


@pytest.mark.parametrize(
    ("known", "features_ms", "raised"), [(True, 0.0, True), (True, 100.0, False), (False, 0, False)]
)
def test_the_time_of_its_features_is_that_of_the_baseline_too(
    on_features: Path, known: bool, features_ms: float, raised: bool
) -> None:
    """1,000 and more images of a tenth of a second each: 30 s of training are not far more. Not known: not called
    fast."""
    record = RunRecord(on_features)
    for model in MODELS:
        edit_json(record.job(model).result_path, lambda stored: {**stored, "seconds": 30.0})

    def frozen(stored: dict[str, Any]) -> dict[str, Any]:
        for key, one in stored["networks"].items():
            is_dense = key == record.planned["dense"].shipped
            one |= {"frozen_backbone": is_dense, "batch_ms": [features_ms if is_dense else 1.0] * 3}
        return {**stored, "baselines": {}}

    edit_json(on_features / "costs.json", frozen)
    if not known:
        (on_features / "costs.json").unlink()
    assert [one.values["floor"] for one in found(on_features, "SNL129")] == ([ON_FEATURES] if raised else [])


def test_which_to_use_names_the_model_that_is_better_than_all_with_its_cost(planted: Path) -> None:
    right_on(planted, dense=0.95, linear=0.6, conv=0.5)
    takes(planted, dense=0.2)
    [one] = found(planted, "SNL170")
    images = facts_of(planted).record.data["roles"]["counts"]["train"]
    assert one.sentence.startswith(
        f"Which model to use: with {images:,} training images `dense`, shown to be more accurate than 2 other models "
        "and 2 baselines (95"
    )
    assert "; 0.20 ms an image, " in one.sentence and one.values["candidates"] == ["dense"]
    assert one.sentence.endswith("This is about these trained networks, not about training them again.")


def test_which_to_use_says_what_it_cannot_tell_and_which_is_fastest(planted: Path) -> None:
    takes(planted, dense=5.0, linear=0.5, conv=0.1)
    [one] = found(planted, "SNL170")
    assert set(one.values["candidates"]) == {"dense", "linear"} and one.values["cheapest"] == "linear"
    assert "the study cannot tell between" in one.sentence
    assert "of which `linear` predicts clearly fastest (0.50 ms an image, the other 5.0 ms)" in one.sentence
    takes(planted, dense=0.5, linear=0.5)
    assert "fastest" not in found(planted, "SNL170")[0].sentence


def test_the_front_needs_what_is_shown(planted: Path) -> None:
    """conv is worse than dense: off where it is as slow, on where it is clearly faster. dense and linear cannot be told
    apart: both on, however slow. The better of two baselines rules the other out."""
    right_on(planted, dense=0.9, linear=0.89, conv=0.5, nearest=0.2, logistic=0.6)
    takes(planted, dense=5.0, linear=0.5, conv=5.0, nearest=0.3, logistic=0.3)
    facts = facts_of(planted)
    assert facts.costs is not None
    off = facts.costs.off["prediction"]
    assert off == {"conv": "dense", baseline_key("nearest centroid"): LOGISTIC}
    takes(planted, dense=5.0, linear=0.5, conv=0.05, nearest=0.3, logistic=0.3)
    again = facts_of(planted).costs
    assert again is not None and "conv" not in again.off["prediction"]
    assert all(one.key != baseline_key(GUESSING) for one in again.models)


def test_a_run_without_the_file_has_no_costs(run_copy: Path) -> None:
    (run_copy / "costs.json").unlink()
    facts = facts_of(run_copy)
    assert facts.costs is None and cost_section(facts.record, facts.evaluation) is None
    assert found(run_copy, "SNL170") == found(run_copy, "SNL171") == []


def test_costs_are_those_of_the_stored_results(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    costs = costs_of(facts.record, facts.evaluation)
    assert costs is not None and isinstance(facts, Facts)
    for model in MODELS:
        one, folder = costs.get(model), facts.record.job(model)
        assert one is not None
        history = folder.read_history()
        assert one.training_s.median == pytest.approx(sum(each["seconds"] for each in history), abs=0.01)
        network = folder.read_job().trajectory.network
        assert (one.parameters, one.trained_parameters) == (network.parameter_count, network.trainable_count)
        bundle = small_run.folder / "models" / model
        arrays = [bundle / "model.safetensors", bundle / "familiarity.safetensors"]
        assert one.file_bytes == sum(path.stat().st_size for path in arrays if path.exists())
        assert 0 < one.batch_ms.low <= one.batch_ms.median <= one.batch_ms.high < one.alone_ms.high
