"""Which model of a study is chosen: by cross-validation or by validation images, never by the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from snellen.evaluate.cross_validation import shared
from snellen.evaluate.record import RunRecord
from snellen.train.results import Result

By = Literal["folds", "seeds", "network"]
"""What models are ranked by: the mean over folds, each scored on the rows it held out; the mean over seeds on
validation; one network on validation."""


@dataclass(frozen=True)
class MeanScores:
    """Loss and accuracy of one model."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Choice:
    """by: the scores that models are ranked by, the same for all. measured: the measures of each model whose training
    succeeded."""

    by: By
    measured: dict[str, MeanScores]


def choice(record: RunRecord) -> Choice:
    """The scores that models are ranked by: over folds where all models share at least two, else over their seeds."""
    folds = shared(record, record.done) if record.study.folds else {}
    if folds:
        scores = {
            model: MeanScores(each.mean("loss").value, each.mean("accuracy").value) for model, each in folds.items()
        }
        return Choice("folds", scores)
    results = {model: _results(record, model) for model in record.done}
    measured = {model: _mean(each) for model, each in results.items()}
    return Choice("seeds" if any(len(each) > 1 for each in results.values()) else "network", measured)


def ranking(record: RunRecord) -> list[str]:
    """The models whose training succeeded, best first by the study's measure; ties by the smaller loss (or the higher
    accuracy), then by the order of the study."""
    measured = choice(record).measured

    def order(model: str) -> tuple[float, float]:
        loss, accuracy = measured[model].loss, measured[model].accuracy
        return (-accuracy, loss) if record.study.choose_by == "accuracy" else (loss, -accuracy)

    return sorted(record.done, key=order)


def to_open(record: RunRecord, ranked: Sequence[str]) -> list[str]:
    """The models that the study evaluates on test, in the order of the ranking."""
    open_test = record.study.open_test
    if open_test == "chosen":
        return list(ranked[:1])
    return [model for model in ranked if open_test == "all" or model in open_test]


def _results(record: RunRecord, model: str) -> list[Result]:
    """The results of the networks of all seeds whose training succeeded."""
    found = [record.folder_of(job).read_result() for job in record.planned[model].seeds.values()]
    return [result for result in found if result is not None and result.status == "done"]


def _mean(results: Sequence[Result]) -> MeanScores:
    losses = [result.reloaded_loss for result in results if result.reloaded_loss is not None]
    accuracies = [result.reloaded_accuracy for result in results if result.reloaded_accuracy is not None]
    if not losses or len(losses) < len(results) or len(accuracies) < len(results):
        raise ValueError("a job that is done has validation measures")
    return MeanScores(sum(losses) / len(losses), sum(accuracies) / len(accuracies))
