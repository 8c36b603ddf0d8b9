"""Protects the difference between new images and the test: its interval, its test, and what is said of classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chi2_contingency

from snellen.evaluate.score_drop import on_other_images, on_pairs
from snellen.models.predictions import Predictions
from snellen.statistics.independent_proportions import difference_limits

CLASSES = ("a", "b", "c")


def predicted(labels: np.ndarray, answers: np.ndarray, role: str = "evaluated") -> Predictions:
    probabilities = np.full((len(labels), 3), 0.1, np.float32)
    probabilities[np.arange(len(labels)), answers] = 0.8
    return Predictions(role, np.arange(len(labels)), np.arange(len(labels)).astype(str), labels, probabilities)


def wrong_at(labels: np.ndarray, places: slice | np.ndarray) -> np.ndarray:
    answers = labels.copy()
    answers[places] = (answers[places] + 1) % 3
    return answers


LABELS = np.arange(300) % 3
HERE = predicted(LABELS, wrong_at(LABELS, slice(0, 90)))
TEST = predicted(LABELS[:150], wrong_at(LABELS[:150], slice(0, 6)), "test")


def test_other_images_have_the_interval_of_two_independent_proportions() -> None:
    drop = on_other_images(HERE, TEST, CLASSES, 0.005)
    assert drop.difference.value == pytest.approx(210 / 300 - 144 / 150)
    assert (drop.difference.low, drop.difference.high) == pytest.approx(difference_limits(210, 300, 144, 150))
    assert drop.verdict == "clearly worse" and drop.kind == "other images" and drop.relabelled == 0
    assert (drop.here.n, drop.test.n) == (300, 150) and drop.mix is not None and drop.mix.distance == 0
    one = drop.classes[0]
    assert (one.images, one.test_images) == (100, 50) and one.value == pytest.approx(0.7 - 0.96)
    assert (one.low, one.high) == pytest.approx(difference_limits(70, 100, 48, 50))


def test_few_images_tell_nothing_and_a_class_without_images_has_no_difference() -> None:
    labels = np.array([0, 1, 0, 1, 0])
    drop = on_other_images(predicted(labels, labels), TEST, CLASSES, 0.005)
    assert drop.verdict == "cannot tell"
    assert drop.classes[2].value is None and drop.classes[2].here.value is None and drop.classes[2].test_images == 50
    assert drop.mix is not None
    counts = np.array([[3, 2, 0], [50, 50, 50]])
    assert drop.mix.p_value == pytest.approx(chi2_contingency(counts).pvalue)


def test_pairs_have_the_exact_test_of_mcnemar() -> None:
    answers = wrong_at(LABELS[:150], np.r_[0:3, 10:40])
    drop = on_pairs(predicted(LABELS[:150], answers), TEST, CLASSES, 0.005, "same ids")
    assert drop.difference.value == pytest.approx((117 - 144) / 150)
    assert drop.difference.p_value == pytest.approx(binomtest(30, 33).pvalue)  # 30 lost, 3 won
    assert drop.verdict == "clearly worse" and drop.mix is None and drop.relabelled == 0
    unpaired = on_other_images(predicted(LABELS[:150], answers), TEST, CLASSES, 0.005).difference
    assert drop.difference.low is not None and drop.difference.high is not None
    assert unpaired.low is not None and unpaired.high is not None
    assert drop.difference.high - drop.difference.low < unpaired.high - unpaired.low


def test_pairs_count_other_labels_and_leave_them_out_of_the_classes() -> None:
    labels = LABELS[:150].copy()
    labels[:3] = 2
    drop = on_pairs(predicted(labels, LABELS[:150]), TEST, CLASSES, 0.005, "same pictures")
    assert drop.relabelled == 2 and drop.here.value == pytest.approx(148 / 150)
    assert [one.images for one in drop.classes] == [49, 49, 50]
