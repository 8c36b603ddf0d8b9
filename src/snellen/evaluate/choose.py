"""Which model is chosen: by validation alone."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.record import RunRecord
from snellen.train.results import Result


def ranking(record: RunRecord) -> list[str]:
    """The models that ended well, best first by the study's validation measure; of equals the smaller loss, then the
    order of the study. A ranking of these trained networks, not of their recipes."""

    def order(model: str) -> tuple[float, float]:
        result = record.results[model]
        loss, accuracy = _measured(result)
        return (-accuracy, loss) if record.study.choose_by == "accuracy" else (loss, -accuracy)

    return sorted(record.done, key=order)


def to_open(record: RunRecord, ranked: Sequence[str]) -> list[str]:
    """The models whose test predictions the study compares with the labels, in the order of the ranking."""
    wanted = record.study.open_test
    if wanted == "chosen":
        return list(ranked[:1])
    return [model for model in ranked if wanted == "all" or model in wanted]


def _measured(result: Result) -> tuple[float, float]:
    if result.reloaded_loss is None or result.reloaded_accuracy is None:
        raise ValueError("a job that is done has validation measures")
    return result.reloaded_loss, result.reloaded_accuracy
