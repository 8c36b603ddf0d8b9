"""Protects the weights of classes: scikit-learn's `balanced`, names in any order, and errors that name the class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from snellen.errors import StudyError, UnknownName
from snellen.train.class_weights import resolve

CLASSES = ("cat", "dog", "frog")
LABELS = np.repeat([0, 1, 2], [50, 7, 3])


def test_balanced_is_scikit_learns() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    found = resolve("balanced", CLASSES, LABELS)
    assert found == pytest.approx(expected)
    assert np.bincount(LABELS, weights=np.array(found)[LABELS]) == pytest.approx([20, 20, 20])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, None),
        ((1, 2.5, 0), (1.0, 2.5, 0.0)),
        ({"frog": 4, "cat": 0.5}, (0.5, 1.0, 4.0)),
        ({}, (1.0, 1.0, 1.0)),
    ],
)
def test_numbers_by_name_or_in_order(written: Any, expected: Any) -> None:
    assert resolve(written, CLASSES, LABELS) == expected


def test_mistakes() -> None:
    with pytest.raises(UnknownName, match=r"^class_weights: unknown class 'bog'; expected one of cat.* mean 'dog'"):
        resolve({"bog": 2.0}, CLASSES, LABELS)
    with pytest.raises(UnknownName, match=r"unknown class '0'.*a list has one weight a class in order"):
        resolve({"0": 2.0}, CLASSES, LABELS)
    with pytest.raises(StudyError, match=r"^class_weights: not one weight a class; found 2 weights; expected 3$"):
        resolve((1.0, 2.0), CLASSES, LABELS)
    with pytest.raises(StudyError, match=r"^class_weights: a class without training rows .*; found frog$"):
        resolve("balanced", CLASSES, LABELS[:55])
