"""Protects what is answered and scored: labels in the model's own numbering, and only those that a source has."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import blobs, edit_json

from snellen.api import Run
from snellen.deploy.answers import answer
from snellen.deploy.batch import Batch
from snellen.deploy.images import open_images
from snellen.deploy.predict import not_scored, open_model, score, seen_warning
from snellen.errors import BundleError, DataError, IdentityError
from snellen.files.stored import read_json

GENERATOR = np.random.default_rng(2)
IMAGES = GENERATOR.integers(0, 17, (6, 8, 8, 1), dtype=np.uint8)
IDS = [str(row) for row in range(6)]
BATCH = Batch(IDS, IMAGES, np.array([0, 1, 0, 1, 2, 2]), ("7", "0", "3"))
"""A source that numbers its classes in another order than the model, and lacks most of them."""


def test_labels_are_told_by_name(small_run: Run) -> None:
    answers = answer(small_run.model(), [BATCH])
    assert answers.table()["label"].to_list() == ["7", "0", "7", "0", "3", "3"]
    assert answers.labels is not None and answers.labels.tolist() == [7, 0, 7, 0, 3, 3]


def test_scores_compare_names(small_run: Run, own_user: Path) -> None:
    """Labels that are the answers themselves, in another numbering, are all right."""
    model = small_run.model()
    said = [model.classes[index] for index in model.probabilities(IMAGES).argmax(1)]
    names = tuple(sorted(set(said), reverse=True))
    batch = replace(BATCH, labels=np.array([names.index(name) for name in said]), classes=names)
    scored = score(answer(model, [batch]), model)
    assert (scored.hits, scored.n, scored.accuracy, scored.part) == (6, 6, 1.0, "all images")


def test_the_official_test_part_alone_is_scored_where_there_is_one(small_run: Run, own_user: Path) -> None:
    official = replace(BATCH, test=np.array([False, True, True, False, False, False]))
    scored = score(answer(small_run.model(), [official]), small_run.model())
    assert (scored.n, scored.part) == (2, "official test")


def test_scores_of_images_that_were_trained_on_are_warned_of(small_run: Run) -> None:
    model = small_run.model()
    (ours,) = open_images(["digits"], model.description.input, None)
    assert model.description.data_sha256 == read_json(small_run.folder / "data.json")["data"]["fingerprint"]
    assert "was trained on some of these images" in (seen_warning(answer(model, [BATCH, ours])) or "")
    part = np.arange(len(ours.ids)) < 100
    others = replace(ours, test=part), replace(ours, images=ours.images[::-1]), BATCH
    assert all(seen_warning(answer(model, [other])) is None for other in others)


def test_images_without_labels_stand_beside_those_with(small_run: Run, own_user: Path) -> None:
    model = small_run.model()
    answers = answer(model, [BATCH, Batch(IDS, IMAGES, place="new")])
    assert answers.table()["label"].to_list() == ["7", "0", "7", "0", "3", "3", *[None] * 6]
    assert answers.ids[:2] == ("0", "1") and answers.ids[6:8] == ("new/0", "new/1")
    np.testing.assert_array_equal(answers.probabilities[:6], answers.probabilities[6:])
    scored = score(answers, model)
    assert (scored.n, scored.unlabelled) == (6, 6)
    assert not_scored(scored) == "Not scored: 6 images without a label."
    alone = answer(model, [Batch(IDS, IMAGES)])
    assert alone.labels is None and "label" not in alone.table().columns
    with pytest.raises(DataError, match="no labels to score with"):
        score(alone, model)


def test_classes_that_the_model_does_not_know(small_run: Run, own_user: Path) -> None:
    """They are predicted, named and counted; only where no label is known nothing can be scored."""
    model = small_run.model()
    answers = answer(model, [replace(BATCH, classes=("ten", "0", "twelve"))])
    assert answers.table()["label"].to_list() == ["ten", "0", "ten", "0", "twelve", "twelve"]
    scored = score(answers, model)
    assert (scored.n, scored.unknown) == (2, {"ten": 2, "twelve": 2})
    assert not_scored(scored) == "Not scored: 4 images of classes that the model does not know (ten, twelve)."
    none = answer(model, [replace(BATCH, classes=("ten", "eleven", "twelve"))])
    with pytest.raises(DataError, match=r"no label is a class of the model.*found labels ten, eleven, twelve"):
        score(none, model)


def test_ids_are_unique(small_run: Run) -> None:
    batches = [Batch([*"aab"], IMAGES[:3], place="x"), Batch([*"acd"], IMAGES[:3], place="y"), Batch(["e"], IMAGES[:1])]
    ids = answer(small_run.model(), batches).ids
    assert ids == ("x/a", "x/a (2)", "b", "y/a", "c", "d", "e")


def test_images_of_another_size(small_run: Run) -> None:
    with pytest.raises(BundleError, match="do not fit the model; found 6x6 pixels"):
        answer(small_run.model(), [Batch(["x"] * 6, blobs(6)[0][..., None])])


def test_a_run_is_its_chosen_model(small_run: Run) -> None:
    assert open_model(small_run.folder).description.name == small_run.chosen
    assert open_model(small_run.folder / "models/linear").description.name == "linear"
    with pytest.raises(BundleError, match="no model here"):
        open_model(small_run.folder / "jobs")


@pytest.mark.parametrize("file", ["evaluation.json", "models/{}/model.json", "models/{}/model.safetensors"])
def test_a_run_whose_choice_or_bundle_was_changed_predicts_nothing(run_copy: Path, file: str, small_run: Run) -> None:
    path = run_copy / file.format(small_run.chosen)
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    with pytest.raises(IdentityError, match=f"{path.name}: changed after it was written"):
        open_model(run_copy)


def test_files_without_a_hash_are_not_called_changed(run_copy: Path, small_run: Run) -> None:
    (run_copy / "hashes.jsonl").unlink()  # as of a run from before there was this file
    edit_json(run_copy / "evaluation.json", lambda stored: {**stored, "by": "loss"})
    assert open_model(run_copy).description.name == small_run.chosen


def test_a_run_whose_other_bundle_was_removed_predicts(run_copy: Path) -> None:
    shutil.rmtree(run_copy / "models/linear")
    (run_copy / "models/dense/card.md").write_text("mine")
    assert len(open_model(run_copy).classes) > 1


@pytest.mark.parametrize("chosen", ["../../elsewhere", "/elsewhere", "no such model", ["dense"], 3])
def test_a_strangers_run_names_one_of_its_own_models(run_copy: Path, chosen: object) -> None:
    edit_json(run_copy / "evaluation.json", lambda stored: {**stored, "chosen": chosen})
    with pytest.raises(BundleError, match="the chosen model is not in the run"):
        open_model(run_copy)


@pytest.mark.parametrize("name", ["x" * 5_000, "a\0b", "\ud800"])
def test_paths_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match=r"no model (bundle )?here"):
        open_model(tmp_path / name)
