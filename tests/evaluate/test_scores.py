"""Protects scores from saying more than there is: every number has its images and interval, and what cannot be computed
is undefined."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as theirs

from snellen.evaluate.scores import COVERS, SCHEMA, Estimate, proportion, score, table
from snellen.metrics.scores import METRICS
from snellen.models.predictions import Predictions

CLASSES = ("a", "b", "c", "d")


def predictions(labels: list[int] | None, predicted: list[int], role: str = "test") -> Predictions:
    """Predictions of these classes, each with probability 0.7."""
    rows = np.arange(len(predicted))
    probabilities = (0.1 + 0.6 * np.eye(4)[np.array(predicted, int)]).astype(np.float32).reshape(-1, 4)
    known = None if labels is None else np.array(labels, np.int64)
    return Predictions(role, rows, rows.astype(str), known, probabilities)


LABELS, PREDICTED = [0, 0, 0, 1, 1, 1, 1, 3], [0, 0, 1, 1, 1, 0, 1, 1]
"""Class c has no image and is never predicted; d has one and is never predicted."""


def scored(labels: list[int] | None = LABELS, predicted: list[int] = PREDICTED, role: str = "test") -> dict:
    return {
        (each.measure, each.class_name): each.estimate for each in score(predictions(labels, predicted, role), CLASSES)
    }


def test_per_class_agrees_with_scikit_learn_where_it_is_defined() -> None:
    found = scored()
    expected = theirs.precision_recall_fscore_support(LABELS, PREDICTED, labels=range(4), zero_division=np.nan)
    for measure, values in zip(("precision", "recall", "f1"), expected):
        for name, value in zip(CLASSES, values):
            estimate = found[measure, name]
            if estimate.value is None:
                assert np.isnan(value)
            else:
                assert estimate.value == pytest.approx(value)
                assert estimate.low is None or estimate.low <= value <= estimate.high


def test_precision_of_a_class_never_predicted_is_undefined() -> None:
    found = scored()
    for name in ("c", "d"):
        estimate = found["precision", name]
        assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 0)
    assert found["recall", "c"].value is None and found["f1", "c"].value is None
    assert (found["recall", "d"].value, found["recall", "d"].n) == (0.0, 1)


def test_numbers_of_images_stand_beside_the_numbers() -> None:
    found = scored()
    assert found["accuracy", None].n == 8 and found["loss", None].n == 8
    assert found["precision", "b"].n == PREDICTED.count(1) and found["recall", "b"].n == LABELS.count(1)
    assert found["f1", "a"].n == 4


def test_every_metric_has_an_interval_around_it() -> None:
    found = scored()
    for name, metric in METRICS.items():
        if metric.min_classes <= 4:
            estimate = found[name, None]
            assert estimate.low <= estimate.value <= estimate.high
            proportion_of_images = metric.is_fraction_of_images or name == "weighted_recall"
            mean = "Hall's t" if name == "loss" else "Korn and Graubard"
            assert estimate.method == ("Wilson" if proportion_of_images else mean)
    assert ("top_5", None) not in found


def test_no_wrong_answer_is_not_certainty() -> None:
    """All measures of answers have an interval with a width; of losses none, for wrong answers may have any."""
    found = scored(LABELS, LABELS)
    for key in (("accuracy", None), ("f1", "a"), ("macro_f1", None), ("weighted_precision", None)):
        assert found[key].value == 1.0 and found[key].low < 0.9 and found[key].high == pytest.approx(1.0)
    assert (found["loss", None].low, found["loss", None].high) == (None, None)


def test_one_number_has_one_interval() -> None:
    """Weighted recall is accuracy."""
    found = scored()
    one, other = found["weighted_recall", None], found["accuracy", None]
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)


@pytest.mark.parametrize("role", COVERS)
def test_what_the_interval_covers_is_that_of_the_role(role: str) -> None:
    assert {estimate.covers for estimate in scored(role=role).values()} == {COVERS[role]}


def test_only_new_images_are_called_so() -> None:
    assert COVERS["test"] == COVERS["calibration"] == "other images"
    assert "fitted" in COVERS["train"] and "chosen" in COVERS["validation"]


@pytest.mark.parametrize(("labels", "predicted"), [(None, PREDICTED), ([], [])])
def test_sealed_or_empty_gives_no_scores(labels: list[int] | None, predicted: list[int]) -> None:
    assert scored(labels, predicted) == {}


def test_nothing_counted_is_undefined() -> None:
    assert proportion(0, 0, "x") == Estimate(None, None, None, 0, "x", "Wilson")


def test_rows_fit_the_stored_table() -> None:
    rows = table("m", "j", "test", score(predictions(LABELS, PREDICTED), CLASSES))
    frame = pl.DataFrame(rows, schema=SCHEMA)
    assert len(frame) == 9 + 4 * 4 and frame["model"].unique().to_list() == ["m"]
    assert frame.filter(pl.col("measure") == "accuracy")["value"].to_list() == [5 / 8]


def test_areas_of_classes_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(6)
    labels = generator.integers(0, 3, 90)
    probabilities = generator.dirichlet(np.ones(4), 90).astype(np.float32)
    stored = Predictions("test", np.arange(90), np.arange(90).astype(str), labels, probabilities)
    found = {each.class_name: each.estimate for each in score(stored, CLASSES) if each.measure == "auc"}
    assert list(found) == list(CLASSES)
    for code, name in enumerate(CLASSES[:3]):
        area = theirs.roc_auc_score(labels == code, probabilities[:, code])
        assert found[name].value == pytest.approx(area) and found[name].method == "DeLong" and found[name].n == 90
    assert found[CLASSES[3]].value is None


def test_classes_called_by_numbers_have_an_rmse_as_in_scikit_learn() -> None:
    numbers = np.array([0.0, 3, 5, 40])
    given = predictions(LABELS, PREDICTED)
    found = {each.measure: each.estimate for each in score(given, ("0", "3", "5", "40")) if each.class_name is None}
    rmse = found["rmse"]
    assert rmse.value == pytest.approx(theirs.root_mean_squared_error(numbers[LABELS], numbers[PREDICTED]))
    assert rmse.low is not None and rmse.high is not None and rmse.value is not None
    assert rmse.low <= rmse.value <= rmse.high and rmse.low < rmse.high
    assert (rmse.n, rmse.method, rmse.covers) == (8, "Hall's t", COVERS["test"])


def test_an_rmse_of_nought_is_not_certainty_and_names_have_none() -> None:
    right = {each.measure: each.estimate for each in score(predictions(LABELS, LABELS), ("0", "1", "2", "3"))}
    assert (right["rmse"].value, right["rmse"].low, right["rmse"].high) == (0.0, None, None)
    assert ("rmse", None) not in scored()
