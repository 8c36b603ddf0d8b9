"""Protects confident learning: its definition by hand, and against cleanlab, whose authors wrote the paper."""

from __future__ import annotations

import numpy as np
import pytest
from needs import needs

from snellen.explain.wrong_labels.ranking import log_ratios, rank_shares
from snellen.statistics.confident_learning import (
    class_thresholds,
    confident_classes,
    label_margins,
    other_classes,
    suspects,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.3, 0.5, 0.2], [0.1, 0.3, 0.6]]
)


def drawn(seed: int, count: int = 600, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Labels with one in ten wrong, and probabilities of a model that is right on most."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    logits = random.normal(0, 1.2, (count, classes))
    logits[np.arange(count), truth] += 3
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.where(random.random(count) < 0.1, random.integers(0, classes, count), truth)
    return labels, probabilities.astype(np.float32)


def test_thresholds_are_mean_probabilities_of_the_label() -> None:
    assert class_thresholds(LABELS, PROBABILITIES) == pytest.approx([0.5, 0.6, 0.6])
    assert class_thresholds(np.array([0, 0]), PROBABILITIES[:2])[1:] == pytest.approx([1, 1])


def test_an_image_is_counted_where_a_class_is_above_its_threshold() -> None:
    assert confident_classes(LABELS, PROBABILITIES).tolist() == [0, 0, 1, 1, -1, 2]
    assert suspects(LABELS, PROBABILITIES).tolist() == [False, False, True, False, False, False]
    assert other_classes(LABELS, PROBABILITIES).tolist() == [1, 1, 1, 0, 0, 1]
    assert label_margins(LABELS, PROBABILITIES) == pytest.approx([0.7, 0.3, -0.7, 0.5, 0.2, 0.3])


def test_ranks_are_shares_and_the_log_ratio_orders_what_probabilities_near_0_cannot() -> None:
    assert rank_shares(np.array([3.0, 1.0, 1.0, 9.0])) == pytest.approx([0.625, 0.25, 0.25, 0.875])
    labels = np.array([0, 0])
    found = log_ratios(labels, np.array([[1e-6, 0.9, 0.1 - 1e-6], [1e-9, 0.9, 0.1 - 1e-9]]))
    assert found[1] < found[0] < 0


@needs("cleanlab")
@pytest.mark.parametrize("seed", range(5))
def test_cleanlab_finds_the_same(seed: int) -> None:
    """Its thresholds, margins and joint; it prunes by the joint, so its suspects are nearly the same ones."""
    from cleanlab.count import compute_confident_joint, get_confident_thresholds
    from cleanlab.rank import get_normalized_margin_for_each_label

    labels, probabilities = drawn(seed)
    assert class_thresholds(labels, probabilities) == pytest.approx(get_confident_thresholds(labels, probabilities))
    theirs = 2 * get_normalized_margin_for_each_label(labels, probabilities) - 1
    assert label_margins(labels, probabilities) == pytest.approx(theirs, abs=1e-6)
    joint = compute_confident_joint(labels, probabilities, calibrate=False)
    confident = confident_classes(labels, probabilities)
    own = np.zeros_like(joint)
    np.add.at(own, (labels[confident >= 0], confident[confident >= 0]), 1)
    off = ~np.eye(len(joint), dtype=bool)
    assert (own[off] == joint[off]).all()
    found = suspects(labels, probabilities)
    assert found.sum() <= joint[off].sum() and found.sum() >= 0.9 * joint[off].sum()
