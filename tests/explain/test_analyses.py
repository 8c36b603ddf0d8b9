"""Protects the seam that every analysis hangs on: asked for in the study, refused before training where it does not
fit, made once of the stored network and no other, stored, drawn from what is stored, and never shown a sealed label."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import run_small, small_study

import snellen
from snellen.api import Run
from snellen.data.dataset import SEALED
from snellen.data.load import read
from snellen.errors import IdentityError, RunError, StudyError, UnknownName
from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult, load_result, save_result
from snellen.explain.method import Method
from snellen.explain.units import analysis as units
from snellen.models.build import Network
from snellen.report.analyses import PAGES
from snellen.report.pages.page_inputs import PageInputs
from snellen.run.analyses import scene_of
from snellen.run.flow import report

MODELS: dict[str, Any] = {
    "small": {"layers": ["flatten", {"dense": {"units": 5, "activation": "relu"}}]},
    "linear": {"layers": "linear"},
}
CALLS: list[str] = []


def probe(subject: TrainedModel, options: Any) -> AnalysisResult:
    """Means of the hidden units on validation images."""
    CALLS.append(subject.name)
    means = subject.outputs("dense_1", subject.predictions["validation"].rows).mean(0)
    return AnalysisResult({"sentences": [f"`{subject.name}` was probed."]}, {"units": pl.DataFrame({"mean": means})})


def needs_hidden(network: Network, options: Any) -> str | None:
    """None where there is a hidden layer."""
    return None if len(network.layers) > 2 else "it has no hidden layer"


def drawn(inputs: PageInputs) -> str:
    """A page that says which network it is of."""
    return f"<!doctype html><title>{inputs.planned.title}</title>{inputs.result.sentences[0]}"


@pytest.fixture(autouse=True)
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`units` is the probe."""
    CALLS.clear()
    monkeypatch.setattr(units, "METHOD", Method("model", probe, needs_hidden))
    monkeypatch.setitem(PAGES, "units", drawn)


def test_an_outcome_comes_back_and_a_changed_file_is_noticed(tmp_path: Path) -> None:
    table, image = pl.DataFrame({"unit": [0, 1], "area": [0.5, 0.9]}), np.arange(6, dtype=np.uint8).reshape(2, 3)
    save_result(tmp_path, AnalysisResult({"rows": 7}, {"units": table}, {"picture": image}), {"job": "a"})
    found = load_result(tmp_path, {"job": "a"})
    assert found is not None
    assert found.facts == {"rows": 7}
    assert found.tables["units"].equals(table)
    assert np.array_equal(found.arrays["picture"], image)
    assert load_result(tmp_path, {"job": "b"}) is None
    (tmp_path / "units.parquet").write_bytes(b"something else")
    with pytest.raises(IdentityError, match="changed"):
        load_result(tmp_path, {"job": "a"})


def test_an_analysis_is_made_once_for_the_models_it_fits_and_again_on_request(tmp_path: Path) -> None:
    run_small(tmp_path, models=MODELS, analyses=["units"])
    assert CALLS == ["small"]
    page, shown = tmp_path / "pages" / "units-small.html", json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert "`small` was probed." in page.read_text("utf-8")
    assert [(one["model"], one["page"]) for one in shown["analyses"]] == [("small", "pages/units-small.html")]
    assert "pages/units-small.html" in (tmp_path / "report.html").read_text("utf-8")
    run_small(tmp_path, models=MODELS, analyses=["units"])
    assert CALLS == ["small"]
    page.unlink()
    report(tmp_path)
    assert CALLS == ["small"] and page.exists()
    report(tmp_path, only=["units"])
    assert CALLS == ["small", "small"]
    with pytest.raises(UnknownName, match="maps"):
        report(tmp_path, only=["maps"])


def test_another_network_has_an_outcome_of_its_own(tmp_path: Path) -> None:
    first = run_small(tmp_path, models=MODELS, analyses=["units"]).units("small")
    wider = {**MODELS, "small": {"layers": ["flatten", {"dense": {"units": 6, "activation": "relu"}}]}}
    second = run_small(tmp_path, models=wider, analyses=["units"]).units("small")
    assert CALLS == ["small", "small"]
    assert (len(first.tables["units"]), len(second.tables["units"])) == (5, 6)


@pytest.mark.parametrize(
    ("analyses", "words"),
    [
        ([{"units": {"models": ["linear"]}}], "no hidden layer.*small"),
        ([{"units": {"models": ["nobody"]}}], "nobody"),
        (["unitz"], "units"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_trained(tmp_path: Path, analyses: Any, words: str) -> None:
    with pytest.raises(StudyError) as raised:
        run_small(tmp_path, models=MODELS, analyses=analyses)
    assert re.search(words, str(raised.value), re.DOTALL)
    assert not (tmp_path / "jobs").exists()


def test_in_python_an_analysis_is_made_when_asked_for_and_read_the_second_time(tmp_path: Path) -> None:
    run = run_small(tmp_path, models=MODELS)
    found = run.units("small")
    assert found.sentences == ["`small` was probed."]
    assert "probed" in found._repr_html_()
    assert Run(tmp_path).units("small").tables["units"].equals(found.tables["units"])
    assert CALLS == ["small"]
    with pytest.raises(StudyError, match="no hidden layer"):
        run.units("linear")


def test_images_in_memory_are_given_again_and_must_be_the_same(tmp_path: Path) -> None:
    dataset = read("digits")
    arrays = snellen.from_arrays(np.asarray(dataset.images), dataset.labels, name="mine")
    run = small_study(data=arrays, models=MODELS).run(out=tmp_path, progress=False, threads=1)
    assert run.analysis("units", "small", dataset=arrays).facts
    other = replace(arrays, fingerprint="0" * 64)
    with pytest.raises(RunError, match="not the images"):
        scene_of(run.record, None, other)


def test_a_scene_holds_no_sealed_label(tmp_path: Path) -> None:
    record = run_small(tmp_path, models=MODELS, open_test=["linear"]).record
    scene = scene_of(record, None)
    test = scene.trained_models["linear"].predictions["test"].rows
    assert (scene.dataset.labels[test] == SEALED).all()
    assert (np.delete(scene.dataset.labels, test) != SEALED).all()
    assert "test" not in scene.trained_models["small"].predictions


def test_outputs_of_the_layers_lead_to_the_stored_predictions(tmp_path: Path) -> None:
    subject = scene_of(run_small(tmp_path).record, None).trained_models["conv"]
    stored = subject.predictions["validation"]
    for placed in subject.network.layers:
        given = subject.outputs(placed.name, stored.rows)
        assert given.shape == (len(stored), *placed.output_shape)
        np.testing.assert_allclose(subject.probabilities_from(placed.name, given), stored.probabilities, atol=1e-5)
    with pytest.raises(UnknownName, match="conv_1"):
        subject.outputs("conv_9", stored.rows)
