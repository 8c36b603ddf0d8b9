"""Protects what is said to be lost without a unit: the silencing itself, its intervals, and its p-values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from unit_cases import bars, subject

from snellen.explain.units import ablation
from snellen.explain.units.ablation import ablate, output_follows
from snellen.metrics.scores import confusion
from snellen.statistics.changes_by_class import mean_changes, own_class_p_values, share_changes
from snellen.statistics.mcnemar import mcnemar_of_counts

DENSE: list[Any] = ["flatten", {"dense": {"units": 5, "activation": "relu"}}, {"dropout": 0.5}]
DEEP: list[Any] = [*DENSE, {"dense": {"units": 4, "activation": "tanh"}}]
CONV: list[Any] = [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, "flatten"]


def silenced(layers: list[Any], read_at: str, constant: float) -> tuple[Any, Any, np.ndarray]:
    images, labels = bars(60)
    one = subject(layers, images, labels, 30)
    values = one.outputs(read_at, np.arange(60))
    found = ablate(one, read_at, values, np.full(values.shape[-1], constant, np.float32), labels)
    return one, found, labels


@pytest.mark.parametrize(("layers", "name"), [(DENSE, "dense_2"), (DEEP, "dense_2")])
def test_silencing_by_zero_is_what_cutting_the_outgoing_weights_does(layers: list[Any], name: str) -> None:
    one, found, labels = silenced(layers, "dense_1", 0.0)
    rows = np.arange(60)
    whole = one.probabilities_from("dense_1", one.outputs("dense_1", rows))
    for unit in range(5):
        kernel = one.parameters[f"{name}.kernel"]
        kept = kernel[0, unit].clone()
        kernel[0, unit] = 0
        cut = one.probabilities_from("dense_1", one.outputs("dense_1", rows))
        kernel[0, unit] = kept
        for label in range(3):
            own = labels == label
            likelier = (cut - whole)[own, label].astype(float)
            right = (cut[own].argmax(1) == label).mean() - (whole[own].argmax(1) == label).mean()
            assert found.probability[unit, label] == pytest.approx(likelier.mean(), abs=1e-6)
            assert found.recall[unit, label] == pytest.approx(right)
        before, after = (confusion(labels, each.argmax(1), 3).trace() / 60 for each in (whole, cut))
        assert found.accuracy[unit] == pytest.approx(after - before)


def test_a_silenced_filter_is_the_same_everywhere() -> None:
    one, found, labels = silenced(CONV, "conv_1", 0.25)
    maps = one.outputs("conv_1", np.arange(60))
    maps[..., 2] = 0.25
    after = one.probabilities_from("conv_1", maps)
    assert found.accuracy[2] + (
        one.probabilities_from("conv_1", one.outputs("conv_1", np.arange(60))).argmax(1) == labels
    ).mean() == (pytest.approx((after.argmax(1) == labels).mean()))


def test_updating_the_logits_is_passing_through_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    _, quick, _ = silenced(DENSE, "dense_1", 0.3)
    monkeypatch.setattr(ablation, "output_follows", lambda *_: False)
    _, slow, _ = silenced(DENSE, "dense_1", 0.3)
    for name in ("recall", "probability", "recall_own_p", "accuracy"):
        np.testing.assert_allclose(getattr(quick, name), getattr(slow, name), atol=1e-5)


def test_only_units_that_feed_the_logits_are_updated() -> None:
    images, labels = bars(12)
    deep, flat = (subject(layers, images, labels, 6) for layers in (DEEP, DENSE))
    assert output_follows(flat, "dense_1") and not output_follows(deep, "dense_1") and output_follows(deep, "dense_2")
    assert not output_follows(flat, "dense_2")


def test_silencing_leaves_the_values_as_they_were() -> None:
    images, labels = bars(12)
    one = subject(DEEP, images, labels, 6)
    values = one.outputs("dense_1", np.arange(12))
    before = values.copy()
    ablate(one, "dense_1", values, np.ones(5, np.float32), labels)
    np.testing.assert_array_equal(values, before)


def test_shares_have_the_adjusted_wald_interval() -> None:
    change, low, high = share_changes(np.array([12, 0, 0]), np.array([2, 0, 0]), np.array([50, 50, 0]))
    # 13/52 lost and 3/52 won with one more of each: difference 10/52, variance (16/52 - (10/52)^2)/52
    half = stats.norm.ppf(0.975) * np.sqrt((16 / 52 - (10 / 52) ** 2) / 52)
    assert (change[0], low[0], high[0]) == pytest.approx((-0.2, -10 / 52 - half, -10 / 52 + half))
    assert change[1] == 0 and -0.1 < low[1] < 0 < high[1] < 0.1
    assert np.isnan([change[2], low[2], high[2]]).all()


def test_lost_and_won_are_compared_exactly() -> None:
    cases = [(12, 2), (0, 0), (5, 5), (1, 9), (0, 30)]
    lost, won = np.array(cases).T
    expected = [mcnemar([[0, a], [b, 0]], exact=True).pvalue for a, b in cases]
    np.testing.assert_allclose(mcnemar_of_counts(lost, won), np.minimum(expected, 1))


def test_mean_changes_have_the_t_interval() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 40, 1])
    differences = generator.normal(-0.05, 0.1, 71)
    mean, low, high, p = mean_changes(differences, labels, np.bincount(labels))
    for label in (0, 1):
        expected = stats.ttest_1samp(differences[labels == label], 0)
        interval = expected.confidence_interval(0.95)
        assert (mean[label], p[label]) == pytest.approx((differences[labels == label].mean(), expected.pvalue))
        assert (low[label], high[label]) == pytest.approx((interval.low, interval.high))
    assert p[2] == 1


def test_what_is_lost_by_all_alike_is_no_loss_of_a_class() -> None:
    labels = np.arange(300) % 3
    change = np.zeros((300, 3))
    change[:, 0] = -1  # nothing is called 0 any more, right or wrong
    assert own_class_p_values(change, labels).tolist() == [1, 1, 1]
    change[labels != 0, 0] = 0
    assert own_class_p_values(change, labels)[0] < 1e-20


def test_own_losses_are_judged_as_by_permuted_labels() -> None:
    generator = np.random.default_rng(3)
    labels = np.arange(240) % 3
    change = generator.choice([-1, 0, 1], (240, 3), p=[0.2, 0.7, 0.1]) - 0.1 * (labels[:, None] == np.arange(3))

    def distance(order: np.ndarray) -> float:
        own = order == 0
        return float(change[own, 0].mean() - change[~own, 0].mean())

    observed = distance(labels)
    permuted = np.array([distance(generator.permutation(labels)) for _ in range(4000)])
    assert own_class_p_values(change, labels)[0] == pytest.approx((permuted <= observed).mean(), abs=0.012)
    assert 0.001 < own_class_p_values(change, labels)[0] < 0.2


def test_a_needed_unit_is_found() -> None:
    images, labels = bars(300)
    one = subject(["flatten", {"dense": {"units": 4, "activation": "relu"}}], images, labels, 150)
    brightness = one.parameters["dense_1.kernel"]
    brightness.zero_()
    for label in range(3):  # one unit a class: how bright its bar is
        brightness[0].reshape(6, 6, 4)[2 * label : 2 * label + 2, :, label] = 1
    outgoing = one.parameters["dense_2.kernel"]
    outgoing.zero_()
    outgoing[0, :3] = torch.eye(3)
    values = one.outputs("dense_1", np.arange(300))
    found = ablate(one, "dense_1", values, np.zeros(4, np.float32), labels)
    assert np.diagonal(found.recall[:3]).max() < -0.9 and np.diagonal(found.recall_cost_p[:3]).max() < 1e-10
    assert found.recall[3].tolist() == [0, 0, 0] and found.recall_cost_p[3].tolist() == [1, 1, 1]
    assert (found.recall_cost_p[0, 1:] > 0.5).all()
