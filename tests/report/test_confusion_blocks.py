"""Protects the confusions of many classes: blocks hold every mistake once, the worst cells come first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snellen.limits import BLOCKS, CONFUSED_CELLS, FEW_CLASSES, MATRIX_CLASSES
from snellen.report.figures.confusion_cells import blocks, entries, ranked, worst_cells


def counts(number: int, seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).poisson(0.4, (number, number)) + 5 * np.eye(number, dtype=int))


@pytest.mark.parametrize("number", [51, 62, 100, 345, 1000])
def test_blocks_hold_every_mistake_once(number: int) -> None:
    matrix = counts(number)
    found = blocks(matrix.tolist())
    assert len(found["ends"]) == len(found["mistakes"]) <= BLOCKS
    assert [code for first, last in found["ends"] for code in range(first, last + 1)] == list(range(number))
    assert np.sum(found["mistakes"]) == matrix.sum() - np.trace(matrix)
    (top, bottom), (left, right) = found["ends"][1], found["ends"][2]
    assert found["mistakes"][1][2] == matrix[top : bottom + 1, left : right + 1].sum()


def test_a_whole_matrix_needs_no_entries_and_blocks_have_the_largest() -> None:
    assert entries(counts(MATRIX_CLASSES).tolist()) is None
    matrix = counts(60)
    flat = np.array(entries(matrix.tolist())).reshape(-1, 3)
    rebuilt = np.zeros_like(matrix)
    rebuilt[flat[:, 0], flat[:, 1]] = flat[:, 2]
    assert (rebuilt == matrix).all()
    assert len(entries(counts(400).tolist()) or []) == 3 * 5_000


def test_the_worst_cells_come_first_with_their_share() -> None:
    matrix = counts(FEW_CLASSES + 1)
    matrix[3, 7], matrix[4, 2] = 50, 40
    role: Any = {"confusion": matrix.tolist(), "cells": {"3,7": [9, 8, 7, 6, 5]}}
    found = worst_cells(role)
    assert [(one["label"], one["predicted"], one["images"]) for one in found[:2]] == [(3, 7, 50), (4, 2, 40)]
    assert found[0]["share"] == 50 / matrix[3].sum() and found[0]["rows"] == [9, 8, 7, 6]
    assert len(found) == CONFUSED_CELLS and all(one["label"] != one["predicted"] for one in found)
    few: Any = {"confusion": counts(FEW_CLASSES).tolist(), "cells": {}}
    assert worst_cells(few) == []


def test_the_most_probable_classes() -> None:
    assert ranked([0.1, 0.6, 0.05, 0.25]) == [(1, 0.6), (3, 0.25), (0, 0.1)]
