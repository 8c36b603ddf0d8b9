"""Protects what a frozen backbone costs and gives: extracted once, shown, priced, refused in time; baselines on it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import backbone_cases
import numpy as np
import pytest
import torch
from needs import needs
from runs import SECTIONS, run_small, small_study
from safetensors.numpy import load_file

from snellen import run as running
from snellen.console import PlainConsole
from snellen.data.load import read
from snellen.errors import StudyError
from snellen.evaluate.evaluation import load
from snellen.evaluate.record import RunRecord
from snellen.files.cache import cache_folder
from snellen.models import feature_baselines
from snellen.models.feature_baselines import Features
from snellen.models.forward import layer_outputs
from snellen.models.pretrained import FOLDER
from snellen.progress import Terminal
from snellen.run.check import check_study
from snellen.run.verify import verify
from snellen.study.data_settings import options_of
from snellen.tables import plan_sentences, print_check, print_leaderboard, with_trained
from snellen.train import frozen_features
from snellen.train.batches import ResidentData
from snellen.train.executors import worker_pool
from snellen.train.strategy import packs

pytestmark = needs("timm")

PADDED = {"source": "digits", "pad": 32}
POOLED, FLAT = ["global_average_pool"], ["flatten"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights of a small network."""
    path = tmp_path_factory.mktemp("weights") / f"{backbone_cases.SMALL}.safetensors"
    return backbone_cases.write(path, backbone_cases.state(), license="apache-2.0")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without features."""
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def model(weights: Path, head: list[Any], epochs: int = 1, **settings: Any) -> dict[str, Any]:
    """The small backbone with a head."""
    backbone = {"name": backbone_cases.SMALL, "weights": str(weights), "read": "block2", **settings}
    return {"layers": [{"backbone": backbone}, *head], "train": {"epochs": epochs}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """A run with two models on the same features, one on pooled ones, one that is trained, and one without."""
    folder = tmp_path_factory.mktemp("run") / "out"
    models = {
        "flat": model(weights, FLAT),
        "longer": model(weights, FLAT, epochs=2),
        "pooled": model(weights, POOLED),
        "tuned": model(weights, POOLED, train="all"),
        "plain": {"layers": "linear"},
    }
    run_small(folder, data=PADDED, models=models, open_test="all")
    return folder


KINDS = ("k nearest neighbours", "logistic regression")
EXPECTED = [f"{kind} on {model}'s features" for model in ("flat", "pooled") for kind in KINDS]


def test_baselines_are_fitted_to_each_different_features_once(finished: Path) -> None:
    record = RunRecord.open(finished)
    assert [name for name in record.baselines if " on " in name] == EXPECTED
    for name in EXPECTED:
        result, folder = record.baseline_results[name], record.baselines[name].job
        assert result.status == "done"
        assert result.validation_accuracy is not None and result.validation_accuracy > 0.5
        assert {"validation", "calibration", "test"} == {path.stem for path in folder.path.glob("predictions/*")}
    rows = json.loads((finished / "report.json").read_text(encoding="utf-8"))["floors"]
    assert {row["floor"] for row in rows if row["on_features"]} == set(EXPECTED) and len(rows) == 7
    assert "Those on a model's features are not simple" in (finished / "report.html").read_text(encoding="utf-8")
    assert all(row["scores"].keys() == {"validation", "test"} for row in rows)


def test_their_names_are_whole_on_a_terminal_of_80_characters(finished: Path) -> None:
    stream, record = io.StringIO(), RunRecord.open(finished)
    print_leaderboard(PlainConsole(file=stream, width=80), record, load(record))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for model in ("flat", "pooled"):
        at = [number for number, line in enumerate(lines) if line.strip() == f"on {model}'s features"]
        assert {lines[number - 1][:20].strip() for number in at} == set(KINDS)


def test_they_are_those_of_scikit_learn(finished: Path) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    record = RunRecord.open(finished)
    [key] = {path.name.rsplit("-", 1)[0] for path in cache_folder().glob("features/*") if _width(path) == 8 * 8 * 32}
    features = np.load(cache_folder() / "features" / f"{key}-0" / "array.npy").reshape(1_797, -1)
    stored = record.baselines[EXPECTED[0]].job.read_predictions("validation")
    known = load_file(record.baselines[EXPECTED[0]].job.weights)
    assert stored is not None
    deviation = features[known["rows"]].astype(np.float64).std(0)
    constant = deviation < 1e-6
    assert constant.sum() > 100 and (deviation[~constant] > 1e-5).all()  # the images have a margin of zeros
    scaled = (features - features[known["rows"]].mean(0)) / np.where(constant, 1, deviation)
    found = KNeighborsClassifier(5).fit(scaled[known["rows"]], known["labels"]).predict_proba(scaled[stored.rows])
    assert np.mean(np.abs(found - stored.probabilities).max(1) < 1e-6) > 0.99
    assert not set(known["rows"].tolist()) & set(stored.rows.tolist())


def _width(entry: Path) -> int:
    return int(np.prod(np.load(entry / "array.npy", mmap_mode="r").shape[1:]))


def test_they_are_verified_from_weights_and_images(finished: Path) -> None:
    outcomes = {each.name: each.outcome for each in verify(finished)}
    assert outcomes["predictions"] == "equal"
    assert set(outcomes.values()) <= {"equal", "not checked"}


def test_a_class_that_is_rare_and_a_feature_that_is_constant() -> None:
    features = Features(np.concatenate([np.eye(6, 3), np.ones((6, 1))], 1).astype(np.float32))
    labels, rows = np.array([0, 0, 2, 1]), np.arange(4)
    for kind in feature_baselines.FEATURE_BASELINES:
        fitted = feature_baselines.fit(kind, features, labels, rows, 3)
        found = feature_baselines.predict(kind, fitted.arrays, features, np.array([4, 5]), 3)
        assert found.shape == (2, 3) and found.dtype == np.float32
        assert np.isfinite(found).all() and np.allclose(found.sum(1), 1)


@pytest.mark.parametrize("labels", [[0, 0, 2, 2], [2, 2, 2, 2]])
def test_a_class_without_a_training_image_is_never_answered(labels: list[int]) -> None:
    features = Features(np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32))
    for kind in feature_baselines.FEATURE_BASELINES:
        fitted = feature_baselines.fit(kind, features, np.array(labels), np.arange(4), 4)
        found = feature_baselines.predict(kind, fitted.arrays, features, np.array([4, 5]), 4)
        assert (found[:, [each for each in range(4) if each not in labels]] == 0).all()
        assert np.allclose(found.sum(1), 1)


def test_moving_statistics_stay_where_all_weights_are_trained(finished: Path, weights: Path) -> None:
    before, bundle = load_file(weights), load_file(finished / "models" / "tuned" / "model.safetensors")
    own = {name.removeprefix("backbone_1."): each for name, each in bundle.items() if name.startswith("backbone_1.")}
    equal = {name: each.tobytes() == before[name].tobytes() for name, each in own.items()}
    moving = {name for name in equal if name.endswith(("running_mean", "running_var"))}
    assert moving and all(equal[name] for name in moving)
    assert not any(equal[name] for name in equal.keys() - moving if name.endswith("weight"))


def test_report_and_terminal_say_how_many_are_trained(finished: Path) -> None:
    content = json.loads((finished / "report.json").read_text(encoding="utf-8"))
    rows = {row["model"]: row for row in content["leaderboard"]}
    assert (rows["pooled"]["trained_parameters"], rows["pooled"]["parameters"]) == (330, 26_618)
    assert "trained_parameters" not in rows["plain"]
    assert "330 trained of</span> 26,618" in (finished / "report.html").read_text(encoding="utf-8")
    columns, shown = ["model", "parameters"], [{"model": "net", "parameters": "26,618"}, {"model": "floor"}]
    assert with_trained(columns, shown, [330], 80)[0]["parameters"] == "330 of 26,618 trained"
    assert with_trained(columns, shown, [330], 20) == shown
    assert with_trained(columns, shown, [None], 80) == shown


def test_two_workers_compute_nothing_twice(
    tmp_path: Path, cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All parts are there when workers start, each computed once, and none is written again."""
    monkeypatch.setattr(packs, "WORTH_SECONDS", 0.0)
    calls, there, real, pool = list[int](), dict[Path, int](), layer_outputs, worker_pool.Pool

    def counted(*arguments: Any) -> np.ndarray:
        calls.append(len(arguments[3]))
        return real(*arguments)

    def started(*arguments: Any) -> worker_pool.Pool:
        there.update(entries(cache))
        return pool(*arguments)

    monkeypatch.setattr(frozen_features, "layer_outputs", counted)
    monkeypatch.setattr(worker_pool, "Pool", started)
    models = {"flat": model(weights, FLAT), "pooled": model(weights, POOLED)}
    study = small_study(data=PADDED, models=models)
    run = study.run(out=tmp_path / "run", device="cpu", threads=2, workers=2, progress=False)
    assert calls == [1_797, 1_797]
    assert len(there) == 2 and there == entries(cache)
    assert all(result.status == "done" for result in RunRecord.open(run.folder).results.values())


def entries(cache: Path) -> dict[Path, int]:
    """The stored parts, with the times when they were written."""
    return {path: path.stat().st_mtime_ns for path in cache.glob("features/*/array.npy")}


def test_extraction_is_shown_on_a_terminal_only(
    cache: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_features, "PART_IMAGES", 1_000)
    told = list[tuple[str, int, int]]()

    class Noting(running.RunCallback):
        def extracted(self, what: str, done: int, images: int) -> None:
            told.append((what, done, images))

    study = small_study(data=PADDED, models={"pooled": model(weights, POOLED)})
    running.run(study.document, study.file, running.Settings(tmp_path / "run", "cpu", 1), Noting())
    what = f"{backbone_cases.SMALL}, block2"
    assert told == [(what, 0, 1_797), (what, 1_000, 1_797), (what, 1_797, 1_797)]
    for is_terminal in (True, False):
        stream = io.StringIO()
        console = PlainConsole(file=stream, force_terminal=is_terminal, width=100)
        with Terminal(console) as terminal:
            terminal.extracted("vgg16, block4", 20_480, 70_000)
            terminal.bars.refresh()
            shown = stream.getvalue()
            terminal.extracted("vgg16, block4", 70_000, 70_000)
            assert not terminal.bars.tasks
        assert ("vgg16, block4: features of 20,480 of 70,000 images" in shown) == is_terminal
        assert is_terminal or not stream.getvalue()


INTERRUPTIBLE = """
import signal
import snellen.cli
from snellen.train import frozen_features
from snellen.train.batches import ResidentData
frozen_features.PART_IMAGES = 400
real, calls = frozen_features.layer_outputs, []

def layer_outputs(*arguments):
    # waits in the third part until it is interrupted
    calls.append(1)
    if len(calls) == 3:
        print("the third part", flush=True)
        signal.pause()
    return real(*arguments)

frozen_features.layer_outputs = layer_outputs
snellen.cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_interrupted_on_the_command_line_it_keeps_what_is_done(tmp_path: Path, cache: Path, weights: Path) -> None:
    study = tmp_path / "study.yaml"
    values = {"study": "small", "data": PADDED, "models": {"pooled": model(weights, POOLED)}, **SECTIONS}
    study.write_text(json.dumps(values), encoding="utf-8")
    command = [sys.executable, "-c", INTERRUPTIBLE, "run", str(study), "--threads", "1", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None and "the third part\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Finished work is kept" in output
    assert sorted(int(path.parent.name.rsplit("-", 1)[1]) for path in entries(cache)) == [0, 400]


def test_check_says_what_features_cost(cache: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = {
        "pooled": model(weights, POOLED),
        "flat": {**model(weights, FLAT, read={"choice": ["block2", "block3"]}), "search": "grid"},
        "again": model(weights, POOLED, epochs=2),
        "tuned": model(weights, POOLED, train="all"),
        "absent": model(Path("nowhere.safetensors"), POOLED, if_missing="skip"),
    }
    checked = check(models)
    rows = {(row["model"], row["read"]): row for row in checked["backbone_costs"]}
    assert list(rows) == [(name, "block2") for name in ("pooled", "flat")] + [
        ("flat", "block3"),
        ("again", "block2"),
        ("tuned", "block2"),
    ]
    one = rows["pooled", "block2"]
    assert (one["licence"], one["output"], one["features"]) == ("apache-2.0", [8, 8, 32], [32])
    assert one["origin"] and str(weights.name) in one["origin"]
    assert (one["images"], one["memory_bytes"]) == (1_797, 4 * 1_797 * 32)
    assert one["seconds"] > 0
    assert rows["again", "block2"]["shared"] and rows["again", "block2"]["seconds"] == 0
    assert rows["tuned", "block2"]["features"] is None
    assert checked["extraction_seconds"] == pytest.approx(sum(row["seconds"] for row in rows.values()))
    assert checked["seconds"] > checked["extraction_seconds"]
    assert "nowhere.safetensors" in checked["skipped"]["absent"]
    print_check(checked)
    said = " ".join(capsys.readouterr().out.split())
    assert "pooled: test_resnet, read after block2 (8x8x32), frozen" in said
    assert "licence apache-2.0. Features (32): to be extracted for 1,797 images, about" in said
    assert "absent is left out: " in said


def check(models: dict[str, Any], workers: int = 1) -> dict[str, Any]:
    """What `snellen check --json` gives."""
    return check_study(small_study(data=PADDED, models=models).file, running.Settings(None, "cpu", 1, workers=workers))


def test_check_does_not_count_what_is_in_the_cache(finished: Path, weights: Path) -> None:
    checked = check({"flat": model(weights, FLAT)})
    assert checked["extraction_seconds"] == 0
    assert checked["seconds"] > checked["measuring_seconds"] > 0
    assert checked["backbone_costs"][0]["seconds_an_image"] > 0
    assert "to time predictions." in " ".join(plan_sentences(checked))
    assert any("in the cache" in sentence for sentence in plan_sentences(checked))


@pytest.mark.parametrize(
    ("free", "says"),
    [
        (10_000_000, ["`global_average_pool`", "`read: block3`", "at most 1,220 images"]),
        (300_000, ["`global_average_pool`", "at most 36 images"]),
    ],
)
def test_too_little_memory_is_refused_with_what_would_fit(
    cache: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, free: int, says: list[str]
) -> None:
    monkeypatch.setattr(frozen_features, "available_memory", lambda: free)
    models = {"flat": model(weights, FLAT)}
    for attempt in (lambda: check(models), lambda: run_small(tmp_path / "run", data=PADDED, models=models)):
        with pytest.raises(StudyError, match="do not fit into memory") as caught:
            attempt()
        assert all(each in str(caught.value) for each in says), str(caught.value)
        assert ("read: block3" in str(caught.value)) == ("`read: block3`" in says)
    assert not entries(cache)
    check({"pooled": model(weights, POOLED)})


def test_each_worker_needs_its_own_memory(cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_features, "available_memory", lambda: 20_000_000)
    models = {"flat": model(weights, FLAT)}
    check(models)
    with pytest.raises(StudyError, match="--workers 1") as caught:
        check(models, workers=2)
    assert "once in each of 3 processes" in str(caught.value)


def test_features_are_computed_of_images_with_a_role_alone(
    tmp_path: Path, cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Priced and computed for them alone, in this process and in workers; trained and verified on them."""
    monkeypatch.setattr(packs, "WORTH_SECONDS", 0.0)
    calls, real = list[int](), layer_outputs

    def counted(*arguments: Any) -> np.ndarray:
        calls.append(len(arguments[3]))
        return real(*arguments)

    monkeypatch.setattr(frozen_features, "layer_outputs", counted)
    sections = {"split": {**SECTIONS["split"], "train": 100}, "analyses": ["units"]}
    models = {"flat": model(weights, FLAT), "pooled": model(weights, [*POOLED, {"dense": {"units": 4}}])}
    study = small_study(data=PADDED, models=models, **sections)
    priced = check_study(study.file, running.Settings(None, "cpu", 1, workers=1))
    finished = study.run(out=tmp_path / "run", device="cpu", threads=2, workers=2, progress=False)
    counts = finished.record.data["roles"]["counts"]
    used = sum(counts.values())
    assert counts["train"] == 100 and used < 1_000
    assert [(row["images"], row["memory_bytes"]) for row in priced["backbone_costs"]] == [
        (used, 4 * used * 8 * 8 * 32),
        (used, 4 * used * 32),
    ]
    assert calls == [used, used]
    assert {each.name: each.outcome for each in verify(finished.folder)}["predictions"] == "equal"
    assert all(result.status == "done" for result in finished.record.baseline_results.values())


def test_features_of_some_images_are_those_of_all_to_the_bit(
    finished: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else is in a batch; taken from the parts of all images where the cache has them; none for other rows."""
    record = RunRecord.open(finished)
    trajectory, dataset = (
        record.job("flat").read_job().trajectory,
        read(record.study.data.source, options_of(record.study)),
    )
    monkeypatch.setattr(frozen_features, "PART_IMAGES", 300)
    material = ResidentData(torch.from_numpy(np.array(dataset.images)), torch.from_numpy(dataset.labels))
    rows = np.sort(np.random.default_rng(0).choice(len(dataset), 400, replace=False))

    def loaded(rows: np.ndarray) -> ResidentData:
        return frozen_features.Extraction(trajectory, dataset, material, rows, finished / FOLDER).load()

    some = loaded(rows)
    assert len(some.images) == 400 and len(entries(cache)) == 2
    everything = loaded(np.arange(len(dataset)))
    assert everything.places is None and len(entries(cache)) == 2 + 6
    assert torch.equal(some.images, everything.images[rows])
    assert torch.equal(some.images[some.at(torch.from_numpy(rows[::7]))], everything.images[rows[::7]])
    with pytest.raises(IndexError):
        some.images[some.at(torch.tensor([np.setdiff1d(np.arange(len(dataset)), rows)[0]]))]
    others = rows[1:]
    assert frozen_features.missing_parts(trajectory, dataset, others, "cpu") == []
    assert torch.equal(loaded(others).images, some.images[1:])
