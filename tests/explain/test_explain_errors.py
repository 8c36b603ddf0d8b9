"""Protects the choice of pictures a report shows: every one behind its own cell, in the order promised."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.errors import RunError
from snellen.explain.errors import cell_rows, confident_mistakes, first_examples
from snellen.models.predictions import Predictions

CLASSES = 4


@pytest.fixture
def predictions() -> Predictions:
    """300 answers for rows 0, 3, 6, ...; probabilities in eighths, so that many are equal."""
    random = np.random.default_rng(7)
    probabilities = random.multinomial(8, [1 / CLASSES] * CLASSES, size=300) / np.float32(8)
    rows = 3 * np.arange(300)
    ids = np.array([f"picture {row}" for row in rows])
    return Predictions("test", rows, ids, random.integers(0, CLASSES, 300), probabilities.astype(np.float32))


def test_every_picture_is_behind_its_own_cell(predictions: Predictions) -> None:
    cells = cell_rows(predictions, CLASSES, limit=1000)
    expected: dict[str, list[int]] = {}
    for row, label, predicted in zip(predictions.rows, predictions.labels, predictions.predicted):
        expected.setdefault(f"{label},{predicted}", []).append(int(row))
    assert {cell: sorted(rows) for cell, rows in cells.items()} == expected


def test_cells_hold_the_most_confident_first_and_equals_in_row_order(predictions: Predictions) -> None:
    confidence = dict(zip(predictions.rows.tolist(), predictions.probabilities.max(axis=1).tolist()))
    whole, cut = cell_rows(predictions, CLASSES, limit=1000), cell_rows(predictions, CLASSES, limit=5)
    for cell, rows in whole.items():
        assert rows == sorted(rows, key=lambda row: (-confidence[row], row))
        assert cut[cell] == rows[:5]


def test_mistakes_are_the_wrong_answers_with_the_highest_probability(predictions: Predictions) -> None:
    mistakes = confident_mistakes(predictions, 25)
    wrong = [
        (-row.max(), int(at))
        for row, at, label, predicted in zip(
            predictions.probabilities, predictions.rows, predictions.labels, predictions.predicted
        )
        if label != predicted
    ]
    assert [(-one["confidence"], one["row"]) for one in mistakes] == sorted(wrong)[:25]
    assert all(one["id"] == f"picture {one['row']}" and one["label"] != one["predicted"] for one in mistakes)


def test_examples_are_the_first_rows_whatever_the_answer(predictions: Predictions) -> None:
    examples = first_examples(predictions, 20)
    assert [one["row"] for one in examples] == predictions.rows[:20].tolist()
    assert any(one["label"] != one["predicted"] for one in examples)
    assert [one["probabilities"] for one in examples] == predictions.probabilities[:20].tolist()


def test_fewer_rows_than_asked_for_and_none_at_all(predictions: Predictions) -> None:
    few = Predictions("test", *(part[:3] for part in (predictions.rows, predictions.ids)), predictions.labels[:3],
                      predictions.probabilities[:3])  # fmt: skip
    none = Predictions("test", few.rows[:0], few.ids[:0], few.labels[:0], few.probabilities[:0])
    assert len(first_examples(few)) == 3
    assert (cell_rows(none, CLASSES), confident_mistakes(none, 5), first_examples(none)) == ({}, [], [])


@pytest.mark.parametrize("ask", [lambda p: cell_rows(p, CLASSES), lambda p: confident_mistakes(p, 5), first_examples])
def test_sealed_labels_are_an_error(predictions: Predictions, ask) -> None:
    sealed = Predictions("test", predictions.rows, predictions.ids, None, predictions.probabilities)
    with pytest.raises(RunError, match="test: the labels of these predictions are sealed"):
        ask(sealed)
