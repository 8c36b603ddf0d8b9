"""Protects the promise of truth.md: where labels mean nothing, no unit is called selective or needed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from unit_cases import bars, subject

from snellen.explain.units.analysis import measure_units
from snellen.explain.units.layer import read_units, unit_layer
from snellen.explain.units.tables import UnitMeasures

RUNS = 100
ROWS = np.arange(300)
NETWORKS = (
    ["flatten", {"dense": {"units": 12, "activation": "relu"}}],
    ["flatten", {"dense": {"units": 12, "activation": "tanh"}}, {"dense": 6}],
)


def judged(run: int, permuted: bool) -> UnitMeasures:
    """Random weights, large ones, so that the network is sure; labels that mean something, or nothing."""
    images, labels = bars(300, seed=run)
    shown = np.random.default_rng(run).permutation(labels) if permuted else labels
    one = subject(NETWORKS[run % 2], images, shown, 150, seed=run)
    for name, values in one.parameters.items():
        values.mul_(4 if name.endswith("kernel") else 1)
    layer = unit_layer(one.network, "dense_1")
    read = read_units(one, layer, ROWS[150:])
    return measure_units(one, layer, read, one.predictions["validation"], read.activation.mean(0))


def claimed(found: UnitMeasures) -> tuple[bool, bool, bool]:
    """Whether any unit is told from chance: without the size that `selective` asks for, which would hide a fault."""
    told = (found.selective_p < 0.05).any()
    return bool(told), bool(found.needed.any()), bool(found.used.any())


@pytest.fixture(scope="module")
def nulls() -> list[UnitMeasures]:
    return [judged(run, permuted=True) for run in range(RUNS)]


def test_permuted_labels_let_hardly_any_run_claim_anything(nulls: list[UnitMeasures]) -> None:
    claims = np.array([claimed(each) for each in nulls])
    # 5 of 100 are expected at most of each kind; 10 or more would come up in 3 of 100 tests at exactly 5 per cent
    assert claims.sum(0).max() <= 9
    assert claims.any(1).sum() <= 15
    assert not any(each.selective.any() for each in nulls)


def test_labels_that_mean_something_are_noticed() -> None:
    claims = np.array([claimed(judged(run, permuted=False)) for run in range(10)])
    assert claims[:, 0].all() and claims[:, 2].sum() >= 5


def test_recall_alone_would_claim_what_is_not_so(nulls: list[UnitMeasures]) -> None:
    """Why a class must lose its answer where it is right to: see Ablation.recall_cost_p."""
    claims = 0
    for each in nulls:
        falls = false_discovery_control(each.by_mean.recall_p.ravel()).reshape(each.by_mean.recall.shape) < 0.05
        claims += bool((falls & (each.by_mean.recall < 0)).any())
    assert claims >= 15
