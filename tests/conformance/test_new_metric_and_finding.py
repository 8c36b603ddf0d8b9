"""Protects the two places: a new metric or finding is a file and a line of its registry, and reaches the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from runs import facts_of

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.findings.finding import Facts, Finding
from snellen.findings.rules import RULES
from snellen.metrics.scores import METRICS, Metric
from snellen.run.write_report import write_report


def brier_of_each(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) squared distances to the true class."""
    return np.asarray(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(1))


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float(brier_of_each(labels, probabilities).mean())


def large_brier(facts: Facts) -> Iterator[Finding]:
    """SNL199: a Brier score above 0."""
    for model in facts.evaluation.ranked:
        estimate = facts.evaluation.estimate(model, "validation", "brier")
        if estimate is not None and estimate.value:
            sentence = f"`{model}` has a Brier score of {estimate.value:.4f}."
            yield Finding("SNL199", "notice", sentence, {"model": model, "value": estimate.value}, f"model-{model}")


@pytest.fixture
def extended(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in each registry."""
    monkeypatch.setitem(METRICS, "brier", Metric(brier, False, higher_is_better=False, per_image=brier_of_each))
    monkeypatch.setitem(RULES, "SNL199", large_brier)


@pytest.mark.usefixtures("extended")
def test_they_reach_the_report(run_copy: Path) -> None:
    facts = facts_of(run_copy)
    write_report(facts.record, facts.evaluation, None)
    record, model = RunRecord.open(run_copy), str(facts.evaluation.chosen)
    stored = record.predictions(model, "validation")
    assert stored is not None and stored.labels is not None
    value = brier(stored.labels, stored.probabilities)
    estimate = Run(run_copy).evaluation.estimate(model, "validation", "brier")
    assert estimate is not None and estimate.value == pytest.approx(value)
    assert estimate.low is not None and estimate.high is not None and estimate.low < value < estimate.high
    content = json.loads((run_copy / "report.json").read_text(encoding="utf-8"))
    [told] = [each for each in content["findings"] if each["code"] == "SNL199" and each["values"]["model"] == model]
    scores = next(each for each in content["models"] if each["name"] == model)["roles"]["validation"]["scores"]
    assert scores["brier"]["value"] == pytest.approx(value)
    page = (run_copy / "report.html").read_text(encoding="utf-8")
    assert "SNL199" in page and f"{value:.4f}" in page and told["sentence"].endswith(f"{value:.4f}.")


@pytest.mark.usefixtures("extended")
def test_a_metric_has_means_over_seeds_with_intervals(seeds_run: Run) -> None:
    evaluation = facts_of(seeds_run.folder).evaluation
    mean = evaluation.recipe(str(evaluation.chosen), "validation", "brier")
    assert mean is not None and mean.networks == 3
    assert mean.value is not None and mean.low is not None and mean.low < mean.value
