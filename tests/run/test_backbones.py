"""A pretrained network in a study: found, kept, trained on, told of, and in the bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import backbone_cases
import numpy as np
import pytest
import torch
from needs import needs
from runs import run_small, small_study
from safetensors.numpy import load_file

import snellen
from snellen.data.load import read
from snellen.deploy.load_bundle import load_bundle
from snellen.errors import ShapeError, StudyError, WeightsNotFound
from snellen.evaluate.record import RunRecord
from snellen.models.forward import layer_outputs, predict_probabilities
from snellen.report.card import model_card
from snellen.run.verify import verify
from snellen.study.data_settings import options_of
from snellen.train import frozen_features

pytestmark = needs("timm")

HEAD: list[Any] = ["global_average_pool", {"dense": {"units": 8, "activation": "relu"}}]
PADDED = {"source": "digits", "pad": 32}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights of a small network."""
    path = tmp_path_factory.mktemp("weights") / f"{backbone_cases.SMALL}.safetensors"
    return backbone_cases.write(path, backbone_cases.state(), license="apache-2.0")


def model(weights: Path | str, train: Any = None, **settings: Any) -> dict[str, Any]:
    """A model with the small backbone and a head."""
    layers = [
        {"backbone": {"name": backbone_cases.SMALL, "weights": str(weights), "read": "block2", **settings}},
        *HEAD,
    ]
    return {"layers": layers, "train": train or {"epochs": 2, "learning_rate": 1e-2}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """A run with a frozen, a trained and a missing backbone, and a network without."""
    folder = tmp_path_factory.mktemp("run") / "out"
    phases = [{"epochs": 1}, {"epochs": 1, "unfreeze": "block2"}, {"epochs": 1, "unfreeze": "all"}]
    models = {
        "frozen": model(weights),
        "gradual": model(weights, phases, learning_rate_factor=0.5, learning_rate_decay=0.5),
        "absent": model("imagenet", name="xception", resize=72, if_missing="skip"),
        "plain": {"layers": "linear"},
    }
    run_small(folder, data=PADDED, models=models, open_test="all", analyses=["units", "answers"])
    return folder


def first_job(run: Path, name: str) -> Path:
    """The folder of the job of a model's first phase."""
    return run / "jobs" / RunRecord.open(run).planned[name].phases[0]


def test_only_the_head_of_a_frozen_backbone_is_stored_with_the_job(finished: Path) -> None:
    stored = load_file(RunRecord.open(finished).job("frozen").weights)
    assert sorted({name.partition(".")[0] for name in stored}) == ["dense_1", "dense_2"]


def test_frozen_tensors_are_the_same_before_and_after(finished: Path, weights: Path) -> None:
    before = load_file(weights)
    for name, phases in (("frozen", 1), ("gradual", 3)):
        bundle = load_file(finished / "models" / name / "model.safetensors")
        own = {key.removeprefix("backbone_1."): each for key, each in bundle.items() if key.startswith("backbone_1.")}
        equal = {key: np.array_equal(each, before[key]) for key, each in own.items()}
        moving = {key for key in equal if "running" in key}
        assert all(equal[key] for key in moving)
        assert all(equal.values()) == (phases == 1)


def test_the_middle_phase_changes_only_what_it_may(finished: Path, weights: Path) -> None:
    before, record = load_file(weights), RunRecord.open(finished)
    stored = load_file(record.folder_of(record.planned["gradual"].phases[1]).weights)
    changed = {
        name.removeprefix("backbone_1.")
        for name, each in stored.items()
        if name.startswith("backbone_1.") and not np.array_equal(each, before[name.removeprefix("backbone_1.")])
    }
    assert changed
    assert all(name.startswith("layer1") for name in changed), sorted(changed)


@pytest.mark.parametrize("name", ["frozen", "gradual", "plain"])
def test_the_bundle_gives_the_stored_bits(finished: Path, name: str) -> None:
    record, bundle = RunRecord.open(finished), load_bundle(finished / "models" / name)
    predictions, images = record.predictions(name, "test"), read("digits", options_of(record.study)).images
    assert predictions is not None
    rows = torch.from_numpy(np.asarray(images[predictions.rows]))
    values = bundle.description.input.pixel_range
    again = predict_probabilities(bundle.network, bundle.parameters, bundle.state, rows, values)
    assert np.array_equal(again, predictions.probabilities)


def test_the_run_proves_itself(finished: Path) -> None:
    record = RunRecord.open(finished)
    for name in ("frozen", "gradual"):
        checks = verify(finished, job=record.models[name])
        assert {each.name: each.outcome for each in checks if each.outcome != "equal"} == {}


def test_report_card_and_findings_say_whose_weights_these_are(finished: Path) -> None:
    content = json.loads((finished / "report.json").read_text(encoding="utf-8"))
    found = {each["model"]: each for each in content["backbones"]["models"]}
    assert set(found) == {"frozen", "gradual"}
    assert found["frozen"]["licence"] == "apache-2.0"
    assert found["frozen"]["train"] == "none"
    assert set(content["backbones"]["skipped"]) == {"absent"}
    assert "apache-2.0" in model_card(content, "frozen")
    assert "apache-2.0" not in model_card(content, "plain")
    codes = {each["code"]: each for each in content["findings"]}
    assert codes["SNL160"]["values"]["models"] == ["absent"]
    assert codes["SNL161"]["values"]["side"] == 32
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert "Pretrained networks" in page
    assert "<b>absent</b> was left out" in page


def test_a_second_run_trains_nothing_and_extracts_nothing(
    finished: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("computed again")

    before = {path: path.stat().st_mtime_ns for path in finished.glob("jobs/*/weights.safetensors")}
    monkeypatch.setattr(frozen_features, "layer_outputs", never)
    snellen.Study.load(finished / "study.yaml").run(out=finished, device="cpu", threads=1, progress=False)
    assert before == {path: path.stat().st_mtime_ns for path in finished.glob("jobs/*/weights.safetensors")}


def test_extraction_goes_on_where_it_was_interrupted(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(frozen_features, "PART_IMAGES", 400)
    whole, calls = layer_outputs, list[int]()

    def interrupted(*arguments: Any) -> np.ndarray:
        calls.append(len(arguments[3]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(frozen_features, "layer_outputs", interrupted)
    study = {"data": PADDED, "models": {"frozen": model(weights)}}
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path / "out", **study)
    run_small(tmp_path / "out", **study)
    assert calls == [400, 400, 400, 400, 400, 197]


def test_lanes_of_one_backbone_share_what_it_gives(tmp_path: Path, weights: Path) -> None:
    searched = model(weights, {"epochs": 2, "learning_rate": {"choice": [1e-3, 1e-2]}})
    run = run_small(tmp_path, data=PADDED, models={"frozen": searched}, folds=2, seeds=2)
    record = RunRecord.open(run.folder)
    packs = [json.loads(path.read_text(encoding="utf-8")) for path in run.folder.glob("packs/*/pack.json")]
    assert max(len(pack["lanes"]) for pack in packs) >= 2
    assert len(list((run.folder / "backbones").iterdir())) == 1
    assert record.results["frozen"].status == "done"


def test_the_place_to_read_is_searched(tmp_path: Path, weights: Path) -> None:
    run = run_small(tmp_path, data=PADDED, models={"frozen": model(weights, read={"choice": ["block1", "block3"]})})
    searched = RunRecord.open(run.folder).search_of("frozen")
    assert searched is not None and searched.outcome is not None
    assert len(searched.outcome.trials) == 2


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"weights": "nowhere.safetensors"}, WeightsNotFound, "nowhere.safetensors"),
        ({"name": "xception", "weights": "imagenet", "resize": 72}, WeightsNotFound, "xception"),
        ({"name": "xception", "weights": "none"}, ShapeError, "resize: 72"),
    ],
)
def test_what_is_missing_is_said_before_training(
    tmp_path: Path, weights: Path, settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    backbone = {"name": backbone_cases.SMALL, "weights": str(weights), **settings}
    models = {"one": {"layers": [{"backbone": backbone}, "flatten"]}}
    with pytest.raises(error, match=says):
        run_small(tmp_path, data=PADDED, models=models)
    assert not (tmp_path / "plan.json").exists()


def test_images_of_a_frozen_backbone_are_not_augmented(weights: Path, tmp_path: Path) -> None:
    models = {"one": model(weights, {"epochs": 1, "augment": [{"shift": 0.1}]})}
    with pytest.raises(StudyError, match="cannot be augmented"):
        run_small(tmp_path, data=PADDED, models=models)


def test_without_timm_a_model_is_skipped_or_the_command_is_said(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snellen.study.backbones.has_timm", lambda: False)
    plain = {"layers": "linear"}
    run_small(tmp_path, data=PADDED, models={"one": model(weights, if_missing="skip"), "plain": plain})
    stored = RunRecord.open(tmp_path).backbones
    assert stored is not None and "snellen[transfer]" in stored["skipped"]["one"]


def test_unfreeze_needs_a_backbone(tmp_path: Path) -> None:
    models = {"one": {"layers": "linear", "train": {"epochs": 1, "unfreeze": "all"}}}
    with pytest.raises(StudyError, match="first layer is a `backbone`"):
        run_small(tmp_path, models=models)


def test_check_knows_what_it_costs(weights: Path) -> None:
    table = small_study(data=PADDED, models={"frozen": model(weights), "plain": {"layers": "linear"}}).check()
    assert set(table["model"]) == {"frozen", "plain"}


@pytest.mark.parametrize(
    ("settings", "severity"),
    [
        ({"resize": 96}, None),
        ({"resize": 64}, "notice"),
        ({"resize": 96, "preprocessing": {"mean": [0.1, 0.1, 0.1], "deviation": [1.0, 1.0, 1.0]}}, "warning"),
    ],
)
def test_images_unlike_those_of_the_weights_are_a_finding(
    tmp_path: Path, weights: Path, settings: dict[str, Any], severity: str | None
) -> None:
    models = {"frozen": model(weights, {"epochs": 1}, read="block1", **settings)}
    run = run_small(tmp_path, data={**PADDED, "classes": ["0", "1"]}, split={"test": 60}, models=models)
    found = [each.severity for each in run.findings if each.code == "SNL161"]
    assert found == ([severity] if severity else [])


def test_what_a_frozen_backbone_costs_is_that_of_the_whole_network(finished: Path) -> None:
    """Its predictions and its file; its features count as training, of which the head alone takes less."""
    rows = {one["model"]: one for one in json.loads((finished / "report.json").read_text("utf-8"))["cost"]["models"]}
    assert {"frozen", "gradual", "plain"} <= rows.keys()
    frozen, record = rows["frozen"], RunRecord.open(finished)
    bundle = finished / "models" / "frozen"
    arrays = [bundle / "model.safetensors", bundle / "familiarity.safetensors"]
    assert frozen["file_bytes"] == sum(path.stat().st_size for path in arrays if path.exists())
    assert frozen["trained_parameters"] < frozen["parameters"] == rows["gradual"]["parameters"]
    assert frozen["batch_ms"]["median"] > rows["plain"]["batch_ms"]["median"]
    counts = record.data["roles"]["counts"]
    expected = (counts["train"] + counts["validation"]) * frozen["batch_ms"]["median"] / 1000
    assert frozen["features_s"] == pytest.approx(expected) and rows["gradual"]["features_s"] == 0
    assert frozen["training_s"]["median"] > frozen["features_s"]


def test_features_of_another_device_are_not_used(finished: Path) -> None:
    """No GPU computed any: all parts are missing for one, and none for the CPU."""
    record = RunRecord.open(finished)
    trajectory, dataset = record.job("frozen").read_job().trajectory, read("digits", options_of(record.study))
    rows = np.arange(len(dataset))
    assert frozen_features.missing_parts(trajectory, dataset, rows, "cpu") == []
    assert sum(map(len, frozen_features.missing_parts(trajectory, dataset, rows, "cuda:0"))) == len(dataset)
