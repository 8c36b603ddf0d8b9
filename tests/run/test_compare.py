"""Protects `snellen compare`: images are matched by content, labels of the test are used only where both runs opened it
and each use is recorded, who was chosen by the images gets no verdict on them, and orders that flip are said."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import LINEAR, PLAIN, SEEDED, blobs, run_small
from scipy.stats import binomtest
from scipy.stats import t as student_t
from sklearn.metrics import accuracy_score, f1_score, recall_score
from typer.testing import CliRunner

import snellen
from snellen.api import Run
from snellen.cli import app
from snellen.data.splits import vault
from snellen.errors import RunError, StudyError, UnknownName
from snellen.evaluate.cross_validation import HeldOut
from snellen.evaluate.networks import Networks
from snellen.models.predictions import Predictions, save_predictions
from snellen.run.compare import RunComparison, _differing, _flat, compare_runs
from snellen.run.compare_page import expect_page
from snellen.run.compare_words import flip_sentences, verdict_sentences
from snellen.run.compared_pair import same_splits
from snellen.run.compared_side import Contents
from snellen.statistics.seed_intervals import recipe_difference


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of one model each on the same split."""
    folder = tmp_path_factory.mktemp("days")
    run_small(folder / "one", models={"linear": LINEAR})
    run_small(folder / "two", models={"dense": PLAIN}, seed=1)
    return folder / "one", folder / "two"


def on(role: str, *texts: str | Path) -> RunComparison:
    [found] = [each for each in compare_runs([*map(str, texts)]).comparisons if each.role == role]
    return found


def test_two_networks_have_the_exact_test_of_mcnemar(days: tuple[Path, Path]) -> None:
    compared = compare_runs([*map(str, days)])
    for role, one in zip(("validation", "test"), compared.comparisons, strict=True):
        right = []
        for folder in days:
            record = Run(folder).record
            stored = record.predictions(next(iter(record.models)), role)
            assert stored is not None and stored.labels is not None
            right.append(stored.predicted == stored.labels)
        only = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
        assert one.role == role and one.images == len(right[0]) and one.difference is not None
        assert one.difference.p_value == pytest.approx(binomtest(only[0], sum(only)).pvalue)
        assert one.difference.value == pytest.approx((only[0] - only[1]) / one.images)
        assert one.adjusted_p is not None and one.difference.p_value is not None
        assert one.adjusted_p >= one.difference.p_value  # one family
        assert one.kind == "networks" and one.verdict is not None and one.reason is None


def test_recipes_are_compared_over_their_seeds(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in zip((0, 10), folders, strict=True):
        run_small(folder, **{**SEEDED, "models": {"plain": PLAIN}, "seed": seed})
    one = on("test", *folders)
    sides = []
    for folder in folders:
        record = Run(folder).record
        stored = [record.folder_of(job).labelled("test") for job in record.planned["plain"].seeds.values()]
        sides.append(np.stack([each.predicted == each.labels for each in stored]))
    assert one.kind == "recipes" and one.difference == recipe_difference(*sides)


def test_who_was_chosen_by_the_images_gets_no_verdict_on_them(small_run: Run, days: tuple[Path, Path]) -> None:
    one = on("validation", small_run.folder, days[0])
    assert one.kind == "selected" and one.verdict is None and one.difference is not None
    assert one.difference.p_value is None and "chosen among 3 models" in str(one.reason)
    others = [model for model in small_run.record.models if model != chosen_of(small_run)]
    assert on("validation", f"{small_run.folder}:{others[0]}", days[0]).verdict is not None


def chosen_of(run: Run) -> str:
    return str(json.loads((run.folder / "evaluation.json").read_text(encoding="utf-8"))["chosen"])


def test_a_test_that_one_run_did_not_open_stays_closed(small_run: Run, days: tuple[Path, Path]) -> None:
    closed = next(model for model in small_run.record.models if model != chosen_of(small_run))
    before = vault.count_openings(days[0]).ever
    one = on("test", f"{small_run.folder}:{closed}", days[0])
    assert one.difference is None and one.measures == {} and not one.opened
    assert "the test was not opened for" in str(one.reason)
    assert vault.count_openings(days[0]).ever == before


def test_each_new_use_of_test_labels_is_recorded_once(
    days: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNELLEN_RECORDS", str(tmp_path / "records"))
    assert [on("test", *days).opened for _ in range(3)] == [True, False, False]
    assert not on("test", *reversed(days)).opened
    [log] = (tmp_path / "records/openings").glob("*.jsonl")
    assert log.read_text(encoding="utf-8").count("compare with job") == 2


def sure(folder: Path, wrong: int, own: float, other: float) -> None:
    """Stored validation predictions of `linear`: the first are wrong; own: the probability of the true class where
    it is right, other: where it is wrong."""
    record = Run(folder).record
    job = record.folder_of(record.models["linear"])
    stored = job.labelled("validation")
    assert stored.labels is not None
    rows, classes = np.arange(len(stored)), stored.probabilities.shape[1]
    is_wrong = rows < wrong
    probabilities = np.zeros(stored.probabilities.shape, np.float32)
    probabilities[rows, (stored.labels + 1) % classes] = np.where(is_wrong, 1 - other, 1 - own)
    probabilities[rows, stored.labels] = np.where(is_wrong, other, own)
    save_predictions(
        job.predictions_path("validation"), replace(stored, probabilities=probabilities), record.models["linear"]
    )


def test_orders_that_depend_on_the_measure_are_said(tmp_path: Path) -> None:
    """Fewer wrong answers, but less sure of the right ones and surer of the wrong ones."""
    for name, values in (("one", (5, 0.6, 0.01)), ("two", (20, 0.999, 0.4))):
        run_small(tmp_path / name, models={"linear": LINEAR}, split={"test": 0.25, "validation": 0.2, "seed": 4})
        sure(tmp_path / name, *values)
    one = on("validation", tmp_path / "one", tmp_path / "two")
    assert one.flip is not None and one.flip.beyond_noise
    assert (one.flip.a_first, one.flip.b_first) == (("accuracy", "macro_f1"), ("loss",))
    for measure, found in one.measures.items():
        assert (found.a > found.b) == (measure != "loss" or found.value > 0) and found.is_beyond_noise
    compared = compare_runs([str(tmp_path / "one"), str(tmp_path / "two")])
    [said] = [each for each in flip_sentences(compared) if "validation" in each["sentence"]]
    assert said["code"] == "SNL150" and "beyond noise" in said["sentence"]
    assert "A by accuracy, " in said["sentence"] and "; B by loss, " in said["sentence"]
    sure(tmp_path / "two", 6, 0.999, 0.4)
    flip = on("validation", tmp_path / "one", tmp_path / "two").flip
    assert flip is not None and not flip.beyond_noise
    sure(tmp_path / "two", 20, 0.6, 0.01)
    assert on("validation", tmp_path / "one", tmp_path / "two").flip is None


def test_changed_files_are_named_and_tell_by_the_exit_code(tmp_path: Path, days: tuple[Path, Path]) -> None:
    changed = Path(shutil.copytree(days[0], tmp_path / "changed"))
    sure(changed, 5, 0.6, 0.01)
    done = CliRunner().invoke(app, ["compare", str(changed), str(days[1])])
    assert done.exit_code == 1 and "stored files of A were changed or removed: jobs/" in done.output


def made(folder: Path, images: np.ndarray, labels: np.ndarray, **changes: Any) -> Path:
    """A run on a file of arrays, so that its images are found again."""
    folder.mkdir()
    np.savez(folder / "data.npz", images=images, labels=labels)
    study = snellen.Study(
        "arrays",
        data=str(folder / "data.npz"),
        models={"linear": LINEAR},
        split={"test": 0.3, "validation": 0.3},
        train={"epochs": 2},
        **changes,
    )
    study.run(out=folder / "run", device="cpu", threads=1, progress=False)
    return folder / "run"


def test_images_of_different_data_are_matched_by_content(tmp_path: Path) -> None:
    images, labels = blobs(240)
    order = np.random.default_rng(1).permutation(200)
    one = made(tmp_path / "one", images[:200], labels[:200])
    two = made(tmp_path / "two", images[:200][order], labels[:200][order])
    compared = compare_runs([str(one), str(two)])
    [counts] = compared.shared.values()
    assert sum(counts.values()) == 200
    assert "fingerprint" in compared.differing["data"]
    for each in compared.comparisons:
        assert each.images == counts.get((each.role, each.role), 0)
    other = made(tmp_path / "other", images[200:], labels[200:])
    with pytest.raises(RunError, match="share no image"):
        compare_runs([str(one), str(other)])
    (tmp_path / "two/data.npz").unlink()
    with pytest.raises(RunError, match="which images they share is unknown"):
        compare_runs([str(one), str(two)])


def test_images_with_another_label_are_left_out_and_counted(tmp_path: Path) -> None:
    images, labels = blobs(200)
    changed = labels.copy()
    changed[:30] = (changed[:30] + 1) % 3
    compared = compare_runs([str(made(tmp_path / name, images, own)) for name, own in (("a", labels), ("b", changed))])
    [counts] = compared.shared.values()
    for one in compared.comparisons:
        assert one.images + one.relabelled == counts[one.role, one.role]
    assert sum(one.relabelled for one in compared.comparisons) > 0


def test_what_differs_is_listed(days: tuple[Path, Path]) -> None:
    differing = compare_runs([*map(str, days)]).differing
    assert differing["study"]["seed"] == [0, 1]
    assert differing["study"]["model.layers.1.dense.units"] == [None, 16]
    assert differing["data"] == {} and differing["environment"] == {}
    assert set(differing["training"]) >= {"parameters"}


def test_what_is_empty_on_one_side_is_listed_by_its_entries() -> None:
    values: list[dict[str, Any]] = [{"analyses": []}, {"analyses": [{"units": {}}, {"data": {"most": 3}}]}]
    sides = [dict(_flat(each)) for each in values]
    assert _differing(sides) == {"analyses.0.units": [None, {}], "analyses.1.data.most": [None, 3]}
    assert _differing([{"analyses": []}, {"analyses": ["errors"]}]) == {"analyses": [[], ["errors"]]}


def test_wrong_use_is_an_error(days: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="two different runs"):
        compare_runs([str(days[0]), str(days[0])])
    with pytest.raises(UnknownName, match="linaer"):
        compare_runs([f"{days[0]}:linaer", str(days[1])])
    with pytest.raises(RunError, match="no run of a study"):
        compare_runs([str(tmp_path / "nowhere"), str(days[1])])


def test_the_command_prints_text_or_json(days: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(app, ["compare", *map(str, days)])
    assert done.exit_code == 0 and "about these two networks" in done.output
    done = CliRunner().invoke(app, ["compare", *map(str, days), "--json"])
    stored = json.loads(done.output)
    keys = {"sides", "shared", "scores", "comparisons", "histories", "differing", "changed", "margin"}
    assert keys | {"snellen", "made", "letters", "verdict", "findings", "sentences"} == set(stored)


def test_the_verdict_comes_first_in_one_sentence(days: tuple[Path, Path]) -> None:
    """It is that of the test, with the numbers of both sides."""
    compared = compare_runs([*map(str, days)])
    [sentence] = verdict_sentences(compared)
    one = next(each for each in compared.comparisons if each.role == "test")
    assert one.verdict is not None and one.difference is not None
    a, b = one.measures["accuracy"].a, one.measures["accuracy"].b
    first, second = (a, b) if one.verdict not in ("worse", "clearly worse") else (b, a)
    assert f"{100 * first:.1f} % against {100 * second:.1f} % on {one.images} shared test images." in sentence
    done = CliRunner().invoke(app, ["compare", *map(str, days)])
    assert done.output.splitlines()[0] == sentence


def test_measures_are_those_of_scikit_learn_with_their_own_intervals(days: tuple[Path, Path]) -> None:
    one = on("test", *days)
    for measure, of in (("accuracy", accuracy_score), ("macro_f1", macro_f1)):
        for folder, value in zip(days, (one.measures[measure].a, one.measures[measure].b), strict=True):
            record = Run(folder).record
            stored = record.predictions(next(iter(record.models)), "test")
            assert stored is not None and stored.labels is not None
            assert value == pytest.approx(of(stored.labels, stored.predicted))
    found = one.measures["accuracy"]
    assert one.difference is not None and (found.low, found.high) == (one.difference.low, one.difference.high)
    for each in one.measures.values():
        assert each.low is not None and each.high is not None and each.low < each.value < each.high


def macro_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    return float(f1_score(labels, predicted, average="macro"))


def test_the_recall_of_each_class_is_compared(days: tuple[Path, Path]) -> None:
    one, recalls = on("test", *days), []
    for folder in days:
        record = Run(folder).record
        stored = record.predictions(next(iter(record.models)), "test")
        assert stored is not None and stored.labels is not None
        recalls.append(recall_score(stored.labels, stored.predicted, average=None))
    assert [each.a for each in one.classes] == pytest.approx(recalls[0])
    assert [each.value for each in one.classes] == pytest.approx(recalls[0] - recalls[1])
    assert sum(each.images for each in one.classes) == one.images
    for each in one.classes:
        assert each.low is not None and each.high is not None and each.low <= each.value <= each.high


def test_histories_stand_beside_each_other(days: tuple[Path, Path]) -> None:
    compared = compare_runs([*map(str, days)])
    for name, folder in zip(compared.names, days, strict=True):
        record = Run(folder).record
        stored = record.job(next(iter(record.models))).read_history()
        found = compared.histories[name]
        assert [each["validation_loss"] for each in found.records] == [each["validation_loss"] for each in stored]
        assert found.kept_epoch == record.results[next(iter(record.models))].kept_epoch
    done = CliRunner().invoke(app, ["compare", *map(str, days)])
    assert "Training of A: 3 epochs, epoch 3 kept; loss " in done.output


def test_the_page_holds_what_is_printed(days: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    done = CliRunner().invoke(app, ["compare", *map(str, days), "--html", str(page)])
    assert done.exit_code == 0 and f"The page: {page}" in done.output.replace("\n", "")
    html = page.read_text(encoding="utf-8")
    assert done.output.splitlines()[0].replace(" %", "\N{NO-BREAK SPACE}%") in html
    assert "history-loss" in html and "history-accuracy" in html and "differences" in html
    assert "Content-Security-Policy" in html and "http://" not in html.replace("http://www.w3.org", "")
    with pytest.raises(StudyError, match="name of a file"):
        expect_page(tmp_path)


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs with the same folds."""
    folder = tmp_path_factory.mktemp("folded")
    run_small(folder / "one", models={"linear": LINEAR}, folds=3)
    run_small(folder / "two", models={"dense": PLAIN}, folds=3)
    return folder / "one", folder / "two"


def test_the_same_folds_are_compared_by_the_corrected_resampled_t(folded: tuple[Path, Path]) -> None:
    """By Nadeau and Bengio's formula, written out; accuracies from the stored predictions."""
    one, accuracies = on("held_out", *folded), []
    for folder in folded:
        record = Run(folder).record
        [model] = record.models
        splits = [record.folder_of(fold.job).labelled("held_out") for fold in record.planned[model].folds]
        accuracies.append(np.array([float((each.predicted == each.labels).mean()) for each in splits]))
    planned = Run(folded[0]).record.planned["linear"].folds
    ratio = np.mean([each.num_held_out for each in planned]) / np.mean([each.num_train for each in planned])
    differences = accuracies[0] - accuracies[1]
    error = np.sqrt((1 / 3 + ratio) * differences.var(ddof=1))
    assert one.kind == "folds" and one.splits == 3 and one.difference is not None
    assert one.difference.value == pytest.approx(differences.mean())
    assert one.difference.p_value == pytest.approx(2 * student_t.sf(abs(differences.mean()) / error, 2))
    low, high = differences.mean() + student_t.ppf([0.025, 0.975], 2) * error
    assert (one.measures["accuracy"].low, one.measures["accuracy"].high) == pytest.approx((low, high))
    assert one.verdict is not None and one.images == sum(each.num_held_out for each in planned)


def test_other_folds_are_not_compared_and_it_says_why(
    folded: tuple[Path, Path], days: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    run_small(other, models={"dense": PLAIN}, folds=4)
    one = on("held_out", folded[0], other)
    assert one.difference is None and "hold out different images" in str(one.reason)
    one = on("held_out", folded[0], days[1])
    assert one.difference is None and str(one.reason).endswith(":dense has no folds")
    assert not [each for each in compare_runs([*map(str, days)]).comparisons if each.role == "held_out"]


def test_folds_that_chose_a_model_give_it_no_verdict(folded: tuple[Path, Path], tmp_path: Path) -> None:
    run_small(tmp_path / "both", models={"dense": PLAIN, "linear": LINEAR}, folds=3)
    one = on("held_out", tmp_path / "both", folded[0])
    assert one.verdict is None and one.difference is not None and one.difference.p_value is None
    assert "chosen among 2 models by these folds" in str(one.reason)
    assert one.measures["accuracy"].low is None
    assert "chosen among" not in str(on("validation", tmp_path / "both", folded[0]).reason)


def test_folds_of_other_data_are_matched_by_content() -> None:
    """Rows have other numbers there, and the folds another order; a copy counts as often as it occurs."""

    def folds(rows: list[list[int]]) -> HeldOut:
        parts = [
            Predictions("held_out", np.array(own), np.array(own).astype(str), np.zeros(len(own), int), np.eye(2)[[0]])
            for own in rows
        ]
        return HeldOut({(0, at): Networks({0: one}, ("job",)) for at, one in enumerate(parts)}, 4, 2)

    one = Contents({}, lambda row: "abcdaa"[row])
    other = Contents({}, lambda row: "aadcba"[row])
    a, b = folds([[0, 1], [2, 3], [4, 5]]), folds([[2, 3], [0, 1], [4, 5]])
    assert same_splits(a, b, (one, other)) == [((0, 0), (0, 2)), ((0, 1), (0, 0)), ((0, 2), (0, 1))]
    assert same_splits(folds([[0, 4]]), folds([[4, 5]]), (one, other)) == []


def test_one_network_against_several_says_which_was_compared(days: tuple[Path, Path], tmp_path: Path) -> None:
    """The mean over seeds stands elsewhere: without a word the numbers would seem to contradict it."""
    seeded = tmp_path / "seeded"
    run_small(seeded, models={"plain": PLAIN}, seeds=3, open_test="all")
    compared = compare_runs([str(days[0]), str(seeded)])
    [sentence] = verdict_sentences(compared)
    assert "% (the first of its 3 networks)" in sentence
    assert [each.networks for each in compared.comparisons] == [(1, 3)] * 2


def test_a_copy_of_a_run_is_the_same_network(days: tuple[Path, Path], tmp_path: Path) -> None:
    """No "cannot be told": nothing differs."""
    copy = Path(shutil.copytree(days[0], tmp_path / "copy"))
    [sentence] = verdict_sentences(compare_runs([str(days[0]), str(copy)]))
    assert sentence.startswith("A and B are the same network: they give the same probabilities on ")


def test_networks_that_differ_on_test_are_not_called_the_same(days: tuple[Path, Path], tmp_path: Path) -> None:
    """A cross-validated model has a network of its own split, and another that is evaluated on test."""
    compared = compare_runs([*map(str, days)])
    on_validation, on_test = compared.comparisons
    better = replace(on_test, verdict="better")
    [sentence] = verdict_sentences(replace(compared, comparisons=(replace(on_validation, identical=True), better)))
    assert "same network" not in sentence and "better than" in sentence
    assert sentence.endswith("This is about these trained networks, not about training them again.")


def test_recipes_are_the_same_only_where_all_their_networks_are(tmp_path: Path) -> None:
    study: dict[str, Any] = {"models": {"plain": PLAIN}, "open_test": "all"}
    one, other = tmp_path / "one", tmp_path / "other"
    run_small(one, **study, seeds=3)
    run_small(other, **study, seeds=4)
    copy = Path(shutil.copytree(one, tmp_path / "copy"))
    assert not on("test", one, other).identical and on("test", one, copy).identical
    [sentence] = verdict_sentences(compare_runs([str(one), str(copy)]))
    assert sentence.startswith("A and B are the same networks: they give the same probabilities on ")


def test_a_run_that_is_not_finished_is_refused(days: tuple[Path, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(days[0], tmp_path / "copy"))
    (copy / "evaluation.json").unlink()
    with pytest.raises(RunError, match="the run is not finished"):
        compare_runs([str(copy), str(days[1])])
    for result in copy.glob("jobs/*/result.json"):
        result.unlink()
    with pytest.raises(RunError, match="no model of this run was trained to the end"):
        compare_runs([str(copy), str(days[1])])


def test_a_run_of_an_earlier_version_is_compared(tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "compatibility" / "made_2026_11_29" / "finished"
    copy = Path(shutil.copytree(old, tmp_path / "old"))
    compared = compare_runs([f"{copy}:searched", f"{copy}:phases"])
    assert len(compared.histories) == 2 and all(one.records for one in compared.histories.values())
    [sentence] = verdict_sentences(compared)
    assert sentence.startswith("Whether A or B is better") or "better than" in sentence
