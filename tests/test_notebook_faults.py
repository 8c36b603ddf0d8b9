"""Protects docs/notebook-faults.md: every fault of the five notebooks that it numbers is replayed here, and either
cannot be committed or is found."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest
from runs import blobs, edit_json, facts_of, findings_of, plant, run_small
from safetensors.numpy import load_file
from sklearn.decomposition import PCA
from sklearn.metrics import accuracy_score, confusion_matrix

import snellen
from snellen.api import Run
from snellen.data.duplicates import duplicate_groups
from snellen.data.load import read
from snellen.data.splits.roles import Split, assign, prove_disjoint
from snellen.errors import IdentityError, RunError, ShapeError, StudyError
from snellen.evaluate.calibration import NetworkPredictions
from snellen.evaluate.record import RunRecord
from snellen.evaluate.thresholds import Wanted, threshold_results
from snellen.explain.analyses import planned_analyses, stored
from snellen.findings.confidence import _sentence
from snellen.findings.finding import Finding
from snellen.models.predictions import Predictions, load_predictions, save_predictions
from snellen.statistics.corrected_resampled_t import disagreement, fold_mean
from snellen.statistics.still_improving import Curve, still_improving
from snellen.study.differences import differences
from snellen.study.document import parse
from snellen.train.job import StopRule
from snellen.train.kept_epoch import EarlyStopping
from snellen.train.overfitting import Losses

DOCUMENT = Path(__file__).parents[1] / "docs" / "notebook-faults.md"


def dense(units: int) -> dict[str, Any]:
    return {"dense": {"units": units, "activation": "relu"}}


NOTEBOOK: dict[str, Any] = {
    "models": {
        "one": {"layers": ["flatten", dense(1)]},
        "two": {"layers": ["flatten", dense(2)]},
        "wide": {"layers": ["flatten", dense(16)]},
        "components": {"features": [{"pca": 0.9}], "layers": [dense(8)]},
        "pixels": {
            "features": [{"top_pixels": {"count": 10, "by": "mutual_information"}}],
            "layers": [dense(9)],
            "train": {"epochs": 3},
        },
    },
    "train": {"epochs": 2, "optimizer": "rmsprop", "learning_rate": 0.01, "batch_size": 64},
    "analyses": [{"units": {"models": ["one", "two"]}}, {"maps": {"models": ["wide"], "methods": ["pixels", "pca"]}}],
    "open_test": "all",
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The five experiments of the first notebook, on digits."""
    return run_small(tmp_path_factory.mktemp("notebook") / "run", **NOTEBOOK)


def report_of(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    return content


def model_of(run: Run, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in report_of(run)["models"] if each["name"] == name)
    return found


def said(folder: Path, code: str) -> list[Finding]:
    return [finding for finding in findings_of(folder) if finding.code == code]


def test_the_document_numbers_what_is_replayed_here() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    tests = [name.removeprefix("test_fault_") for name in globals() if name.startswith("test_fault_")]
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert sorted(map(int, tests)) == [int(number) for number, _, _ in rows]
    for _, _, answer in rows:
        assert answer.startswith(("impossible", "found", "shown"))
        assert not answer.startswith("found") or "SNL" in answer
        for path in re.findall(r"`([\w/]+\.py)`", answer):
            assert (DOCUMENT.parents[1] / "src" / "snellen" / path).is_file()
        for code in re.findall(r"SNL\d{3}", answer):
            assert (DOCUMENT.parent / "findings" / f"{code}.md").is_file()


# 1 to 9: hidden units of MNIST


def activations(run: Run, name: str) -> np.ndarray:
    """(N, units) of the hidden layer on training images, by hand."""
    predictions = run.predictions(name, "train")
    assert predictions is not None
    arrays = run.record.job(name).weights
    weights = load_file(arrays)
    kernel, bias = (weights[next(each for each in weights if each.startswith("dense") and each.endswith(end))]
                    for end in ("kernel", "bias"))  # fmt: skip
    images = read("digits").images[predictions.rows].reshape(len(predictions), -1) / 16.0
    return np.asarray(np.maximum(images @ kernel + bias, 0))


@pytest.mark.parametrize("name", ["one", "two"])
def test_fault_01(notebook: Run, name: str) -> None:
    """The box plots of a model are of its own activations."""
    boxes = notebook.units(name).tables["boxes"].filter(pl.col("by") == "true")
    values, predictions = activations(notebook, name), notebook.predictions(name, "train")
    assert predictions is not None and predictions.labels is not None
    assert boxes["unit"].n_unique() == values.shape[1] == int(name == "two") + 1
    for row in boxes.iter_rows(named=True):
        own = values[predictions.labels == int(row["class"]), row["unit"]]
        assert row["median"] == pytest.approx(np.median(own), abs=1e-4) and row["images"] == len(own)


def test_fault_02(notebook: Run, tmp_path: Path) -> None:
    """The result of another model's analysis is not read as one's own, not even from its own folder."""
    folder = Path(shutil.copytree(notebook.folder, tmp_path / "run"))
    record = RunRecord.open(folder)
    networks = {name: record.job(name).read_job().trajectory.network for name in record.models}
    one, two = (each for each in planned_analyses(record.study, networks) if each.options.name == "units")
    places = [next((folder / "analyses" / record.models[each.model]).glob("units-*")) for each in (one, two)]
    shutil.rmtree(places[1])
    shutil.copytree(places[0], places[1])
    assert stored(record, one) is not None and stored(record, two) is None


def test_fault_03(notebook: Run) -> None:
    """Conclusions are about test images, and each matrix is of the images whose role it names."""
    assert {each.values["role"] for each in notebook.findings if each.code in ("SNL006", "SNL007")} == {"test"}
    for role, section in model_of(notebook, "wide")["roles"].items():
        predictions = notebook.predictions("wide", role)
        assert predictions is not None and predictions.labels is not None
        expected = confusion_matrix(predictions.labels, predictions.predicted, labels=range(10))
        assert section["confusion"] == expected.tolist() and section["n"] == len(predictions)


def test_fault_04(notebook: Run) -> None:
    """A chosen pixel stands in the row and column in which it is in the image."""
    weights = load_file(notebook.record.job("pixels").weights)
    chosen = weights[next(name for name in weights if name.endswith(".pixels"))].astype(int)
    found = model_of(notebook, "pixels")["pixels"]
    drawn = np.array(found["chosen"]).reshape(found["height"], found["width"])
    assert {(int(row), int(column)) for row, column in np.argwhere(drawn)} == {divmod(int(one), 8) for one in chosen}
    assert not np.array_equal(drawn, drawn.T)


def test_fault_05(notebook: Run) -> None:
    """Principal components are never drawn as pixels."""
    assert model_of(notebook, "components")["pixels"] is None
    assert model_of(notebook, "pixels")["pixels"]["step"] == "10 by mutual information"
    assert model_of(notebook, "components")["layers"][0]["name"].startswith("pca")


def test_fault_06(notebook: Run) -> None:
    """Models that differ in input, width and epochs are no pair: their difference is credited to nothing."""
    record = notebook.record
    assert len(differences(record.model("wide"), record.model("pixels"))) > 1
    pairs = [set(each.values["models"]) for each in notebook.findings if each.code in ("SNL014", "SNL113")]
    assert pairs and {"wide", "pixels"} not in pairs and {"components", "pixels"} not in pairs
    assert not said(notebook.folder, "SNL014"), "one seed credits nothing at all"


@pytest.mark.parametrize("name", ["one", "two"])
def test_fault_07(notebook: Run, name: str) -> None:
    """Each unit has the pattern that drives it most: more than any image does."""
    arrays, units = notebook.units(name).arrays, notebook.units(name).tables["units"]
    assert arrays["maximal"].shape == (units.height, 8, 8, 1)
    assert np.ptp(arrays["maximal"].reshape(units.height, -1), axis=1).min() > 0


def test_fault_08(notebook: Run) -> None:
    """Optimizer and number of images in words are those of the job."""
    card = (notebook.folder / "models" / "wide" / "card.md").read_text(encoding="utf-8")
    predictions = notebook.predictions("wide", "train")
    assert predictions is not None
    assert "rmsprop, learning rate 0.01" in card and "sgd" not in card.lower()
    assert f"trained on {len(predictions):,} images" in card


def test_fault_09(notebook: Run) -> None:
    """The explained variances in the sentence are those of the data."""
    found = notebook.analysis("maps", "wide", methods=["pixels", "pca"])
    rows = notebook.predictions("wide", "train")
    assert rows is not None
    pixels = read("digits").images[rows.rows].reshape(len(rows), -1) / 16.0
    expected = PCA(3).fit(pixels).explained_variance_ratio_
    told = next(each for each in found.facts["maps"] if each["name"] == "pca_pixels")["explained"]
    assert told == pytest.approx(expected, abs=1e-3)
    assert " + ".join(f"{100 * each:.1f} %" for each in told) in " ".join(found.sentences)


# 10 to 24: grid search and thresholds


def test_fault_10(run_copy: Path) -> None:
    """Weights that give another loss than was logged are an error, and nothing may be claimed."""
    result = RunRecord(run_copy).job("linear").path / "result.json"
    edit_json(result, lambda values: {**values, "logged_loss": 0.5293, "reloaded_loss": 0.8623})
    [found] = said(run_copy, "SNL901")
    assert found.severity == "error" and "loss 0.5293 when logged, 0.8623 from the file" in found.sentence


def of_sandals() -> NetworkPredictions:
    """100 images, 40 of them sandals; 50 are called sandals with a probability of 0.95, of which 30 are."""
    labels = np.array([1] * 40 + [0] * 60)
    called = np.r_[np.ones(30), np.zeros(10), np.ones(20), np.zeros(40)] == 1
    share = np.where(called, 0.95, 0.05).astype(np.float32)
    rows = np.arange(100)
    found = Predictions("test", rows, rows.astype(str), labels, np.stack([1 - share, share], 1))
    return NetworkPredictions("job", None, {"test": found})


def test_fault_11() -> None:
    """All 50 accepted images count, not only the 30 true ones; without any there is no precision."""
    wanted = [Wanted("sandal", "probability", 0.9), Wanted("sandal", "probability", 0.99)]
    at, above = threshold_results(wanted, of_sandals(), ("other", "sandal"), None)
    assert at.achieved["test"].precision.value == 30 / 50 and above.achieved["test"].precision.value is None


def test_fault_12(small_run: Run, tmp_path: Path) -> None:
    """Predictions of one role are refused as those of another."""
    record = small_run.record
    predictions, job = record.predictions("linear", "validation"), record.job("linear").path.name
    assert predictions is not None
    save_predictions(tmp_path / "test.safetensors", predictions, job)
    with pytest.raises(IdentityError, match="another role"):
        load_predictions(tmp_path / "test.safetensors", job, "test")


def test_fault_13(small_run: Run) -> None:
    """Each image has a probability of its own, that of the network."""
    predictions = small_run.predictions("dense", "validation")
    assert predictions is not None
    images = read("digits").images[predictions.rows]
    told = small_run.model("dense").predict(images).max(1)
    np.testing.assert_array_equal(told, predictions.probabilities.max(1))
    assert len(np.unique(told)) > 100


def test_fault_14(seeds_copy: Path) -> None:
    """Scores that differ by an image or two of the validation images are a tie."""
    for model, share in (("plain", 0.8506), ("dropped", 0.8502), ("linear", 0.8500)):
        for job in RunRecord(seeds_copy).planned[model].seeds.values():
            stored_ones = RunRecord(seeds_copy).folder_of(job).read_predictions("validation")
            assert stored_ones is not None
            generator = np.random.default_rng(len(job) + int(1e4 * share))
            plant(seeds_copy, job, "validation", generator.permutation(len(stored_ones)) < share * len(stored_ones))
    told = said(seeds_copy, "SNL009")
    assert told and "is undecided" in told[0].sentence and not said(seeds_copy, "SNL010")


def test_fault_15(search_run: Run) -> None:
    """The values that are named are those of the trial with the best stored score, and the score is its."""
    outcome = json.loads((search_run.folder / "search" / "dense.json").read_text(encoding="utf-8"))["outcome"]
    winner = next(each for each in outcome["trials"] if each["number"] == outcome["winner"])
    units = search_run.record.job("dense").read_job().trajectory.layers[1]
    assert getattr(units, "units", None) == winner["assignment"]["layers.1.dense.units"]
    assert winner["jobs"][0] == search_run.record.models["dense"]
    scores = {}
    for trial in outcome["trials"]:
        predictions = search_run.record.folder_of(trial["jobs"][0]).read_predictions("validation")
        assert predictions is not None
        scores[trial["number"]] = accuracy_score(predictions.labels, predictions.predicted)
    assert scores[outcome["winner"]] == max(scores.values())
    [told] = [
        each
        for each in said(search_run.folder, "SNL013")
        if each.values["model"] == "dense" and "trials" in each.values
    ]
    assert f"validation accuracy of {100 * max(scores.values()):.1f} %" in told.sentence


def test_fault_16(small_run: Run) -> None:
    """The layers of a dense network are listed as they are; nothing calls it convolutional."""
    kinds = [each["name"] for each in model_of(small_run, "dense")["layers"]]
    assert any(name.startswith("dense") for name in kinds) and not any("conv" in name for name in kinds)
    assert "conv" not in (small_run.folder / "models" / "dense" / "card.md").read_text(encoding="utf-8").lower()


def test_fault_17(notebook: Run) -> None:
    """The score that stands by a name is that of this model's own predictions."""
    for row in report_of(notebook)["leaderboard"]:
        predictions = notebook.predictions(row["model"], "test")
        assert predictions is not None and predictions.labels is not None
        expected = accuracy_score(predictions.labels, predictions.predicted)
        assert row["scores"]["test"]["accuracy"]["value"] == pytest.approx(expected)


def test_fault_18(small_run: Run) -> None:
    """What is called test accuracy is of test images, of which none is a validation image."""
    model = str(small_run.chosen)
    test, validation = (small_run.predictions(model, role) for role in ("test", "validation"))
    assert test is not None and validation is not None and not set(test.rows) & set(validation.rows)
    [found] = said(small_run.folder, "SNL002")
    assert found.values["value"] == accuracy_score(test.labels, test.predicted) and found.values["n"] == len(test)


def test_fault_19(search_run: Run) -> None:
    """Curve and scores are those of the best cell, not of the last one that was trained."""
    outcome = json.loads((search_run.folder / "search" / "dense.json").read_text(encoding="utf-8"))["outcome"]
    winner, last = (next(each for each in outcome["trials"] if each["number"] == number)
                    for number in (outcome["winner"], max(one["number"] for one in outcome["trials"])))  # fmt: skip
    history = search_run.record.folder_of(winner["jobs"][0]).read_history()
    assert search_run.history("dense")["validation_loss"].to_list() == [each["validation_loss"] for each in history]
    predictions = search_run.record.folder_of(winner["jobs"][0]).read_predictions("validation")
    assert predictions is not None
    told = model_of(search_run, "dense")["roles"]["validation"]["scores"]["accuracy"]["value"]
    assert told == pytest.approx(accuracy_score(predictions.labels, predictions.predicted))
    assert winner["jobs"] == last["jobs"] or history != search_run.record.folder_of(last["jobs"][0]).read_history()


def test_fault_20(small_run: Run) -> None:
    """The file of each model answers as that model, and as no other."""
    images = read("digits").images[:50]
    answers = {name: small_run.model(name).predict(images) for name in ("linear", "dense", "conv")}
    for name, told in answers.items():
        predictions = small_run.predictions(name, "train")
        assert predictions is not None
        rows = [row for row in predictions.rows if row < 50]
        np.testing.assert_array_equal(told[rows], predictions.probabilities[np.isin(predictions.rows, rows)])
    assert not np.array_equal(answers["linear"], answers["dense"])


def test_fault_21(small_run: Run) -> None:
    """The threshold in the sentence is the one that was applied."""
    [one] = threshold_results([Wanted("sandal", "probability", 0.9)], of_sandals(), ("other", "sandal"), None)
    sentence = _sentence("m", one, 0)
    assert "from a probability of 0.9 on" in sentence and "0.7" not in sentence and "precision 60.0 %" in sentence


@pytest.mark.parametrize("layers", ["[flatten, softmax, dense]", "[{dense: {units: 10, activation: softmax}}]"])
def test_fault_22(layers: str) -> None:
    """A softmax inside a network is a mistake in the study."""
    with pytest.raises(StudyError, match="softmax"):
        parse(f"study: s\ndata: digits\nmodels: {{m: {{layers: {layers}}}}}\n", "s").study()


def test_fault_23() -> None:
    """Two models of one name are an error that names the line."""
    text = "study: s\ndata: digits\nmodels:\n  model-1: {layers: linear}\n  model-1: {layers: mlp-128}\n"
    with pytest.raises(StudyError, match=r"s line 5.*duplicate key"):
        parse(text, "s")


def test_fault_24(tmp_path: Path) -> None:
    """The same images from 0 to 1 and from 0 to 255 give the same network: both are scaled."""
    images, labels = blobs(240)
    runs = []
    for name, scale in (("unit", 1), ("bytes", 255)):
        data = snellen.from_arrays(
            (np.clip(images, 0, 1) * scale).astype(np.float32), labels, pixel_range=(0.0, float(scale))
        )
        study = snellen.Study(
            name,
            data=data,
            models={"m": {"layers": "linear"}},
            split={"test": 60, "validation": 60},
            train={"epochs": 2},
        )
        runs.append(study.run(out=tmp_path / name, device="cpu", threads=1, progress=False).history("m")["loss"])
    assert runs[0].to_list() == pytest.approx(runs[1].to_list(), abs=1e-4)


# 25 to 28: augmentation on CIFAR-10


def test_fault_25(small_run: Run) -> None:
    """An image with two roles is refused, the training set has no test labels, and stored files are compared."""
    dataset = read("digits")
    roles = assign(dataset, Split(test=0.2, validation=0.2))
    both = {**roles.rows, "validation": np.union1d(roles.rows["validation"], roles.rows["test"])}
    with pytest.raises(RunError, match="exactly one role"):
        prove_disjoint(dataset, replace(roles, rows=both), duplicate_groups(dataset.images))
    assert (dataset.without_labels(roles.rows["test"]).labels[roles.rows["test"]] < 0).all()
    assert not said(small_run.folder, "SNL903")


def test_fault_26() -> None:
    """Twenty epochs with augmentation against ten without differ in two keys: no pair, so nothing is credited."""
    phases = "[{epochs: 10}, {epochs: 10, augment: [flip, {shift: 0.1}]}]"
    models = f"{{before: {{layers: linear, train: {{epochs: 10}}}}, after: {{layers: linear, train: {phases}}}}}"
    study = parse(f"study: s\ndata: cifar10\nmodels: {models}\n", "s").study()
    found = differences(study.models["before"], study.models["after"])
    assert len(found) != 1 or not found[0].keeps_steps


def kept_by(losses: list[float]) -> int:
    rule, state = StopRule(epochs=len(losses), patience=None, measure="loss", validation_rows=""), EarlyStopping()
    for loss in losses:
        state = state.after(rule, loss, 1 - loss / 4)
    return state.best_epoch


def test_fault_27() -> None:
    """The peak at epoch 7 of 10 is kept."""
    assert kept_by([0.9, 0.8, 0.7, 0.65, 0.62, 0.61, 0.52, 0.6, 0.58, 0.59]) == 7


def test_fault_28() -> None:
    """Of a validation curve that goes up and down nothing is said; of one that falls to its end it is."""
    right = np.linspace(600, 800, 10).astype(int)
    wave = Curve(np.array([0.9, 0.8, 0.6, 0.7, 0.6, 0.7, 0.6, 0.7, 0.65, 0.59]), right, 1000, 100, 10)
    falling = Curve(np.linspace(0.9, 0.4, 10), right, 1000, 100, 10)
    assert still_improving([wave]) is None and still_improving([falling]) is not None


# 29 to 34: street-view digits


def test_fault_29() -> None:
    """Of data that are ordered by class every class has its share in validation."""
    images, labels = blobs(300)
    order = np.argsort(labels, kind="stable")
    dataset = snellen.from_arrays(images[order], labels[order])
    rows = assign(dataset, Split(test=0, validation=0.2)).rows["validation"]
    assert np.ptp(np.bincount(dataset.labels[rows], minlength=3)) <= 1 and rows[0] < 240


def test_fault_30(seeds_copy: Path) -> None:
    """A network that was better before its last epoch keeps the earlier weights, and the report says by how much."""
    record = RunRecord(seeds_copy)
    job = record.job("plain")
    wobble = np.linspace(-0.05, 0.05, 200, dtype=np.float32)
    kept = dict.fromkeys(("train", "validation"), np.full(200, 0.5, np.float32))
    Losses(kept, {"train": 0.4 + wobble, "validation": 0.6 + wobble}).save(job.losses, job.path.name)
    assert "The weights of the earlier epoch were kept" in said(seeds_copy, "SNL115")[0].sentence
    assert kept_by([0.7, 0.4, 0.5, 0.6]) == 2


def test_fault_31(small_run: Run) -> None:
    """One training each is said to be too few, and the difference of two networks has an interval."""
    assert "was trained once, which is too few to compare recipes" in said(small_run.folder, "SNL005")[0].sentence
    pairs = small_run.evaluation.comparisons.all
    assert all(one.difference.low is not None for one in pairs if one.difference.value)


def test_fault_32(small_run: Run) -> None:
    """The class that is named for its recall has the lowest of the table."""
    [found] = said(small_run.folder, "SNL007") or said(small_run.folder, "SNL121")
    model, role = str(small_run.chosen), found.values["role"]
    rows = model_of(small_run, model)["roles"][role]["per_class"]
    recalls = {row["class"]: row["recall"]["value"] for row in rows}
    assert recalls[found.values["class"]] == min(recalls.values()) == found.values["value"]


def test_fault_33(small_run: Run) -> None:
    """No sentence ranks classes by precision."""
    sentences = " ".join(one.sentence for one in small_run.findings)
    assert "precision" not in sentences
    assert "precision" in model_of(small_run, str(small_run.chosen))["roles"]["validation"]["per_class"][0]


def test_fault_34(tmp_path: Path) -> None:
    """A validation array that repeats training and test images is not used, and it is said."""
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 255, (count, 8, 8), dtype=np.uint8) for count in (40, 20))
    labels = np.arange(40) % 4, np.arange(20) % 4
    with h5py.File(tmp_path / "digits.h5", "w") as file:
        arrays = {"X_train": train, "y_train": labels[0], "X_test": test, "y_test": labels[1]}
        arrays |= {"X_val": np.concatenate([train, test]), "y_val": np.concatenate(labels)}
        for name, values in arrays.items():
            file[name] = values
    dataset = read(str(tmp_path / "digits.h5"))
    assert dataset.official_validation is None and len(dataset) == 60
    assert any("X_val" in remark and "not used" in remark for remark in dataset.remarks)


# 35 to 38: search, folds and transfer


def test_fault_35(folds_copy: Path) -> None:
    """Every network of a fold starts from initial weights; 0.94 over folds against 0.898 on many images is found."""
    record = RunRecord(folds_copy)
    starts = [record.folder_of(fold.job).read_job().trajectory.start for fold in record.planned["plain"].folds]
    assert starts and not any(starts)
    folds = fold_mean(np.array([0.938, 0.94, 0.941, 0.939, 0.942]), 43_168, 10_792)
    assert disagreement(folds, 0.8983, 5_996, 1e-6).disagrees
    for fold in record.planned["plain"].folds:
        plant(folds_copy, fold.job, "held_out", np.arange(fold.num_held_out) < 0.94 * fold.num_held_out)
    opened = record.folder_of(record.planned["plain"].tested[0]).read_predictions("test")
    assert opened is not None
    plant(folds_copy, record.planned["plain"].tested[0], "test", np.arange(len(opened)) < 0.7 * len(opened))
    assert "Cross-validation and test disagree" in said(folds_copy, "SNL114")[0].sentence


def test_fault_36(search_copy: Path) -> None:
    """A halving search that continued no trial is named."""
    edit_json(
        search_copy / "search" / "dense.json",
        lambda stored_one: {**stored_one, "outcome": {**stored_one["outcome"], "method": "hyperband"}},
    )
    [found] = said(search_copy, "SNL112")
    assert found.severity == "warning" and "never halved" in found.sentence


def test_fault_37() -> None:
    """A network that is too deep for 8 pixels is refused with its layer; the images are not made to fit."""
    deep = ["conv", "max_pool"] * 5
    layers = [{"conv": {"filters": 4, "kernel": 3}} if each == "conv" else {"max_pool": 2} for each in deep]
    study = snellen.Study("s", data="digits", models={"deep": {"layers": [*layers, "flatten"]}})
    with pytest.raises(ShapeError, match="deep"):
        study.check(device="cpu", threads=1)


def test_fault_38(notebook: Run) -> None:
    """Every model stands with its parameters and seconds, before training and after."""
    for row in report_of(notebook)["leaderboard"]:
        assert row["parameters"] > 0 and row["seconds"] > 0
    planned: Callable[..., pl.DataFrame] = snellen.Study("s", data="digits", **{"models": NOTEBOOK["models"]}).check
    checked = planned(device="cpu", threads=1)
    assert (checked["parameters"] > 0).all() and (checked["seconds"] > 0).all()


def test_facts_of_the_notebook_are_read_once(notebook: Run) -> None:
    """The replays share one run; nothing in it was changed by them."""
    assert not facts_of(notebook.folder).stored.changes
