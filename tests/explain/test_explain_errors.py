"""Protects the choice of images a report shows: every one behind its own cell, in the order promised."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from snellen.errors import RunError
from snellen.explain.mistakes import cell_rows, confident_mistakes, first_examples, random_examples, worst_pairs
from snellen.models.predictions import Predictions

CLASSES = 4


@pytest.fixture
def predictions() -> Predictions:
    """300 answers for rows 0, 3, 6, ...; probabilities in eighths, so that many are equal."""
    random = np.random.default_rng(7)
    probabilities = random.multinomial(8, [1 / CLASSES] * CLASSES, size=300) / np.float32(8)
    rows = 3 * np.arange(300)
    ids = np.array([f"image {row}" for row in rows])
    return Predictions("test", rows, ids, random.integers(0, CLASSES, 300), probabilities.astype(np.float32))


def test_every_image_is_behind_its_own_cell(predictions: Predictions) -> None:
    cells = cell_rows(predictions, CLASSES, limit=1000)
    expected: dict[str, list[int]] = {}
    assert predictions.labels is not None
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
    assert predictions.labels is not None
    wrong = [
        (-row.max(), int(at))
        for row, at, label, predicted in zip(
            predictions.probabilities, predictions.rows, predictions.labels, predictions.predicted
        )
        if label != predicted
    ]
    assert [(-one["confidence"], one["row"]) for one in mistakes] == sorted(wrong)[:25]
    assert all(one["id"] == f"image {one['row']}" and one["label"] != one["predicted"] for one in mistakes)


def test_examples_are_the_first_rows_whatever_the_answer(predictions: Predictions) -> None:
    examples = first_examples(predictions, 20)
    assert [one["row"] for one in examples] == predictions.rows[:20].tolist()
    assert any(one["label"] != one["predicted"] for one in examples)
    assert [one["probabilities"] for one in examples] == predictions.probabilities[:20].tolist()


def test_fewer_rows_than_asked_for_and_none_at_all(predictions: Predictions) -> None:
    def first(count: int) -> Predictions:
        assert predictions.labels is not None
        parts = (predictions.rows, predictions.ids, predictions.labels, predictions.probabilities)
        rows, ids, labels, probabilities = (part[:count] for part in parts)
        return Predictions("test", rows, ids, labels, probabilities)

    few, none = first(3), first(0)
    assert len(first_examples(few)) == 3
    assert (cell_rows(none, CLASSES), confident_mistakes(none, 5), first_examples(none)) == ({}, [], [])
    assert worst_pairs(none, CLASSES, 2) == []
    assert random_examples(none) == []
    assert sorted(each["row"] for [draw] in [random_examples(few)] for each in draw) == sorted(few.rows.tolist())


def test_random_images_are_the_same_for_every_model_and_none_is_drawn_twice(predictions: Predictions) -> None:
    parts = (predictions.role, predictions.rows, predictions.ids, predictions.labels)
    turned = Predictions(*parts, predictions.probabilities[:, ::-1])
    own, other = (random_examples(each, draws=3, count=4) for each in (predictions, turned))
    rows = [[each["row"] for each in draw] for draw in own]
    assert rows == [[each["row"] for each in draw] for draw in other] and [len(draw) for draw in rows] == [4, 4, 4]
    drawn = [row for draw in rows for row in draw]
    assert len(set(drawn)) == 12 and drawn != sorted(drawn)
    found = {int(row): probabilities for row, probabilities in zip(predictions.rows, predictions.probabilities)}
    assert all(np.allclose(each["probabilities"], found[each["row"]]) for draw in own for each in draw)


def answers(pairs: list[tuple[int, int]], confidence: list[float]) -> Predictions:
    """Answers for rows 10, 11, ...: (label, predicted) each, with these probabilities."""
    rows = 10 + np.arange(len(pairs))
    labels, predicted = np.array(pairs).T
    probabilities = np.array([[(1 - sure) / 3] * 4 for sure in confidence], np.float32)
    probabilities[np.arange(len(rows)), predicted] = confidence
    return Predictions("validation", rows, rows.astype(str), labels, probabilities)


def test_a_pair_is_two_classes_by_their_mistakes_both_ways() -> None:
    """Classes 0 and 2: one mistake each way. Of 1 and 3, 2 and 3 with one each, the first stands first."""
    given = answers([(0, 2), (2, 0), (2, 2), (3, 2), (1, 3), (0, 0), (0, 0)], [0.5, 0.6, 0.7, 0.8, 0.9, 0.55, 0.95])
    pairs = worst_pairs(given, CLASSES, 10)
    assert [(pair["classes"], pair["mistakes"]) for pair in pairs] == [((0, 2), 2), ((1, 3), 1), ((2, 3), 1)]
    assert worst_pairs(given, CLASSES, 1) == pairs[:1]
    assert [(grid["label"], grid["predicted"], [one["row"] for one in grid["pictures"]])
            for grid in pairs[0]["grids"]] == [(0, 0, [16, 15]), (0, 2, [10]), (2, 0, [11]), (2, 2, [12])]  # fmt: skip
    assert [one["confidence"] for one in pairs[0]["grids"][0]["pictures"]] == pytest.approx([0.95, 0.55])


def test_grids_of_a_pair_hold_what_their_names_say(predictions: Predictions) -> None:
    """The same images, in the same order, as behind the cell of the confusion matrix; all of them counted."""
    cells = cell_rows(predictions, CLASSES, limit=1000)
    pairs = worst_pairs(predictions, CLASSES, 6, limit=5)
    assert len(pairs) == 6
    for pair in pairs:
        a, b = pair["classes"]
        assert [(grid["label"], grid["predicted"]) for grid in pair["grids"]] == [(a, a), (a, b), (b, a), (b, b)]
        for grid in pair["grids"]:
            behind = cells.get(f"{grid['label']},{grid['predicted']}", [])
            assert ([one["row"] for one in grid["pictures"]], grid["images"]) == (behind[:5], len(behind))
        assert pair["mistakes"] == pair["grids"][1]["images"] + pair["grids"][2]["images"]
    assert [pair["mistakes"] for pair in pairs] == sorted((pair["mistakes"] for pair in pairs), reverse=True)


def test_without_a_mistake_there_is_no_pair() -> None:
    assert worst_pairs(answers([(0, 0), (1, 1)], [0.9, 0.8]), CLASSES, 3) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda p: worst_pairs(p, CLASSES, 2),
        lambda p: cell_rows(p, CLASSES),
        lambda p: confident_mistakes(p, 5),
        first_examples,
    ],
)
def test_sealed_labels_are_an_error(predictions: Predictions, ask: Callable[[Predictions], object]) -> None:
    sealed = Predictions("test", predictions.rows, predictions.ids, None, predictions.probabilities)
    with pytest.raises(RunError, match="test: the labels of these predictions are sealed"):
        ask(sealed)
