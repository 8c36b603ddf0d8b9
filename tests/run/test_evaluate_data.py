"""Protects `snellen evaluate`: the scores of a report on labels that came later, without the images of the training,
beside its test, each use of labels recorded, and nothing evaluated that is not known."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from runs import PLAIN, run_small
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, recall_score
from typer.testing import CliRunner, Result

import snellen
from snellen.api import Run
from snellen.cli import app
from snellen.data.splits import vault
from snellen.errors import DataError, SnellenError, StudyError
from snellen.files import journal
from snellen.models.temperature import with_temperature
from snellen.run.evaluate_given import EvaluatedData
from snellen.run.evaluate_page import expect_folder, folder_for
from snellen.run.evaluate_words import drop_sentence, hint_of_ids

DIGITS = load_digits()
OWN, LABELS = DIGITS.images.astype(np.uint8), DIGITS.target
SHIFTED = np.roll(OWN, 1, axis=2)[:200]
SHIFTED_LABELS = LABELS[:200]


@pytest.fixture
def run(run_copy: Path, own_user: Path) -> Run:
    """A copy of a finished run whose test was opened once, and a user who has opened nothing."""
    return Run(run_copy)


@pytest.fixture(scope="module")
def shifted(small_run: Run, tmp_path_factory: pytest.TempPathFactory) -> EvaluatedData:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNELLEN_RECORDS", str(tmp_path_factory.mktemp("records")))
        return small_run.evaluate(SHIFTED, SHIFTED_LABELS)


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def said(found: EvaluatedData) -> str:
    return "\n".join(found.sentences)


def test_scores_are_those_of_other_libraries(shifted: EvaluatedData, small_run: Run) -> None:
    probabilities = small_run.model().probabilities(SHIFTED[..., None])
    answers = probabilities.argmax(1)
    overall = {
        row["measure"]: row["value"]
        for row in shifted.scores.filter((pl.col("role") == "evaluated") & pl.col("class").is_null()).to_dicts()
    }
    assert overall["accuracy"] == pytest.approx(accuracy_score(SHIFTED_LABELS, answers))
    assert overall["macro_f1"] == pytest.approx(f1_score(SHIFTED_LABELS, answers, average="macro", zero_division=0))
    assert overall["loss"] == pytest.approx(log_loss(SHIFTED_LABELS, probabilities), rel=1e-4)
    values = shifted.as_json()
    np.testing.assert_array_equal(values["role"]["confusion"], confusion_matrix(SHIFTED_LABELS, answers))
    recalls = recall_score(SHIFTED_LABELS, answers, average=None)
    assert [one["recall"]["value"] for one in values["role"]["per_class"]] == pytest.approx(recalls)
    gap = probabilities.max(1).mean() - overall["accuracy"]
    assert values["confidence"]["calibration"][0]["gap"]["value"] == pytest.approx(gap, abs=1e-6)


def test_the_test_beside_them_is_that_of_the_report(shifted: EvaluatedData, small_run: Run) -> None:
    report = json.loads((small_run.folder / "report.json").read_text())
    [model] = [one for one in report["models"] if one["chosen"]]
    values = shifted.as_json()
    assert values["test"]["scores"] == model["roles"]["test"]["scores"]
    own = [one for one in model["confidence"]["calibration"] if one["role"] == "test"]
    assert [one for one in values["confidence"]["calibration"] if one["role"] == "test"] == own
    assert shifted.drop is not None and shifted.drop.verdict == "clearly worse" and shifted.drop.kind == "other images"
    assert "than on the model's own test" in drop_sentence(shifted.found)


def test_training_images_are_left_out_and_test_images_are_an_opening(run: Run) -> None:
    before = vault.count_openings(run.folder)
    found = run.evaluate(OWN, LABELS)
    assert found.found.left_out == {"train": 1078, "validation": 210} and len(found.found.predictions) == 509
    assert found.found.copies_of_test == 449 and found.accuracy.n == 509
    after = vault.count_openings(run.folder)
    assert (after.this_run, after.ever) == (before.this_run + 1, before.this_run + 1)
    last = journal.read(run.folder / "journal.jsonl")[-1]
    assert (last["event"], last["reason"], last["model"]) == (vault.EVENT, "evaluate", run.chosen)
    assert "Recorded as an opening of the test of the run" in said(found)
    assert "1,078 training images and 210 validation images of this model are among" in said(found)
    assert found.drop is not None and found.drop.here.n == 60  # the calibration images; those of the test are not new


def test_the_test_alone_is_no_new_evidence(run: Run) -> None:
    rows = run.predictions(str(run.chosen), "test")
    assert rows is not None
    found = run.evaluate(OWN[rows.rows], LABELS[rows.rows])
    assert found.drop is not None and found.drop.kind == "same pictures" and found.drop.difference.value == 0
    assert found.accuracy.value == run.evaluation.estimate(str(run.chosen), "test", "accuracy").value  # type: ignore[union-attr]
    assert "no new evidence" in said(found)
    relabelled = LABELS[rows.rows].copy()
    relabelled[:5] = (relabelled[:5] + 1) % 10
    other = run.evaluate(OWN[rows.rows], relabelled)
    assert other.drop is not None and other.drop.relabelled == 5
    assert "of which 5 have another label here" in said(other)


def test_nothing_but_training_images_is_refused(run: Run) -> None:
    rows = run.predictions("linear", "train")
    assert rows is not None
    with pytest.raises(DataError, match="training or validation images of the model"):
        run.evaluate(OWN[rows.rows], LABELS[rows.rows])


def test_new_images_are_no_opening_of_the_test_but_each_use_is_counted(run: Run) -> None:
    before = vault.count_openings(run.folder)
    for times in (1, 2):
        found = run.evaluate(SHIFTED, SHIFTED_LABELS)
        assert found.found.openings == times and found.found.test_openings is None
    assert vault.count_openings(run.folder) == before
    assert "compared with these labels twice so far" in said(found)


def test_classes_are_matched_by_name_and_strangers_counted(run: Run, tmp_path: Path) -> None:
    for number, label in enumerate(("3", "7", "ten", "ten", "eleven")):
        (tmp_path / "in" / label).mkdir(parents=True, exist_ok=True)
        image = 255 - np.uint8(SHIFTED[number] * 15) if label == "ten" else np.uint8(SHIFTED[number] * 15)
        Image.fromarray(image).save(tmp_path / f"in/{label}/{number}.png")
    found = run.evaluate(tmp_path / "in")
    assert found.found.labels.tolist() == [3, 7]
    assert [(one.class_name, one.images) for one in found.found.unknown] == [("ten", 2), ("eleven", 1)]
    assert "2 images of ten, which is no class of the model" in said(found)
    assert found.found.missing == [*"01245689"] and "8 classes of the model are not in these images" in said(found)
    assert found.answers["evaluated"].sum() == 2 and len(found.answers) == 5
    assert found.as_json()["unknown"][0]["images"] == 2 and "ten" in found.page()


def test_no_class_of_the_model_and_no_labels_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no label is a class of the model.*found labels cat, dog.*expected 0, 1, 2"):
        run.evaluate(SHIFTED[:4], ["cat", "dog", "cat", "dog"])
    (tmp_path / "in/three").mkdir(parents=True)
    Image.fromarray(np.uint8(SHIFTED[3] * 15)).save(tmp_path / "in/three/a.png")
    with pytest.raises(DataError, match="no labels to evaluate with; found folders three; expected classes of"):
        run.evaluate(tmp_path / "in")
    np.save(tmp_path / "p.npy", SHIFTED)
    with pytest.raises(
        DataError, match=r"no labels to evaluate with; expected classes of the model: 0, 1.*--key label"
    ):
        run.evaluate(tmp_path / "p.npy")


def test_pairs_by_id(run: Run, tmp_path: Path) -> None:
    """The same digits made anew, under the ids of the run's test: a narrower interval than without pairs."""
    test = run.predictions(str(run.chosen), "test")
    assert test is not None and test.labels is not None
    header = ["id", "label", *(f"pixel{place}" for place in range(64))]
    with (tmp_path / "again.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for place, row in enumerate(test.rows[:120]):
            pixels = np.maximum(OWN[row].astype(int), 2).reshape(-1).tolist()
            writer.writerow([test.ids[place], DIGITS.target[row], *pixels])
    paired = run.evaluate(tmp_path / "again.csv", paired=True)
    assert paired.drop is not None and paired.drop.kind == "same ids" and paired.drop.here.n == 120
    assert paired.found.test_openings is not None and "paired by the ids of 120 images" in said(paired)
    alone = run.evaluate(tmp_path / "again.csv")
    assert alone.drop is not None and alone.drop.kind == "other images"
    assert "add --paired" in (hint_of_ids(alone.found) or "")

    def width(found: EvaluatedData) -> float:
        assert found.drop is not None and found.drop.difference.low is not None
        assert found.drop.difference.high is not None
        return found.drop.difference.high - found.drop.difference.low

    assert width(paired) < width(alone)
    with pytest.raises(StudyError, match="no image has the id of a test image"):
        run.evaluate(SHIFTED, SHIFTED_LABELS, paired=True)
    wrong = (tmp_path / "again.csv").read_text().splitlines()
    cells = [line.split(",") for line in wrong[1:]]
    moved = [",".join([one[0], str((int(one[1]) + 1) % 10), *one[2:]]) for one in cells]
    (tmp_path / "wrong.csv").write_text("\n".join([wrong[0], *moved]) + "\n")
    with pytest.raises(StudyError, match="have other labels, so they do not show the same"):
        run.evaluate(tmp_path / "wrong.csv", paired=True)


def test_a_bundle_without_its_run_has_scores_alone(small_run: Run, tmp_path: Path, own_user: Path) -> None:
    bundle = Path(shutil.copytree(small_run.folder / "models" / str(small_run.chosen), tmp_path / "bundle"))
    found = snellen.evaluate_data(bundle, (SHIFTED, SHIFTED_LABELS))
    assert found.drop is None and found.found.test is None and found.found.copies is None
    assert "is not known: there is no run beside this model" in said(found)
    assert "was not looked up: there is no run beside this model" in said(found)
    assert found.accuracy == snellen.evaluate_data(snellen.load_bundle(bundle), SHIFTED, SHIFTED_LABELS).accuracy
    with pytest.raises(StudyError, match="no answers on a test to pair these with"):
        snellen.evaluate_data(bundle, SHIFTED, SHIFTED_LABELS, paired=True)


def test_a_model_whose_test_was_not_opened(run: Run) -> None:
    found = run.evaluate(SHIFTED, SHIFTED_LABELS, model="linear")
    assert found.drop is None and found.found.copies is not None
    assert "the run did not open its test for this model" in said(found)


def test_data_in_memory_are_read_as_elsewhere(run: Run, shifted: EvaluatedData) -> None:
    dataset = snellen.as_dataset(SHIFTED, SHIFTED_LABELS, pixel_range=(0, 16))
    frame = pl.DataFrame({"label": SHIFTED_LABELS, **{f"p{at}": SHIFTED.reshape(200, -1)[:, at] for at in range(64)}})
    for data in (dataset, frame):
        assert run.evaluate(data).accuracy == shifted.accuracy


def test_a_threshold_that_misses_what_was_certified_is_said(tmp_path: Path, own_user: Path) -> None:
    wanted = [{"abstain": {"accuracy": 0.8}}]
    run = run_small(tmp_path / "run", models={"plain": PLAIN}, calibrate="temperature", thresholds=wanted)
    found = run.evaluate(SHIFTED, SHIFTED_LABELS)
    [one] = found.found.confidence.thresholds
    probabilities, [threshold] = run.model().probabilities(SHIFTED[..., None]), run.model().thresholds
    right = probabilities.argmax(1) == SHIFTED_LABELS
    accepted = with_temperature(probabilities, run.model().temperature).max(1) >= threshold.threshold
    assert one.achieved["evaluated"].precision.value == pytest.approx(right[accepted].mean())
    assert one.achieved["evaluated"].coverage.value == pytest.approx(accepted.mean())
    assert "of the answers that its threshold lets through are right: the 80.0 % that were certified" in said(found)
    assert {(each["role"], each["after"]) for each in found.as_json()["confidence"]["calibration"]} == {
        (role, after) for role in ("evaluated", "test") for after in (False, True)
    }


def test_what_is_inverted_is_said_and_turned(run: Run, shifted: EvaluatedData) -> None:
    negatives = np.uint8(16) - SHIFTED
    assert any("Try with --invert" in remark for remark in run.evaluate(negatives, SHIFTED_LABELS).remarks)
    assert run.evaluate(negatives, SHIFTED_LABELS, invert=True).accuracy == shifted.accuracy


def test_the_command_writes_page_values_and_tables(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", images=SHIFTED, labels=SHIFTED_LABELS)
    result = command(run.folder, "mine.npz")
    assert result.exit_code == 0, result.output
    folder = tmp_path / folder_for("small", str(run.chosen), ["mine.npz"])
    assert result.stdout.splitlines()[-1] == f"Page: {folder.relative_to(tmp_path) / 'evaluation.html'}"
    assert {path.name for path in folder.iterdir()} == {
        "evaluation.html",
        "evaluation.json",
        "scores.csv",
        "answers.csv",
    }
    values: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    html = (folder / "evaluation.html").read_text()
    for text in ("Confusion matrix, evaluated", "Most confident mistakes", "Reliability", "The farthest", "Beside the"):
        assert text in html
    assert "http-equiv" in html and "https://" not in html.split("<script")[0]
    assert values["answer"][0].split("`")[2].strip().split(";")[0] in result.stdout.replace("\n", " ")
    assert len(pl.read_csv(folder / "answers.csv")) == 200
    again = command(run.folder, "mine.npz", "--json", "--out", "here")
    assert again.exit_code == 0 and json.loads(again.stdout)["role"] == values["role"]
    expect_folder(folder)  # an earlier evaluation may be written anew


def test_the_command_refuses_what_is_not_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("mine")
    np.savez(tmp_path / "mine.npz", images=SHIFTED, labels=SHIFTED_LABELS)
    result = command(run.folder, tmp_path / "mine.npz", "--out", tmp_path / "full")
    assert isinstance(result.exception, StudyError) and "holds something else" in str(result.exception)
    with pytest.raises(StudyError, match="needs a folder"):
        expect_folder(tmp_path / "mine.npz")
    nowhere = command(tmp_path / "full", tmp_path / "mine.npz")
    assert isinstance(nowhere.exception, SnellenError) and "no model here" in str(nowhere.exception)


def test_images_that_cannot_be_read_are_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in/3").mkdir(parents=True)
    Image.fromarray(np.uint8(SHIFTED[3] * 15)).save(tmp_path / "in/3/a.png")
    (tmp_path / "in/3/b.png").write_bytes(b"oops")
    result = command(run.folder, tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 3 and "Could not read 3/b.png" in result.stderr
    assert json.loads((tmp_path / "out/evaluation.json").read_text())["failed"][0].startswith("3/b.png")


def test_names_of_folders_are_plain() -> None:
    assert folder_for("a b", "m/../x", ["/tmp/My pictures/", "digits"]) == Path(
        "evaluations/a-b-m-..-x-My-pictures+digits"
    )
