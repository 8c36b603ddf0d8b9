"""Protects the analysis `maps`: made of the training rows of one network; nothing is said that was not computed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from needs import REAL_DATA, needs
from runs import run_small

from snellen.api import Run
from snellen.data.load import read
from snellen.errors import StudyError
from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.maps import projections
from snellen.explain.maps.analysis import make as make_maps
from snellen.explain.maps.requirements import misfit, most_placed, seconds
from snellen.explain.maps.words import sentences
from snellen.models.build import build
from snellen.run.analyses import scene_of
from snellen.study.analyses import Maps

MODELS: dict[str, Any] = {
    "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}, {"dropout": 0.1}]},
    "two": {"layers": ["flatten", {"dense": {"units": 2, "activation": "tanh"}}]},
    "one": {"layers": ["flatten", {"dense": {"units": 1, "activation": "relu"}}]},
    "linear": {"layers": "linear"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_small(tmp_path_factory.mktemp("run"), models=MODELS, open_test=[])


@pytest.fixture(scope="module")
def subjects(run: Run) -> dict[str, TrainedModel]:
    return dict(scene_of(run.record, None).trained_models)


def asked(**options: Any) -> Maps:
    """Options, of few rows and iterations."""
    return Maps(**{"rows": 400, "perplexity": 15, "iterations": 260, **options})


def rows_of(outcome: AnalysisResult) -> np.ndarray:
    """(n,) rows of the data set that were placed."""
    return np.array(outcome.tables["points"]["row"])


@pytest.fixture(scope="module")
def outcome(subjects: dict[str, TrainedModel]) -> AnalysisResult:
    """All maps but UMAP of 400 rows."""
    return make_maps(subjects["dense"], asked())


def test_each_row_has_what_the_network_said_of_it_and_a_place_on_every_map(
    outcome: AnalysisResult, subjects: dict[str, TrainedModel]
) -> None:
    points, part = outcome.tables["points"], subjects["dense"].predictions["train"]
    assert len(points) == 400 == points["row"].n_unique()
    places = np.searchsorted(part.rows, points["row"].to_numpy())
    assert (part.rows[places] == points["row"].to_numpy()).all()
    assert part.labels is not None
    assert points["label"].to_list() == [str(label) for label in part.labels[places]]
    assert points["predicted"].to_list() == [str(label) for label in part.predicted[places]]
    np.testing.assert_array_equal(points["probability"].to_numpy(), part.probabilities[places].max(1))
    assert points["id"].to_list() == part.ids[places].tolist()
    axes = {"pixels": "xy", "pca_pixels": "xyz", "pca_layer": "xyz", "tsne": "xy"}
    assert points.columns[5:] == [f"{name}_{axis}" for name, each in axes.items() for axis in each]
    assert points.select(pl.col(pl.Float32).is_finite().all()).row(0) == (True,) * 11


def test_components_of_pixels_and_layer_are_those_of_scikit_learn(
    outcome: AnalysisResult, subjects: dict[str, TrainedModel]
) -> None:
    from sklearn.decomposition import PCA

    subject, rows = subjects["dense"], rows_of(outcome)
    maps = {one["name"]: one for one in outcome.facts["maps"]}
    spaces = {
        "pca_pixels": subject.inputs(rows).numpy().reshape(400, -1),
        "pca_layer": subject.outputs("dense_1", rows),
    }
    for name, space in spaces.items():
        expected = PCA(3, svd_solver="full").fit(space.astype(np.float64))
        np.testing.assert_allclose(maps[name]["explained"], expected.explained_variance_ratio_, rtol=1e-4)
        found = outcome.tables["points"].select(f"{name}_{axis}" for axis in "xyz").to_numpy()
        np.testing.assert_allclose(np.abs(found), np.abs(expected.transform(space)), atol=1e-3)


def test_the_sample_has_the_proportions_of_the_classes_and_no_test_row(
    outcome: AnalysisResult, subjects: dict[str, TrainedModel]
) -> None:
    labels = subjects["dense"].predictions["train"].labels
    assert labels is not None
    found = np.bincount(outcome.tables["points"]["label"].cast(int).to_numpy(), minlength=10)
    assert np.abs(found - 400 * np.bincount(labels) / len(labels)).max() < 1


def test_trust_lies_in_its_interval_and_tsne_keeps_more_than_components(outcome: AnalysisResult) -> None:
    maps = {one["name"]: one for one in outcome.facts["maps"]}
    for one in maps.values():
        for name in ("trustworthiness", "kept"):
            assert 0 <= one[name]["low"] <= one[name]["value"] <= one[name]["high"] <= 1
    assert maps["tsne"]["kept"]["value"] > maps["pca_layer"]["kept"]["value"] > maps["pixels"]["kept"]["value"]


def test_the_two_pixels_are_the_brightness_of_those_that_are_named(
    outcome: AnalysisResult, subjects: dict[str, TrainedModel]
) -> None:
    [pixels] = [one["pixels"] for one in outcome.facts["maps"] if one["name"] == "pixels"]
    images = subjects["dense"].inputs(rows_of(outcome)).numpy()
    for axis, (row, column) in zip("xy", pixels):
        np.testing.assert_allclose(outcome.tables["points"][f"pixels_{axis}"], images[:, row, column, 0], atol=1 / 255)


def test_given_pixels_are_drawn(subjects: dict[str, TrainedModel]) -> None:
    found = make_maps(subjects["dense"], asked(methods=["pixels"], pixels=[[2, 3], [5, 4]]))
    images = subjects["dense"].inputs(rows_of(found)).numpy()
    np.testing.assert_allclose(found.tables["points"]["pixels_y"], images[:, 5, 4, 0], atol=1 / 255)
    assert not any("bits" in sentence for sentence in found.sentences)


def test_the_same_seed_gives_the_same_and_another_one_other_rows(
    outcome: AnalysisResult, subjects: dict[str, TrainedModel]
) -> None:
    again, other = (make_maps(subjects["dense"], asked(seed=seed)) for seed in (0, 1))
    assert again.tables["points"].equals(outcome.tables["points"])
    assert set(other.tables["points"]["row"]) != set(outcome.tables["points"]["row"])


def test_a_layer_of_two_units_is_drawn_as_it_is(subjects: dict[str, TrainedModel]) -> None:
    found = make_maps(subjects["two"], asked())
    assert [one["name"] for one in found.facts["maps"]] == ["pixels", "pca_pixels", "units"]
    rows = rows_of(found)
    expected = subjects["two"].outputs("dense_1", rows)
    np.testing.assert_array_equal(found.tables["points"].select("units_x", "units_y").to_numpy(), expected)
    [units] = [one for one in found.facts["maps"] if one["name"] == "units"]
    assert units["trustworthiness"]["value"] == units["kept"]["value"] == 1


def test_a_layer_that_tells_nothing_apart_has_no_map_and_says_so(subjects: dict[str, TrainedModel]) -> None:
    subject = subjects["dense"]
    silent = {name: value * 0 for name, value in subject.parameters.items()}
    found = make_maps(TrainedModel(**{**vars(subject), "parameters": silent}), asked())
    assert [one["name"] for one in found.facts["maps"]] == ["pixels", "pca_pixels"]
    assert found.sentences[0] == "`dense_1` of `dense` has the same output for every image: there is nothing to map."


@pytest.mark.slow  # numba compiles UMAP for half a minute
@needs("umap")
def test_umap_is_drawn_when_asked_for(subjects: dict[str, TrainedModel]) -> None:
    found = make_maps(subjects["dense"], asked(methods=["umap"], rows=200))
    assert [(one["name"], one["settings"]["threads"]) for one in found.facts["maps"]] == [("umap", 1)]
    again = make_maps(subjects["dense"], asked(methods=["umap"], rows=200))
    assert found.tables["points"].equals(again.tables["points"])


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("linear", {}, "no hidden layer"),
        ("one", {}, "dense_1 has only one output"),
        ("dense", {"layer": "dense_9"}, "no layer 'dense_9', but flatten_1, dense_1, dropout_1, dense_2"),
        ("two", {"methods": ["tsne"]}, "two outputs"),
        ("dense", {"pixels": [[0, 0], [8, 1]]}, r"8 x 8 pixels, have none at row, column \(8, 1\)"),
        ("dense", {"rows": 10_000_000}, r"10,000,000 rows .* it can take \d{3},\d{3}$"),
    ],
)
def test_what_does_not_fit_is_said(model: str, options: dict[str, Any], words: str) -> None:
    network = build([*MODELS[model]["layers"]] if model != "linear" else "linear", (8, 8, 1), 10)
    why = misfit(network, Maps(**options))
    assert why is not None and re.search(words, why), why


def test_the_rows_that_fit_are_taken_and_no_more() -> None:
    network = build(MODELS["dense"]["layers"], (8, 8, 1), 10)
    most = most_placed(network, Maps(), "dense_1")
    assert misfit(network, Maps(rows=most)) is None
    assert f"{most:,}" in str(misfit(network, Maps(rows=most + 1)))
    assert most_placed(network, Maps(perplexity=400), "dense_1") < most / 5
    assert 0 < seconds(network, 1_000) < seconds(network, 50_000)


def test_a_study_is_told_before_it_trains(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no hidden layer"):
        run_small(tmp_path, models=MODELS, analyses=[{"maps": {"models": ["linear"]}}])
    with pytest.raises(StudyError, match="methods"):
        run_small(tmp_path, models=MODELS, analyses=[{"maps": {"methods": ["isomap"]}}])
    assert not (tmp_path / "jobs").exists()


def test_a_run_writes_the_page_and_says_in_its_report_what_was_found(tmp_path: Path) -> None:
    maps = {"models": ["dense"], "methods": ["pixels", "pca"], "rows": 200}
    run_small(tmp_path, models=MODELS, open_test=[], analyses=[{"maps": maps}])
    assert 'id="atlas"' in (tmp_path / "pages" / "maps-dense.html").read_text("utf-8")
    report = (tmp_path / "report.html").read_text("utf-8")
    assert "pages/maps-dense.html" in report and "Variance explained by the first principal components" in report


def test_in_python_a_map_is_made_of_the_layer_that_is_named(run: Run) -> None:
    found = run.map("dense_1", "dense", method="pca", rows=100, components=2)
    assert found.tables["points"].columns[5:] == [f"pca_{of}_{axis}" for of in ("pixels", "layer") for axis in "xy"]


@needs("mnist")
def test_two_components_of_mnist_explain_what_is_known_of_them() -> None:
    """9.7 % + 7.1 % of the variance of the training images."""
    dataset = read("mnist", data_folder=REAL_DATA)
    assert dataset.official_test is not None
    train = np.flatnonzero(~dataset.official_test)[5_000:]
    _, explained = projections.pca(dataset.images[train].reshape(55_000, -1).astype(np.float32) / 255, 2)
    assert [round(100 * share, 1) for share in explained] == [9.7, 7.1]


def said(**changes: Any) -> list[str]:
    """Sentences of facts with three classes."""
    pair = {"share": 0.02, "low": 0.01, "high": 0.03, "standard_error": 0.001}
    pairs = [{**pair, "first": 0, "second": 2}, {**pair, "first": 0, "second": 1, "share": 0.001}]
    facts: Any = {"model": "m", "layer": "l", "width": 8, "judged": 300, "nearest": 10, "told_apart": True, "maps": []}
    facts |= {"closest": pairs, **changes}
    return sentences(facts, ["a", "b", "c"])


def test_the_closest_classes_are_named_only_where_they_stand_out() -> None:
    pair = {"share": 0.02, "low": 0.01, "high": 0.03, "standard_error": 0.001}
    assert "`a` and `c` lie closest: 2.0 % (1.0 to 3.0)" in said()[0]
    tie = [{**pair, "first": 0, "second": 2}, {**pair, "first": 0, "second": 1, "share": 0.019}]
    assert "no pair that stands out" in said(closest=tie)[0]
    apart = [{**pair, "share": 0.0, "low": 0.0, "high": 0.0, "standard_error": 0.0, "first": 0, "second": 1}]
    assert "all 10 nearest images" in said(closest=apart)[0]


def test_that_distances_mean_little_is_said_of_tsne_alone() -> None:
    trust = {"value": 0.9, "low": 0.8, "high": 1.0}
    one = {"of": "l", "trustworthiness": trust, "kept": trust, "name": "tsne"}
    assert any("means little" in sentence for sentence in said(maps=[one]))
    assert not any("means little" in sentence for sentence in said(maps=[{**one, "name": "pca_layer"}]))
