"""Protects the analysis `robustness`: its numbers against a direct computation, which images and networks it tries,
what it says and does not say, its page, and that a report needs the stored result alone."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import PLAIN, blobs, facts_of, findings_of, run_small, small_study

import snellen
from snellen.data.load import read
from snellen.errors import SnellenError, StudyError, UnknownName
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import estimated_seconds, networks_of, planned_analyses, stored_results
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.robustness import analysis
from snellen.explain.robustness.addressed import content_keys
from snellen.explain.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from snellen.explain.robustness.subjects import subjects_of
from snellen.explain.robustness.unfamiliar import KINDS, unfamiliar_images
from snellen.explain.thumbnails import to_uint8
from snellen.models.forward import predict_probabilities, resident
from snellen.models.temperature import with_temperature
from snellen.models.weights import load_weights
from snellen.run.analyses import scene_of
from snellen.run.flow import report
from snellen.statistics.image_bootstrap import bootstrap_limits, bootstrap_means
from snellen.statistics.wilson_interval import wilson_limits
from snellen.study.analyses import Robustness

MODELS: dict[str, Any] = {
    "dense": {**PLAIN, "train": {"epochs": 6, "augment": [{"rotate": 15}, {"shift": 0.1}]}},
    "linear": {"layers": "linear"},
}
THRESHOLD = {"abstain": {"accuracy": 0.75}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two models, both evaluated on test, a threshold and a temperature."""
    path: Path = tmp_path_factory.mktemp("robustness") / "run"
    changes: dict[str, Any] = {"models": MODELS, "open_test": "all", "thresholds": [THRESHOLD]}
    run_small(path, **changes, calibrate="temperature", analyses=[{"robustness": {"unfamiliar": True}}])
    return path


def result_of(folder: Path) -> AnalysisResult:
    """The one stored result."""
    [result] = stored_results(RunRecord.open(folder)).values()
    return result


def right_of(folder: Path, model: str) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Computed here: (n,) clean right answers, those of each cell, and the mean confidence of each cell."""
    record = RunRecord.open(folder)
    job = record.job(model)
    trajectory, stored = job.read_job().trajectory, record.predictions(model, "test")
    assert stored is not None and stored.labels is not None
    dataset = scene_of(record, None).dataset
    images = to_uint8(np.asarray(dataset.images[stored.rows]), dataset.pixel_range)
    parameters, state = load_weights(job.weights, trajectory.network, "cpu")
    temperature = facts_of(folder).evaluation.confidence[model].temperature
    assert temperature is not None
    found, sure = [], []
    for name in (None, *CORRUPTIONS):
        for severity in SEVERITIES if name else (0,):
            changed = corrupted(images, content_keys(images), name, severity) if name else images
            raw = predict_probabilities(trajectory.network, parameters, state, resident(changed), (0.0, 255.0))
            found.append(raw.argmax(1) == stored.labels)
            sure.append(with_temperature(raw, temperature.value).max(1).mean())
    return found[0], found[1:], np.array(sure)


def test_numbers_agree_with_a_direct_computation(folder: Path) -> None:
    result = result_of(folder)
    drops = {}
    for model in result.facts["models"]:
        clean, cells, sure = right_of(folder, model["model"])
        own = result.tables["cells"].filter(pl.col("model") == model["model"])
        assert own["right"].to_list() == [int(one.sum()) for one in (clean, *cells)]
        assert own["accuracy"].to_list() == pytest.approx([one.mean() for one in (clean, *cells)])
        assert own.row(5, named=True)["low"] == pytest.approx(wilson_limits(int(cells[4].sum()), len(clean))[0])
        assert own["gap"].to_numpy() == pytest.approx(sure - own["accuracy"].to_numpy(), abs=1e-6)
        drops[model["model"]] = clean - np.mean(cells, 0)
        assert model["drop"]["value"] == pytest.approx(drops[model["model"]].mean())
        assert model["clean"]["n"] == len(clean) and model["role"] == "test"
        for place, one in enumerate(model["corruptions"]):
            assert one["drop"]["value"] == pytest.approx(
                float((clean - np.mean(cells[3 * place : 3 * place + 3], 0)).mean())
            )
            assert one["brittle"] == (one["beyond"]["low"] is not None and one["beyond"]["low"] > 0.02)
    [pair] = result.facts["pairs"]
    assert pair["difference"]["value"] == pytest.approx((drops[pair["a"]] - drops[pair["b"]]).mean())
    assert pair["difference"]["low"] < pair["difference"]["value"] < pair["difference"]["high"]


def test_without_a_corruption_thresholds_achieve_what_the_report_says(folder: Path) -> None:
    evaluated = facts_of(folder).evaluation.confidence
    table = result_of(folder).tables["thresholds"]
    for model in table["model"].unique():
        [threshold] = evaluated[model].thresholds
        own = table.filter((pl.col("model") == model) & pl.col("corruption").is_null()).row(0, named=True)
        assert threshold.achieved["test"].precision.value == pytest.approx(own["precision"], abs=0.02)
        assert threshold.achieved["test"].coverage.value == pytest.approx(own["coverage"], abs=0.02)
    assert len(table) == 37 * len(table["model"].unique())


def test_training_that_used_a_corruption_is_named(folder: Path) -> None:
    by_name = {model["model"]: model for model in result_of(folder).facts["models"]}
    used = {one["name"]: one["trained_with"] for one in by_name["dense"]["corruptions"] if one["trained_with"]}
    assert used == {"shift": ["shift"], "rotation": ["rotate"]}
    assert not any(one["trained_with"] for one in by_name["linear"]["corruptions"])
    assert "`dense` was trained with changes of the same kind as shift (`shift`) and rotation (`rotate`)" in " ".join(
        result_of(folder).sentences
    )


def test_findings_are_of_the_chosen_model(folder: Path) -> None:
    findings = {one.code: one for one in findings_of(folder)}
    result, chosen = findings["SNL019"], facts_of(folder).evaluation.chosen
    assert result.severity == "result" and f"`{chosen}` loses" in result.sentence
    assert result.values["model"] == chosen
    [own] = [model for model in result_of(folder).facts["models"] if model["model"] == chosen]
    assert ("SNL120" in findings) == any(one["brittle"] for one in own["corruptions"])
    if "SNL120" in findings:
        assert findings["SNL120"].severity == "notice"


def test_the_page_has_images_figures_and_every_cell(folder: Path) -> None:
    page = (folder / "pages" / "robustness.html").read_text("utf-8")
    for name in CORRUPTIONS:
        assert f'data-figure="{name.replace(" ", "-")}"' in page
        for severity in SEVERITIES:
            assert page.count(f'aria-label="{name}, severity {severity}"') == analysis.IMAGES
    assert page.count("without a corruption") >= analysis.IMAGES
    assert "image missing" not in page
    assert "Pillow" in page and "NumPy" in page


def test_a_report_needs_the_stored_result_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, before = folder / "pages" / "robustness.html", (folder / "report.json").read_text("utf-8")
    written = page.read_bytes()
    page.unlink()
    monkeypatch.setattr(analysis, "METHOD", replace(analysis.METHOD, make=never))
    report(folder)
    assert page.read_bytes() == written
    shown = [json.loads(text)["analyses"] for text in (before, (folder / "report.json").read_text("utf-8"))]
    assert shown[0] == shown[1]


def never(run: Any, options: Any) -> AnalysisResult:
    """In place of what must not be computed again."""
    raise AssertionError("made again")


def test_other_thresholds_are_tried_again_and_the_same_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"models": {"linear": {"layers": "linear"}}, "analyses": ["robustness"]}
    run_small(tmp_path / "run", **given)
    assert "thresholds" not in result_of(tmp_path / "run").tables
    run_small(tmp_path / "run", **given, thresholds=[{"class": "3", "probability": 0.3}])
    assert len(result_of(tmp_path / "run").tables["thresholds"]) == 37
    monkeypatch.setattr(analysis, "METHOD", replace(analysis.METHOD, make=never))
    run_small(tmp_path / "run", **given, thresholds=[{"class": "3", "probability": 0.3}])


def test_names_are_escaped_and_validation_stands_in_for_test(tmp_path: Path) -> None:
    """Class names with markup; the test was opened for the chosen model alone; test labels stay sealed."""
    images, labels = blobs(300)
    study = snellen.Study(
        "named",
        data=(images, np.array(["<b>a</b>", "b&c", "'d'"])[labels]),
        split={"test": 60, "validation": 60, "seed": 1, "calibration": 30},
        models={"one": PLAIN, "two": {"layers": "linear"}},
        train={"epochs": 2},
        thresholds=[{"class": "<b>a</b>", "probability": 0.4}],
        analyses=["robustness"],
    )
    study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    result, page = result_of(tmp_path / "run"), (tmp_path / "run/pages/robustness.html").read_text("utf-8")
    roles = {model["model"]: model["role"] for model in result.facts["models"]}
    assert sorted(roles.values()) == ["test", "validation"]
    assert result.facts["pairs"] == []
    assert "<b>a</b>" not in page and "&lt;b&gt;a&lt;/b&gt;" in page


def test_of_more_images_some_are_drawn_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = blobs(500)
    monkeypatch.setattr(analysis, "MOST_IMAGES", 100)
    rows = np.arange(500)
    chosen = images[analysis.chosen_rows(images, rows)]
    order = np.random.default_rng(0).permutation(500)
    again = images[order][analysis.chosen_rows(images[order], rows)]
    assert len(chosen) == 100 and {one.tobytes() for one in chosen} == {one.tobytes() for one in again}


def test_a_model_that_is_not_there_is_refused_and_check_prices_each_network(folder: Path) -> None:
    record = RunRecord.open(folder)
    with pytest.raises(UnknownName):
        analysis.make(scene_of(record, None), Robustness(models=("other",)))
    networks = networks_of(record)
    [planned] = planned_analyses(record.study, networks)
    alone = [analysis.seconds(network, 1_797) for network in networks.values()]
    assert estimated_seconds(planned, networks, 1_797) == pytest.approx(sum(alone))
    assert analysis.seconds(networks["dense"], 10_000) == analysis.seconds(networks["dense"], 60_000)


def test_the_bootstrap_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(0.1, 0.4, (4_000, 3))
    values[:, 2] = 0.5
    limits = bootstrap_limits(values)
    for column in (0, 1):
        low, high = limits[column] or (0.0, 0.0)
        half = 1.96 * values[:, column].std() / 4_000**0.5
        assert low == pytest.approx(values[:, column].mean() - half, abs=0.08 * half)
        assert high == pytest.approx(values[:, column].mean() + half, abs=0.08 * half)
    assert limits[2] is None
    assert np.array_equal(bootstrap_means(values), bootstrap_means(values))


def test_images_that_show_nothing_against_scikit_learn(folder: Path) -> None:
    from sklearn.metrics import roc_auc_score

    run = scene_of(RunRecord.open(folder), None)
    subject = next(one for one in subjects_of(run, None) if one.model == "dense")
    images = to_uint8(np.asarray(run.dataset.images[subject.predictions.rows]), run.dataset.pixel_range)
    kinds = unfamiliar_images(images, content_keys(images))
    assert all(drawn.shape == images.shape and drawn.dtype == np.uint8 for drawn in kinds.values())
    assert (kinds["blank"] == kinds["blank"][:, :1, :1]).all() and len(np.unique(kinds["blank"][:, 0, 0])) > 100
    assert np.array_equal(
        np.sort(kinds["scattered pixels"].reshape(len(images), -1)), np.sort(images.reshape(len(images), -1))
    )
    [stored] = [model for model in result_of(folder).facts["models"] if model["model"] == "dense"]
    found = {one["kind"]: one for one in stored["unfamiliar"]}
    assert list(found) == ["known", *KINDS]

    def top(shown: np.ndarray) -> np.ndarray:
        return np.asarray(with_temperature(subject.probabilities(shown, "cpu"), subject.temperature).max(1))

    for kind, drawn in kinds.items():
        scores = np.concatenate([top(images), top(drawn)])
        expected = roc_auc_score(np.repeat([1, 0], len(images)), scores)
        assert found[kind]["area"]["value"] == pytest.approx(expected, abs=1e-6)
        assert found[kind]["confidence"] == pytest.approx(top(drawn).mean(), abs=1e-6)
        assert found[kind]["sure"]["value"] == pytest.approx((top(drawn) >= 0.9).mean())
    assert found["noise"]["unlike"]["value"] > 0.9 > 0.1 > found["known"]["unlike"]["value"]
    bundle = snellen.load_bundle(next((folder / "models").glob("dense*")))
    given = bundle.unlike_training(kinds["noise"].astype(np.float32) * 16 / 255)
    assert given.mean() == pytest.approx(found["noise"]["unlike"]["value"], abs=0.02)
    assert "Unfamiliar images" in (folder / "pages" / "robustness.html").read_text("utf-8")


def test_images_of_another_data_set(tmp_path: Path) -> None:
    """In the size and colours of the models, as `predict` converts them; images of the study are left out."""
    from sklearn.metrics import roc_auc_score

    images, labels = blobs(1_200, classes=3)
    digits = read("digits")
    mixed = np.zeros((1_203, 8, 8, 3), np.uint8)
    mixed[:1_200, 1:7, 1:7, :2] = images[..., None]  # yellow
    mixed[1_200:] = to_uint8(np.asarray(digits.images[:3]), digits.pixel_range)
    other = tmp_path / "bars.npz"
    np.savez(other, images=mixed, labels=np.append(labels, [0, 1, 2]))
    analyses = [{"robustness": {"unfamiliar": {"data": str(other)}}}]
    folder = run_small(tmp_path / "run", models={"linear": {"layers": "linear"}}, analyses=analyses).folder
    facts = result_of(folder).facts
    about, [model] = facts["other_data"], facts["models"]
    assert (about["name"], about["images"], about["tried"] + about["known"]) == ("bars", 1_203, 1_000)
    assert about["same_names"] == ["0", "1", "2"] and any("became grey" in each for each in about["conversions"])
    found = {one["kind"]: one for one in model["unfamiliar"]}
    assert list(found) == ["known", *KINDS, "bars"] and found["bars"]["images"] == about["tried"]

    run = scene_of(RunRecord.open(folder), None)
    [subject] = subjects_of(run, None)
    chosen = np.sort(np.argsort(content_keys(read(other).images), kind="stable")[:1_000])
    assert about["known"] == (chosen >= 1_200).sum()
    known, bundle = run.dataset.images[subject.predictions.rows], snellen.load_bundle(folder / "models" / "linear")
    with warnings.catch_warnings(action="ignore"):  # of the conversion, and of unfamiliar images
        tops = [bundle.predict(each).max(1) for each in (known, mixed[chosen[chosen < 1_200]])]
    expected = roc_auc_score(np.repeat([1, 0], [len(each) for each in tops]), np.concatenate(tops))
    area = found["bars"]["area"]
    assert area["value"] == pytest.approx(expected, abs=2e-3) and area["low"] < area["value"] < area["high"]
    assert found["bars"]["area_unlike"] is not None
    page = (folder / "pages" / "robustness.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert f"{about['tried']:,} images of the data set bars, which has 1,203" in page
    assert about["fingerprint"][:16] in page
    assert f"AUC {area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})" in page


def test_another_data_set_is_refused_before_training(tmp_path: Path) -> None:
    for source, message in (("digits", "these are the images of the study"), (str(tmp_path / "none"), "none")):
        study = small_study(analyses=[{"robustness": {"unfamiliar": {"data": source}}}])
        with pytest.raises(SnellenError, match=message) as raised:
            study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
        assert "analyses: robustness: unfamiliar" in str(raised.value)
        assert not (tmp_path / "run" / "plan.json").exists()
        with pytest.raises(SnellenError, match=message):
            study.check()
    for wrong, message in (({"source": "digits"}, "unknown key `source`"), (3, "`unfamiliar` of `analyses` must be")):
        with pytest.raises(StudyError, match=message):
            small_study(analyses=[{"robustness": {"unfamiliar": wrong}}])


def test_the_bootstrap_draws_each_class_as_often_as_it_is() -> None:
    """Values that a class fixes do not vary; classes of few images are drawn together."""
    classes = np.repeat([0, 1, 2, 3], [200, 100, 5, 4])
    values = np.random.default_rng(0).permutation(classes)[:, None] * 1.0
    strata = values[:, 0].astype(int)
    means = bootstrap_means(values, strata)
    assert 1 < len(np.unique(means)) <= 10  # 5 and 4 images change places alone
    assert np.ptp(bootstrap_means(values)) > 5 * np.ptp(means)
    noisy = values + np.random.default_rng(1).normal(0, 0.5, values.shape)
    expected = sum(
        (part.size / len(noisy)) ** 2 * part.var() / part.size
        for part in (noisy[strata == 0], noisy[strata == 1], noisy[strata > 1])
    )
    assert bootstrap_means(noisy, strata).std() == pytest.approx(expected**0.5, rel=0.05)


def test_the_split_decides_whether_classes_are_drawn_apart(folder: Path, tmp_path: Path) -> None:
    facts = result_of(folder).facts
    assert facts["stratified"] == {"test": True}
    [model] = [one for one in facts["models"] if one["model"] == "dense"]
    clean, cells, _ = right_of(folder, "dense")
    drops = clean - np.mean(cells, 0)
    labels = RunRecord.open(folder).folder_of(model["job"]).labelled("test").labels
    [limits] = bootstrap_limits(drops[:, None], labels)
    assert (model["drop"]["low"], model["drop"]["high"]) == pytest.approx(limits)
    assert "as many of each class" in (folder / "pages" / "robustness.html").read_text("utf-8")
