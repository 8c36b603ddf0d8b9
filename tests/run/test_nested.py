"""Protects nested cross-validation: each fold searches on its own rows alone, its networks have what was found there,
and its score is that of the whole procedure, so that a choice fitted to noise gains nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs

import snellen
from snellen.api import Run
from snellen.data.dataset import Dataset
from snellen.errors import StudyError
from snellen.evaluate.record import RunRecord
from snellen.run.check import check_study
from snellen.run.run_folder import Settings, run_context
from snellen.run.train import nested_scopes
from snellen.search.drive import Driver, Scope
from snellen.search.stored import SearchOutcome
from snellen.study.data_settings import split_of_study
from snellen.train import train_pack
from snellen.train.environment import Environment
from snellen.train.executors import sequential
from snellen.train.snapshot import EpochRecord
from snellen.train.watcher import Silent

RATES = [0.3, 0.03, 0.003, 0.0003]
MODEL: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": {"choice": [4, 16]}, "activation": "relu"}}],
    "train": {"learning_rate": {"choice": RATES}, "epochs": 2},
    "search": {"method": "halving", "factor": 2},
}
SECTIONS: dict[str, Any] = {
    "models": {"dense": MODEL, "linear": {"layers": "linear", "train": {"epochs": 2}}},
    "folds": {"count": 3, "nested": True},
    "seeds": 2,
}


def study(**changes: Any) -> snellen.Study:
    return runs.small_study(**{**SECTIONS, **changes})


def run(folder: Path, **changes: Any) -> Run:
    return study(**changes).run(out=folder, device="cpu", threads=1, progress=False)


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("nested") / "run").folder


def outcomes(folder: Path) -> dict[str, Any]:
    """What every search came to, by its file."""
    files = sorted((folder / "search").rglob("*.json"))
    return {path.relative_to(folder).as_posix(): json.loads(path.read_text())["outcome"] for path in files}


def test_each_fold_trains_what_its_own_search_found(nested: Path) -> None:
    record = RunRecord.open(nested)
    found = record.found.splits["dense"]
    assert list(found) == [(1, 1), (1, 2), (1, 3)] and set(record.found.splits) == {"dense"}
    for fold in record.planned["dense"].folds:
        values = found[fold.repeat, fold.fold]
        trajectory = record.folder_of(fold.job).read_job().trajectory
        assert trajectory.learning_rate == values["train.learning_rate"]
        assert trajectory.network.layers[1].output_shape == (values["layers.1.dense.units"],)
        search = outcomes(nested)[f"search/dense/repeat-1-fold-{fold.fold}.json"]
        trained = {job for trial in search["trials"] for job in trial["jobs"] if not trial["cut"]}
        assert (fold.job in trained) == (fold.seed == 0), "what the search trained is not trained again"


def test_every_row_is_answered_once_and_losing_trials_store_no_more_than_validation(nested: Path) -> None:
    record = RunRecord.open(nested)
    folds = [fold for fold in record.planned["dense"].folds if fold.seed == 0]
    held_out = [record.folder_of(fold.job).read_predictions("held_out") for fold in folds]
    rows = np.concatenate([each.rows for each in held_out if each is not None])
    counts = record.data["roles"]["counts"]
    assert len(rows) == len(np.unique(rows)) == counts["train"] + counts["validation"]
    planned = {*record.planned["dense"].seeds.values(), *(fold.job for fold in record.planned["dense"].folds)}
    for outcome in outcomes(nested).values():
        for job in (job for trial in outcome["trials"] for job in trial["jobs"]):
            stored = {path.stem for path in (nested / "jobs" / job / "predictions").glob("*")}
            done = record.folder_of(job).is_done()
            assert stored == ({"validation"} if done else set()) if job not in planned else stored > {"train"}
            assert not record.folder_of(job).changed_files(record.folder_of(job).read_result())  # type: ignore[arg-type]


def test_the_report_names_what_each_fold_found_and_what_the_score_is_of(nested: Path) -> None:
    report = json.loads((nested / "report.json").read_text())
    folds = next(model["folds"] for model in report["models"] if model["name"] == "dense")
    found = RunRecord.open(nested).found.splits["dense"]
    assert [split["values"]["learning rate"] for split in folds["splits"]] == [
        values["train.learning_rate"] for values in found.values()
    ]
    sentences = {each.code: each.sentence for each in runs.findings_of(nested)}
    assert "the score of the whole procedure, search included" in sentences["SNL012"]
    page = (nested / "report.html").read_text()
    assert "Found by its search" in page and page.count("the whole procedure") >= 2


def test_a_search_before_the_folds_is_said_to_flatter_them(tmp_path: Path) -> None:
    folder = run(tmp_path / "once", folds=3, models={"dense": MODEL}).folder
    sentences = {each.code: each.sentence for each in runs.findings_of(folder)}
    assert (
        "makes this score a little optimistic" in sentences["SNL012"] and "whole procedure" not in sentences["SNL012"]
    )
    assert set(outcomes(folder)) == {"search/dense.json"}


def test_the_network_on_all_rows_is_as_long_as_those_with_its_values(nested: Path) -> None:
    record = RunRecord.open(nested)
    planned = record.planned["dense"]
    kept = [record.folder_of(job).read_result().kept_epoch for job in planned.seeds.values()]  # type: ignore[union-attr]
    final = record.folder_of(planned.final[0]).read_result()
    assert final is not None and final.epochs == round(sum(kept) / 2)


def test_check_counts_what_is_trained(nested: Path) -> None:
    checked = check_study(study().file, Settings(device="cpu", threads=1))
    jobs = [json.loads(path.read_text()) for path in (nested / "jobs").glob("*/history.json")]
    assert checked["jobs"] == len(jobs)
    assert checked["epochs"] == sum(map(len, jobs)), "no patience here, so that at most is exactly"


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("packs", [2, 5, 9])
def test_an_interrupted_run_ends_as_if_it_had_not_been(
    nested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs: int
) -> None:
    ended: Counter[str] = Counter()
    original = train_pack.train_pack

    def killed(lanes: Any, *arguments: Any) -> None:
        if sum(ended.values()) == packs:
            raise Killed
        original(lanes, *arguments)
        ended[str([lane.ids for lane in lanes])] += 1

    monkeypatch.setattr(sequential, "train_pack", killed)
    with pytest.raises(Killed):
        run(tmp_path / "run")
    monkeypatch.setattr(sequential, "train_pack", original)
    again = run(tmp_path / "run").folder
    assert outcomes(again) == outcomes(nested)
    for path in (nested / "jobs").glob("*/predictions/*"):
        assert (again / path.relative_to(nested)).read_bytes() == path.read_bytes()


def search_of(scope: Scope, dataset: Dataset, folder: Path) -> SearchOutcome:
    """The search of a scope, run alone."""
    environment: Environment = {"device": "cpu", "threads": 1, "torch": "", "processor": ""}
    place = run_context(folder, dataset, environment, 1)

    class Watching(Silent):
        def began(self, lanes: Any) -> None: ...

        def ended(self, lanes: Any) -> None: ...

        def switched_to(self, lanes: Any) -> None: ...

        def trained(self, place: int, record: EpochRecord) -> None: ...

    def train(lanes: Any, until: int | None) -> None:
        sequential.train_lanes(lanes, place, Watching(), until)

    model = study().file.models["dense"]
    return Driver("dense", "dense", model, scope, place, train, lambda number, asks: None).run()


def test_what_a_fold_holds_out_is_not_seen_by_its_search(tmp_path: Path) -> None:
    """Other labels and black images there: the same trials, scores and winner."""
    images, labels = runs.blobs(120)
    dataset = snellen.from_arrays(images, labels)
    file = study(split={"test": 0.2}).file
    data = split_of_study(file, dataset)
    scope = nested_scopes(file, file.models["dense"], data)[1, 1]
    (part,) = scope.parts
    assert set(part.rows) == {"train", "validation"}
    unseen = np.setdiff1d(np.arange(len(dataset)), np.concatenate(list(part.rows.values())))
    assert len(unseen) > 40
    other_labels, other_images = dataset.labels.copy(), np.array(dataset.images)
    other_labels[unseen] = (other_labels[unseen] + 1) % 3
    other_images[unseen] = 0
    other = replace(dataset, labels=other_labels, images=other_images)
    found = search_of(scope, dataset, tmp_path / "one")
    assert search_of(replace(scope, dataset=other), other, tmp_path / "other") == found


def test_a_choice_fitted_to_noise_gains_nothing(tmp_path: Path) -> None:
    """Labels that mean nothing: the best of 16 trials looks better than chance, and the nested folds see through it."""
    generator = np.random.default_rng(5)
    data = snellen.from_arrays(generator.integers(0, 256, (300, 5, 5), dtype=np.uint8), np.arange(300) % 2)
    widths = {"choice": [2, 4, 8, 16]}
    layers = ["flatten", {"dense": {"units": widths, "activation": "relu"}}]
    train = {"learning_rate": {"choice": RATES}, "epochs": 3, "batch_size": 32, "measure": "accuracy"}
    models = {"dense": {"layers": layers, "train": train, "search": "grid"}}
    split = {"test": 30, "validation": 0.2}
    folder = run(
        tmp_path / "noise", data=data, models=models, split=split, train={}, folds={"count": 5, "nested": True}, seeds=1
    ).folder
    evaluation = runs.facts_of(folder).evaluation
    folds = evaluation.over_folds("dense")
    assert folds is not None and folds.value is not None and folds.n == 270
    assert abs(folds.value - 0.5) < 3 * np.sqrt(0.25 / 270)
    best = [max(trial["score"] for trial in outcome["trials"]) for outcome in outcomes(folder).values()]
    images = [54, *[43] * 5]
    assert np.mean(best) > 0.5 + 3 * np.sqrt(0.25 / sum(images)), "the best of many is above chance by luck"
    assert np.mean(best) > folds.value + 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sections: sections | {"models": {"linear": {"layers": "linear"}}}, "no model has values to search"),
        (
            lambda sections: (
                sections | {"models": {"dense": {**MODEL, "search": {"method": "grid", "mean_over": "folds"}}}}
            ),
            "scored over the same folds that it is nested in",
        ),
        (
            lambda sections: (
                sections
                | {"models": {"dense": {**MODEL, "search": {"method": "grid", "mean_over": "folds"}}}, "folds": None}
            ),
            "scored over folds, but the study has none",
        ),
        (lambda sections: sections | {"folds": {"count": 3, "nested": "yes"}}, "nested"),
    ],
)
def test_what_cannot_be_nested_is_said(change: Callable[[dict[str, Any]], dict[str, Any]], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        runs.small_study(**change(SECTIONS))
