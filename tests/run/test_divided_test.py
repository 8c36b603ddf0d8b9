"""Protects validation images that are taken from the official test: seeded, by class, none of the training part, the
sealed test is the rest, and it is said wherever the numbers go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import run_small
from typer.testing import CliRunner

from snellen.cli.entry import app
from snellen.data.dataset import Dataset
from snellen.data.readers.arrays import from_arrays
from snellen.data.splits import vault
from snellen.data.splits.roles import Split, assign
from snellen.errors import StudyError
from snellen.run.verify import verify
from snellen.study.document import parse

HALF = {"from": "test", "fraction": 0.5}
SPLIT = Split(seed=3, validation_from_test=0.5)


def dataset(test_labels: Any = (0, 1, 2) * 20) -> Dataset:
    """90 training images of three classes and a test, all different."""
    values = np.arange(90 + len(test_labels), dtype=np.uint16)
    images = np.stack([values % 256, values // 256], axis=1).astype(np.uint8).reshape(-1, 1, 2)
    return from_arrays(
        images[:90],
        np.arange(90) % 3,
        test_images=images[90:],
        test_labels=np.asarray(test_labels),
        pixel_range=(0, 255),
    )


def test_the_official_test_is_halved_by_class_and_nothing_of_the_training_part_validates() -> None:
    data = dataset()
    roles = assign(data, SPLIT)
    assert data.official_test is not None
    assert roles.rows["train"].tolist() == list(range(90)) and not roles.left_out
    validation, test = roles.rows["validation"], roles.rows["test"]
    assert data.official_test[validation].all() and data.official_test[test].all()
    assert sorted([*validation, *test]) == list(range(90, 150))
    for rows in (validation, test):
        assert np.bincount(data.labels[rows]).tolist() == [10, 10, 10]


def test_the_same_seed_gives_the_same_half_and_another_seed_another() -> None:
    same, again, other = (assign(dataset(), Split(seed=seed, validation_from_test=0.5)) for seed in (3, 3, 4))
    assert same.rows["test"].tolist() == again.rows["test"].tolist() != other.rows["test"].tolist()


def test_copies_within_the_official_test_stay_in_one_half() -> None:
    data = dataset()
    images = data.images.copy()
    images[91:150:6] = images[90:150:6]  # every third pair of neighbours is one image
    labels = data.labels
    copied = from_arrays(
        images[:90], labels[:90], test_images=images[90:], test_labels=labels[90:], pixel_range=(0, 255)
    )
    for seed in range(8):
        roles = assign(copied, Split(seed=seed, validation_from_test=0.5))
        half = set(roles.rows["validation"].tolist())
        assert all((row in half) == (row + 1 in half) for row in range(90, 150, 6))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (from_arrays(dataset().images, dataset().labels, pixel_range=(0, 255)), "without an official test part"),
        (dataset([0, 0, 1, 1, 2]), r"too few images of 1 class; found .*2.* \(1\)"),
    ],
)
def test_a_test_that_cannot_be_divided_is_refused(data: Dataset, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        assign(data, SPLIT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 3}, "`folds` take their validation images from the training part"),
        ({"on_purpose": ["last_rows_validation"]}, "exchanges validation images"),
        ({"split": {"validation": {"from": "train", "fraction": 0.5}}}, "`from` of `split` must be 'test'; got 'tra"),
        ({"split": {"validation": {"from": "test"}}}, "`fraction` of `split` is missing"),
        ({"split": {"validation": {"from": "test", "fraction": 1.0}}}, r"must be in \(0, 1\); got 1.0"),
        ({"split": {"validation": 0}}, "a count of at least 1 or a fraction between 0 and 1; got 0"),
    ],
)
def test_what_does_not_fit_is_a_mistake_in_the_study(changes: dict[str, Any], message: str) -> None:
    models = {"m": {"layers": "linear"}}
    values = {"study": "s", "data": "mnist", "models": models, "split": {"validation": HALF}, **changes}
    with pytest.raises(StudyError, match=message):
        parse(repr(values), "s.yaml").study()


def write_data(folder: Path) -> None:
    """data.npz: three classes of 4x4 pixels, 240 images to train and 120 of an official test."""
    random, labels = np.random.default_rng(0), np.arange(360) % 3
    images = (random.integers(0, 90, (360, 4, 4)) + 60 * labels[:, None, None]).astype(np.uint8)
    train, test = slice(240), slice(240, None)
    np.savez(
        folder / "data.npz", x_train=images[train], y_train=labels[train], x_test=images[test], y_test=labels[test]
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file with data of its own."""
    folder = tmp_path_factory.mktemp("divided")
    write_data(folder)
    study = folder / "study.yaml"
    study.write_text(
        f"study: s\ndata: {folder / 'data.npz'}\nsplit: {{validation: {{from: test, fraction: 0.5}}, seed: 1}}\n"
        "models: {m: {layers: linear, train: {epochs: 2}}}\n"
    )
    return study


def test_check_the_run_the_report_and_the_card_say_what_the_test_is(
    written: Path, tmp_path: Path, own_user: Path
) -> None:
    said = "The official test of 120 images is divided, by class with seed 1: 60 validate"
    checked = CliRunner().invoke(app, ["check", str(written)])
    assert checked.exit_code == 0 and said in " ".join(checked.output.split())
    ran = CliRunner().invoke(app, ["run", str(written), "--out", str(tmp_path / "run")])
    assert ran.exit_code == 0 and said in " ".join(ran.output.split())
    card = (tmp_path / "run" / "models" / "m" / "card.md").read_text()
    assert said in card and "so this is no score of the whole official test" in card
    page = (tmp_path / "run" / "report.html").read_text()
    assert said in page and "The test set is the official one" not in page
    assert "from: test" in (tmp_path / "run" / "resolved.yaml").read_text()
    assert not [each for each in verify(tmp_path / "run") if each.outcome == "differs"]


def test_the_sealed_test_is_the_half_and_the_use_of_the_whole_is_recorded(tmp_path: Path, own_user: Path) -> None:
    write_data(tmp_path)
    common: dict[str, Any] = {"data": str(tmp_path / "data.npz"), "models": {"m": {"layers": "linear"}}}
    run = run_small(tmp_path / "run", split={"validation": HALF}, **common)
    test, validation = run.predictions("m", "test"), run.predictions("m", "validation")
    assert test is not None and validation is not None
    assert vault.test_rows(run.folder).tolist() == test.rows.tolist() and len(test) == 60
    assert not {*test.rows.tolist()} & {*validation.rows.tolist()} and min(validation.rows) >= 240
    assert run.evaluation.openings.ever == 1
    whole = run_small(tmp_path / "whole", split={"validation": 0.2}, **common)
    assert whole.evaluation.openings.ever == 2, "half of this test chose in another study, which is no fresh test"


def test_predict_and_evaluate_say_of_the_official_test_that_half_of_it_validated(
    written: Path, tmp_path: Path, own_user: Path
) -> None:
    ran = CliRunner().invoke(app, ["run", str(written), "--out", str(tmp_path / "run")])
    assert ran.exit_code == 0, ran.output
    data, run = str(written.parent / "data.npz"), str(tmp_path / "run")
    before = vault.count_openings(tmp_path / "run")
    scored = CliRunner().invoke(app, ["predict", run, data, "--score"])
    said = " ".join(scored.stderr.split())
    among = "60 validation images of this model are among the given images, as exact copies"
    assert scored.exit_code == 0 and f"Warning: {among}, so this accuracy says nothing about new images." in said
    assert "Among the scored images are 60 test images of the run, as exact copies." in said
    assert vault.count_openings(tmp_path / "run").this_run == before.this_run + 1
    evaluated = CliRunner().invoke(app, ["evaluate", run, data, "--out", str(tmp_path / "out")])
    assert evaluated.exit_code == 0 and f"Not evaluated: {among}." in " ".join(evaluated.stdout.split())
