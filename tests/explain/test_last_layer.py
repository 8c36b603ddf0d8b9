"""Protects what is said by the last hidden layer: neighbours against scikit-learn, contributions against the logits
they make, differences of units against statsmodels; feature models too, whose gradients reach the pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from runs import run_small
from scipy.stats import mannwhitneyu, ttest_ind
from sklearn.neighbors import NearestNeighbors
from statsmodels.stats.multitest import multipletests

from snellen.api import Run
from snellen.explain.analysis_inputs import RunWithImages, TrainedModel
from snellen.explain.answers.attributions import logits_of
from snellen.explain.answers.confused_cells import worst_cells
from snellen.explain.answers.gradients import margin_gradients
from snellen.explain.answers.unit_differences import unit_shifts
from snellen.explain.last_layer import LastLayer, contributions, has_hidden, nearest
from snellen.metrics.scores import confusion
from snellen.models.build import build
from snellen.run.analyses import scene_of
from snellen.statistics.false_discovery import benjamini_hochberg

MODELS: dict[str, Any] = {
    "dense": {"layers": ["flatten", {"dense": {"units": 12, "activation": "relu"}}, {"dropout": 0.1}]},
    "conv": {"layers": [{"conv": {"filters": 3, "kernel": 3, "activation": "relu"}}, "flatten"]},
    "pca": {"layers": [{"dense": {"units": 6, "activation": "tanh"}}], "features": [{"pca": 8}]},
    "top": {
        "layers": [{"dense": {"units": 6, "activation": "tanh"}}],
        "features": [{"top_pixels": {"count": 9, "by": "anova"}}],
    },
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> RunWithImages:
    run: Run = run_small(tmp_path_factory.mktemp("last") / "run", models=MODELS)
    return scene_of(run.record, None)


@pytest.mark.parametrize("model", MODELS)
def test_contributions_are_the_margin(scene: RunWithImages, model: str) -> None:
    subject = scene.trained_models[model]
    layer, rows = LastLayer(subject), subject.predictions["validation"].rows[:20]
    logits = logits_of(subject)(subject.inputs(rows)).detach().double().numpy()
    for values, own in zip(layer.activations(rows), logits, strict=True):
        parts, biases = contributions(layer, values, 3, 7)
        assert parts.sum() + biases == pytest.approx(own[3] - own[7], abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_neighbours_are_those_of_scikit_learn(scene: RunWithImages, model: str) -> None:
    subject = scene.trained_models[model]
    layer, rows, among = (
        LastLayer(subject),
        subject.predictions["validation"].rows[:15],
        subject.predictions["train"].rows,
    )
    found_rows, found = nearest(layer, rows, among, 4)
    index = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(layer.activations(among))
    distances, places = index.kneighbors(layer.activations(rows))
    assert np.allclose(found, distances, atol=1e-6)
    assert np.array_equal(found_rows, among[places])


def test_a_image_is_not_its_own_neighbour(scene: RunWithImages) -> None:
    layer, among = LastLayer(scene.trained_models["dense"]), scene.trained_models["dense"].predictions["train"].rows
    rows, distances = nearest(layer, among[:5], among, 1)
    assert not np.isin(among[:5], rows[:, 0]).all() and (rows[:, 0] != among[:5]).all() and np.isfinite(distances).all()


@pytest.mark.parametrize("model", ["pca", "top"])
def test_gradients_run_through_fitted_steps_to_the_pixels(scene: RunWithImages, model: str) -> None:
    subject = in_doubles(scene.trained_models[model])
    rows = subject.predictions["validation"].rows[:1]
    x = subject.inputs(rows).double()
    ends = torch.tensor([4]), torch.tensor([9])
    _, gradient = margin_gradients(logits_of(subject), x, *ends)
    assert gradient.shape == (1, 8, 8, 1)
    for down, right in np.ndindex(8, 8):
        high, low = x.clone(), x.clone()
        high[0, down, right] += 1e-6
        low[0, down, right] -= 1e-6
        expected = (
            margin_gradients(logits_of(subject), high, *ends)[0] - margin_gradients(logits_of(subject), low, *ends)[0]
        ) / 2e-6
        assert float(gradient[0, down, right, 0]) == pytest.approx(float(expected), abs=1e-6)
    if model == "top":
        assert int((gradient != 0).sum()) <= 9


def in_doubles(subject: TrainedModel) -> TrainedModel:
    values = (dict(subject.parameters), dict(subject.state))
    parameters, state = ({name: each.double() for name, each in value.items()} for value in values)
    return TrainedModel(**{**vars(subject), "parameters": parameters, "state": state})


def test_a_hidden_layer_is_a_fitted_one() -> None:
    shape = (8, 8, 1)
    assert has_hidden(build(["flatten", {"dense": 3}], shape, 10))
    assert has_hidden(build([{"conv": {"filters": 2, "kernel": 3}}, "flatten"], shape, 10))
    assert not has_hidden(build("linear", shape, 10))
    assert not has_hidden(build([{"average_pool": 2}, "flatten"], shape, 10))


def test_units_are_named_by_where_they_stand(scene: RunWithImages) -> None:
    assert LastLayer(scene.trained_models["dense"]).unit_name(7) == "unit 7"
    conv = LastLayer(scene.trained_models["conv"])
    assert conv.name == "flatten_1" and conv.unit_name(6 * 3 + 2) == "channel 2 at 1, 0"


def test_cells_are_the_largest_of_the_confusion_matrix(scene: RunWithImages) -> None:
    part = scene.trained_models["top"].predictions["validation"]
    assert part.labels is not None
    matrix = confusion(part.labels, part.predicted, 10)
    np.fill_diagonal(matrix, 0)
    cells = worst_cells(part, 10, 4)
    assert [len(cell.called) for cell in cells] == sorted(matrix.ravel().tolist(), reverse=True)[:4]
    for cell in cells:
        places = np.searchsorted(part.rows, cell.called)
        assert (part.labels[places] == cell.label).all() and (part.predicted[places] == cell.answer).all()
        confidence = part.probabilities.max(1)[places]
        assert (np.diff(confidence) <= 0).all()


def test_differences_of_units() -> None:
    generator = np.random.default_rng(0)
    called, right = generator.normal(size=(9, 4)), generator.normal(size=(40, 4))
    called[:, 1] += 2
    called[:, 3] = right[:, 3] = 0
    found = unit_shifts(called, right, np.array([1.0, -1.0, 2.0, 5.0]))
    for unit in range(3):
        expected = mannwhitneyu(called[:, unit], right[:, unit], method="asymptotic")
        assert found.p_values[unit] == pytest.approx(expected.pvalue)
        pooled = ttest_ind(called[:, unit], right[:, unit]).statistic * np.sqrt(1 / 9 + 1 / 40)  # t is d / sqrt(...)
        assert found.effects[unit] == pytest.approx(pooled)
    assert found.margin[1] == pytest.approx(-(called[:, 1].mean() - right[:, 1].mean()))
    assert (found.p_values[3], found.effects[3], found.margin[3]) == (1, 0, 0)


def test_correction_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(0).random((3, 20)) ** 2
    expected = multipletests(p_values.ravel(), method="fdr_bh")[1].reshape(3, 20)
    assert np.allclose(benjamini_hochberg(p_values), expected)


def test_by_chance_units_seldom_differ() -> None:
    """Cells of 6 images drawn from those of their class: at most 5 % of 200 runs may find a unit."""
    generator, found = np.random.default_rng(0), 0
    for _ in range(200):
        right, called = (np.maximum(generator.normal(size=(count, 32)), 0) for count in (200, 6))
        found += bool((benjamini_hochberg(unit_shifts(called, right, np.ones(32)).p_values) < 0.05).any())
    assert found <= 10
