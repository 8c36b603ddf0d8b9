"""Protects which epoch is kept and when training stops: what Keras's EarlyStopping with restored weights would do."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snellen.train.job import StopRule
from snellen.train.kept_epoch import EarlyStopping, kept_epoch

CALLBACKS = json.loads((Path(__file__).parents[1] / "golden/keras_callbacks.json").read_text(encoding="utf-8"))


def stop_rule(epochs: int = 50, patience: int | None = None, measure: Any = "loss", **others: Any) -> StopRule:
    return StopRule(epochs=epochs, patience=patience, measure=measure, validation_rows="0" * 64, **others)


def kept(rule: StopRule, values: list[float]) -> tuple[int, int]:
    """The epoch that is kept and the number trained, when these values of the measure come one after another."""
    stopping = EarlyStopping()
    for value in values:
        if stopping.done(rule):
            break
        stopping = stopping.after(rule, *((value, 0.5) if rule.measure == "loss" else (0.5, value)))
    return stopping.best_epoch, stopping.epoch


def keras_early_stopping(values: list[float], patience: int | None, measure: str, epochs: int) -> tuple[int, int]:
    """keras.callbacks.EarlyStopping(restore_best_weights=True), read from its source: min_delta 0, no baseline."""
    best, best_epoch, wait = math.inf if measure == "loss" else -math.inf, 0, 0
    for epoch, current in enumerate(values[:epochs], 1):
        wait += 1
        if current < best if measure == "loss" else current > best:
            best, best_epoch, wait = current, epoch, 0
        if patience is not None and wait >= patience and epoch > 1:
            return best_epoch, epoch
    return best_epoch, min(len(values), epochs)


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
@pytest.mark.parametrize("patience", [None, 1, 2, 5])
def test_the_same_as_keras(measure: str, patience: int | None) -> None:
    """Few different values, so that ties are common."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        values = (generator.integers(0, 6, 30) / 5).tolist()
        rule = stop_rule(25, patience, measure)
        assert kept(rule, values) == keras_early_stopping(values, patience, measure, 25)
        pairs = [(value, 0.5) if measure == "loss" else (0.5, value) for value in values]
        assert kept_epoch(rule, pairs) == kept(rule, values)[0]


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_training_stops_where_early_stopping_of_keras_does(measure: str) -> None:
    """With `min_delta` and `start_from_epoch`, as computed with Keras by scripts/keras_callbacks.py. What is kept is
    the best epoch of those trained, whatever counts as an improvement."""
    cases = [case for case in CALLBACKS["early stopping"] if case["measure"] == measure]
    assert {case["epochs"] for case in cases} >= {2, 4, 6, 8, 11}
    best = min if measure == "loss" else max
    for case in cases:
        rule, values = stop_rule(25, measure=measure, **case["arguments"]), case["values"]
        trained = values[: case["epochs"]]
        assert kept(rule, values) == (1 + trained.index(best(trained)), case["epochs"])
        pairs = [(value, 0.5) if measure == "loss" else (0.5, value) for value in values]
        assert kept_epoch(rule, pairs) == kept(rule, values)[0]


def test_small_improvements_do_not_restart_patience_but_are_kept() -> None:
    values = [1.0, 0.95, 0.9, 0.85, 0.7]
    assert kept(stop_rule(5, 2), values) == (5, 5)
    assert kept(stop_rule(5, 2, min_delta=0.2), values) == (3, 3)
    assert kept(stop_rule(5, 2, min_delta=0.2, start_from_epoch=2), values) == (5, 5)
    assert kept(stop_rule(5, 2, min_delta=0.2, keep="last"), values) == (3, 3)


def test_what_a_job_keeps_of_a_history() -> None:
    """Without epochs nothing; by rule the last, at which patience ended it; without validation rows the last."""
    losses = [(3.0, 0.1), (2.0, 0.2), (2.5, 0.3), (2.6, 0.4), (1.0, 0.5)]
    assert kept_epoch(stop_rule(), []) == 0 and kept_epoch(stop_rule(), losses[:4]) == 2
    last = stop_rule(patience=2).model_copy(update={"keep": "last"})
    assert kept_epoch(last, losses) == 4 and kept_epoch(stop_rule(), [(None, None)] * 3) == 3


@pytest.mark.parametrize(
    ("measure", "values", "patience", "expected"),
    [
        ("loss", [3, 2, 2, 2], None, (2, 4)),
        ("accuracy", [0.5, 0.7, 0.7, 0.6], None, (2, 4)),
        ("loss", [1, 2, 3, 0.5], 2, (1, 3)),
        ("loss", [1, 2, 0.9, 2, 2, 2], 2, (3, 5)),
        ("accuracy", [0.0, 0.0, 0.0, 0.0], 3, (1, 4)),
    ],
)
def test_by_hand(measure: str, values: list[float], patience: int | None, expected: tuple[int, int]) -> None:
    """Of equal epochs the first is kept; a tie is no improvement; an accuracy of zero is still a first epoch."""
    assert kept(stop_rule(10, patience, measure), values) == expected


def test_improved_tells_whether_the_last_epoch_is_the_kept_one() -> None:
    stopping = EarlyStopping().after(stop_rule(), 1.0, 0.5)
    assert stopping.improved()
    assert not stopping.after(stop_rule(), 1.0, 0.9).improved()
    assert stopping.after(stop_rule(), 0.9, 0.1).improved()


def test_nothing_is_done_before_the_first_epoch() -> None:
    assert not EarlyStopping().done(stop_rule(epochs=1, patience=1))
    assert EarlyStopping().after(stop_rule(epochs=1), 1.0, 0.5).done(stop_rule(epochs=1))
