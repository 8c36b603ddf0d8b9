"""Protects the rules about classes, images and parts of the data: a planted fault raises its finding, and without the
fault it is silent. Faults of the data are planted before training; others in the files of a finished run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from runs import blobs, edit_json, facts_of, findings_of, run_small

import snellen
from snellen.api import Run
from snellen.data.splits.roles import ROLES
from snellen.evaluate.record import RunRecord
from snellen.findings.finding import Finding
from snellen.findings.rules import RULES
from snellen.models.predictions import save_predictions

Answers = Callable[[np.ndarray], np.ndarray]
CHOSEN = "dense"
QUICK: dict[str, Any] = {
    "models": {"linear": {"layers": "linear"}},
    "train": {"epochs": 2, "batch_size": 32},
}


def found(folder: Path, code: str) -> list[Finding]:
    return list(RULES[code](facts_of(folder)))


def answer(folder: Path, role: str, answers: Answers) -> None:
    """Other answers of the chosen network: a function of the labels."""
    job = RunRecord(folder).job(CHOSEN)
    stored = job.read_predictions(role)
    assert stored is not None and stored.labels is not None
    probabilities = np.eye(10, dtype=np.float32)[answers(stored.labels)]
    save_predictions(job.predictions_path(role), replace(stored, probabilities=probabilities), job.path.name)


def in_data(folder: Path, section: str, **values: Any) -> None:
    edit_json(folder / "data.json", lambda stored: {**stored, section: {**stored[section], **values}})


def some_of(code: int, share: float, called: int) -> Answers:
    """All answers right, but for a share of one class that is called another."""

    def answers(labels: np.ndarray) -> np.ndarray:
        own = np.flatnonzero(labels == code)
        wrong = labels.copy()
        wrong[own[: round(share * len(own))]] = called
        return wrong

    return answers


def confused(*pairs: tuple[int, int]) -> Answers:
    """Each class called the other of its pair for half of its images; every other image wrong by a class in turn."""

    def answers(labels: np.ndarray) -> np.ndarray:
        given = labels.copy()
        for place, label in enumerate(labels):
            if place % 8 == 0:
                given[place] = (label + 1 + place // 8 % 9) % 10
        for true, called in pairs:
            own = np.flatnonzero(labels == true)
            given[own[: len(own) // 2]] = called
        return given

    return answers


def test_a_weak_class_is_told_with_what_it_is_called(run_copy: Path) -> None:
    answer(run_copy, "test", some_of(3, 0.5, called=8))
    [one] = found(run_copy, "SNL121")
    assert one.severity == "result" and one.values["class"] == "3" and one.values["weak"] == ["3"]
    tested = RunRecord(run_copy).predictions(CHOSEN, "test")
    assert tested is not None and tested.labels is not None
    own = tested.labels == 3
    wrong = int((tested.predicted[own] == 8).sum())
    assert (one.values["called"], one.values["called_count"], one.values["n"]) == ("8", wrong, own.sum())
    assert one.values["value"] == pytest.approx(1 - wrong / own.sum())
    assert f" {wrong} of the {own.sum()} were called 8." in one.sentence
    assert one.values["ceiling"] < one.values["overall"] - 0.02
    assert found(run_copy, "SNL007") == []


@pytest.mark.parametrize("answers", [np.copy, some_of(3, 0.05, called=8)])
def test_without_a_weak_class_the_lowest_recall_is_an_observation(run_copy: Path, answers: Answers) -> None:
    answer(run_copy, "test", answers)
    assert found(run_copy, "SNL121") == []
    lowest = found(run_copy, "SNL007")
    assert [each.values["called"] for each in lowest] == ([] if answers is np.copy else ["8"])


def test_of_several_weak_classes_the_weakest_comes_first(run_copy: Path) -> None:
    def answers(labels: np.ndarray) -> np.ndarray:
        once = some_of(3, 0.5, called=8)(labels)
        return np.where(labels == 5, some_of(5, 0.8, called=6)(labels), once)

    answer(run_copy, "test", answers)
    [one] = found(run_copy, "SNL121")
    assert one.values["weak"] == ["5", "3"] and "Also weak: 3 (" in one.sentence


def test_over_seeds_weakness_is_of_the_recipe(seeds_copy: Path) -> None:
    facts = facts_of(seeds_copy)
    model = str(facts.evaluation.chosen)
    for job in facts.record.planned[model].seeds.values():
        folder = facts.record.folder_of(job)
        stored = folder.labelled("test")
        assert stored.labels is not None
        given = np.eye(10, dtype=np.float32)[some_of(3, 0.5, called=8)(stored.labels)]
        save_predictions(folder.predictions_path("test"), replace(stored, probabilities=given), job)
    [one] = found(seeds_copy, "SNL121")
    assert one.values["class"] == "3" and "the 3 networks of" in one.sentence and "on average" in one.sentence


def test_classes_confused_both_ways(run_copy: Path) -> None:
    answer(run_copy, "test", confused((3, 8), (8, 3)))
    [one] = found(run_copy, "SNL122")
    assert one.values["pairs"] == [["3", "8"]] and set(one.values["classes"]) == {"3", "8"}
    assert 0.3 < one.values["value"] < 0.6 and 0.3 < one.values["back"] < 0.6


@pytest.mark.parametrize("answers", [np.copy, confused(), confused((3, 8)), confused((3, 8), (5, 8))])
def test_other_mistakes_are_no_confusion_both_ways(run_copy: Path, answers: Answers) -> None:
    answer(run_copy, "test", answers)
    assert found(run_copy, "SNL122") == []


def sized(**sizes: int) -> list[dict[str, Any]]:
    """Counts of images: 100 of each class on each role, but for some."""
    return [{"class": name, **{role: sizes.get(f"{role}_{name}", 100) for role in ROLES}} for name in "0123456789"]


@pytest.mark.parametrize(("fewest", "raised"), [(20, True), (50, True), (51, False), (100, False)])
def test_imbalance(run_copy: Path, fewest: int, raised: bool) -> None:
    in_data(run_copy, "data", counts=sized(train_7=fewest))
    told = found(run_copy, "SNL123")
    assert bool(told) == raised
    for one in told:
        assert (one.values["ratio"], one.values["fewest"]) == (round(100 / fewest, 1), fewest)
        assert "Balanced accuracy" in one.sentence and "macro_recall" in str(one.advice)


@pytest.mark.parametrize(
    ("sizes", "official", "raised"),
    [
        ({f"test_{k}": 0 for k in range(5)}, True, ["test"]),
        ({f"validation_{k}": 5 for k in range(4)}, True, ["validation"]),
        ({f"test_{k}": 0 for k in range(5)}, False, []),
        ({"test_3": 120, "test_4": 80}, True, []),
        ({**{f"test_{k}": 1 for k in range(10)}, "test_3": 3}, True, []),
    ],
)
def test_an_official_part_with_another_mix_of_classes(
    run_copy: Path, sizes: dict[str, int], official: bool, raised: list[str]
) -> None:
    in_data(run_copy, "data", counts=sized(**sizes))
    in_data(run_copy, "roles", official_test=official, official_validation=official)
    assert [one.values["role"] for one in found(run_copy, "SNL127")] == raised


def test_unreadable_files(run_copy: Path) -> None:
    assert found(run_copy, "SNL131") == []
    row = {"id": "cats/3.png", "reason": "unreadable", "twin": "truncated"}
    in_data(run_copy, "roles", left_out_total={"unreadable": 2}, left_out=[row])
    [one] = found(run_copy, "SNL131")
    assert one.severity == "warning" and one.sentence.startswith("2 image files could not be read and were left out")


def timed(folder: Path, own: float, baseline: float) -> None:
    record = RunRecord(folder)
    edit_json(record.job(CHOSEN).path / "result.json", lambda stored: {**stored, "seconds": own})
    for each in record.baselines.values():
        edit_json(each.path / "result.json", lambda stored: {**stored, "seconds": baseline})


@pytest.mark.parametrize(
    ("own", "baseline", "better", "raised"),
    [(60.0, 2.0, False, True), (60.0, 2.0, True, False), (15.0, 2.0, False, False), (0.4, 0.01, False, False)],
)
def test_slower_than_a_baseline_that_is_as_good(
    run_copy: Path, own: float, baseline: float, better: bool, raised: bool
) -> None:
    record = RunRecord(run_copy)
    answer(run_copy, "validation", np.copy)
    for each in record.baselines.values():
        stored = each.job.labelled("validation")
        assert stored.labels is not None
        given = np.eye(10, dtype=np.float32)[np.zeros_like(stored.labels) if better else stored.labels]
        path = each.job.predictions_path("validation")
        save_predictions(path, replace(stored, probabilities=given), each.path.name)
    timed(run_copy, own, baseline)
    assert [one.values["seconds"] for one in found(run_copy, "SNL129")] == ([own] if raised else [])


def run_on(folder: Path, data: snellen.Dataset, **changes: Any) -> Path:
    return run_small(folder / "run", **{**QUICK, "data": data, "split": {"validation": 0.2}, **changes}).folder


def codes(folder: Path) -> set[str]:
    return {each.code for each in findings_of(folder)}


def test_a_validation_part_that_is_the_union_of_the_others(tmp_path: Path) -> None:
    images, labels = blobs(160)
    train, test = (images[:120], labels[:120]), (images[120:], labels[120:])
    whole = snellen.from_arrays(
        *train, test_images=test[0], test_labels=test[1], validation_images=images, validation_labels=labels
    )
    folder = run_on(tmp_path, whole)
    [one] = found(folder, "SNL125")
    assert one.severity == "warning" and "120 are also in images and 40 are also in test_images" in one.sentence
    assert found(folder, "SNL117") == []
    without = run_on(tmp_path / "without", snellen.from_arrays(*train, test_images=test[0], test_labels=test[1]))
    assert found(without, "SNL125") == []


def test_faults_of_the_data_are_found_in_a_real_run(tmp_path: Path) -> None:
    """A constant image, a small class, and the last rows of ordered data as the test."""
    images, labels = blobs(300)
    images[5] = 17
    ordered = np.argsort(labels, kind="stable")
    kept = np.concatenate([ordered[:60], ordered[100:]])
    last = kept[-60:]
    data = snellen.from_arrays(
        images[kept[:-60]], labels[kept[:-60]], test_images=images[last], test_labels=labels[last]
    )
    folder = run_on(tmp_path, data)
    assert {"SNL123", "SNL124", "SNL127"} <= codes(folder)
    [one] = found(folder, "SNL124")
    assert one.values["count"] == 1 and one.sentence.startswith("1 image has one colour only, so it shows nothing: ")
    sound = run_on(tmp_path / "sound", snellen.from_arrays(*blobs(300)), split={"validation": 0.2, "test": 0.2})
    assert not {"SNL123", "SNL124", "SNL125", "SNL126", "SNL127", "SNL130", "SNL131"} & codes(sound)


def test_pixels_that_do_not_fit_their_range(tmp_path: Path) -> None:
    images, labels = blobs(150)
    unit = (images / np.float32(255)).astype(np.float32)
    wrong = run_on(tmp_path / "wrong", snellen.from_arrays(unit, labels, pixel_range=(0, 255)))
    assert [one.severity for one in found(wrong, "SNL130")] == ["warning"]
    bright = run_on(tmp_path / "bright", snellen.from_arrays(images, labels, pixel_range=(0, 1)))
    assert len(found(bright, "SNL130")) == 1
    right = run_on(tmp_path / "right", snellen.from_arrays(unit, labels, pixel_range=(0, 1)))
    assert found(right, "SNL130") == []


@pytest.mark.parametrize(("scale", "raised"), [(255.0, ["linear"]), (1.0, []), (2.0, [])])
def test_a_network_that_sees_large_pixels(tmp_path: Path, scale: float, raised: list[str]) -> None:
    models = {"linear": {"layers": [{"rescale": scale}, "flatten"]}}
    folder = run_on(tmp_path, snellen.from_arrays(*blobs(150)), models=models)
    assert [one.values["model"] for one in found(folder, "SNL130")] == raised


def npz(folder: Path, validation: str) -> Path:
    images, labels = blobs(200)
    parts = {"train": slice(0, 120), validation: slice(120, 160)}
    arrays: dict[str, Any] = {f"X_{name}": images[rows] for name, rows in parts.items()}
    arrays |= {f"y_{name}": labels[rows] for name, rows in parts.items()}
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


@pytest.mark.parametrize(("name", "raised"), [("test", ["warning"]), ("val", [])])
def test_a_part_named_test_that_serves_as_validation(tmp_path: Path, name: str, raised: list[str]) -> None:
    keys = {
        "images": "X_train",
        "labels": "y_train",
        "validation_images": f"X_{name}",
        "validation_labels": f"y_{name}",
    }
    source = {"source": str(npz(tmp_path, name)), "keys": keys}
    folder = run_small(tmp_path / "run", **{**QUICK, "data": source, "split": {}}).folder
    assert [one.severity for one in found(folder, "SNL126")] == raised


def test_test_images_that_chose_are_an_error(run_copy: Path) -> None:
    assert found(run_copy, "SNL126") == []
    record = RunRecord(run_copy)
    tested = record.job(CHOSEN).labelled("test")
    for model in record.done:
        validated = record.job(model).labelled("validation")
        ids = validated.ids.astype(object)
        ids[:5] = tested.ids[:5]
        path = record.job(model).predictions_path("validation")
        save_predictions(path, replace(validated, ids=ids.astype(str)), record.job(model).path.name)
    [one] = found(run_copy, "SNL126")
    assert one.severity == "error" and one.values == {"what": "images have both roles", "count": 5}


def test_a_study_that_does_so_on_purpose_is_warned_of(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    study = SimpleNamespace(on_purpose=("test_as_validation",))
    record: Any = SimpleNamespace(study=study, data=facts.record.data)
    [one] = RULES["SNL126"](replace(facts, record=record))
    assert one.severity == "warning" and one.values["what"] == "on purpose"


def test_validation_rows_that_are_the_last_ones_are_looked_at(run_copy: Path) -> None:
    counts = sized(**{f"validation_{k}": 5 for k in range(4)})
    in_data(run_copy, "data", counts=counts)
    assert found(run_copy, "SNL127") == []
    in_data(run_copy, "roles", stratified=False)
    [one] = found(run_copy, "SNL127")
    assert one.sentence.startswith("The validation part has another mix of classes")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    models = {"dense": {"layers": ["flatten", {"dense": {"units": 8, "activation": "relu"}}]}}
    return run_small(tmp_path_factory.mktemp("dead") / "run", models=models, analyses=["units"])


def test_dead_units(analysed: Run) -> None:
    facts = facts_of(analysed.folder)
    [(one, outcome)] = facts.outcomes.items()
    before = outcome.facts["counts"]["dead"]
    assert len(list(RULES["SNL128"](facts))) == bool(before)
    for dead, severity in ((0, None), (2, "notice"), (4, "warning")):
        counts = {**outcome.facts["counts"], "dead": dead}
        planted = replace(facts)
        planted.__dict__["outcomes"] = {one: replace(outcome, facts={**outcome.facts, "counts": counts})}
        told = list(RULES["SNL128"](planted))
        assert [each.severity for each in told] == ([severity] if severity else [])
        assert all(each.sentence.startswith(f"{dead} of the 8 units of `dense_1`") for each in told)


OWN = ("SNL007", "SNL121", "SNL122", "SNL123", "SNL124", "SNL127", "SNL129", "SNL130", "SNL131")


def test_first_sentences_are_short(run_copy: Path) -> None:
    """At most 30 words; a number with its interval counts as one."""
    answer(run_copy, "test", confused((3, 8), (8, 3)))
    constant = {"images": 3, "ids": ["a", "b", "c"]}
    in_data(run_copy, "data", counts=sized(train_7=9, test_4=0, test_5=0), constant=constant)
    in_data(run_copy, "roles", official_test=True, left_out_total={"unreadable": 2})
    timed(run_copy, 60.0, 0.1)
    told = [one for code in OWN for one in found(run_copy, code)]
    assert {one.code for one in told} >= {"SNL121", "SNL122", "SNL123", "SNL124", "SNL127", "SNL131"}
    for one in told:
        short = re.sub(r"[\d.,]+ %( \([^)]*\))?", "N", one.sentence)
        first = re.split(r"(?<=[a-z0-9N)])\. (?=[A-Z0-9])", short)[0]
        assert len(first.split()) <= 30, (len(first.split()), first)


def test_the_best_class_is_named_with_its_interval(run_copy: Path) -> None:
    """Every class but 4 has mistakes; those whose intervals reach that of 4 are named as not set apart."""

    def answers(labels: np.ndarray) -> np.ndarray:
        given = labels.copy()
        for label in set(range(10)) - {4}:
            own = np.flatnonzero(labels == label)
            given[own[: max(2, len(own) // 2) if label == 3 else 2]] = (label + 1) % 10
        return given

    answer(run_copy, "test", answers)
    [one] = found(run_copy, "SNL121")
    assert (one.values["best"], one.values["best_recall"], one.values["best_high"]) == (["4"], 1.0, 1.0)
    assert 0 < one.values["best_low"] < 1 and "Best on class 4: 100.0 % (" in one.sentence
    apart = one.values["best_not_set_apart"]
    assert apart and "3" not in apart and "4" not in apart and "apart from it." in one.sentence


def test_classes_that_are_best_together_are_a_tie(run_copy: Path) -> None:
    answer(run_copy, "test", some_of(3, 0.5, called=8))
    [one] = found(run_copy, "SNL121")
    assert one.values["best"] == ["0", "1", "2", "4", "5", "6", "7", "8", "9"]
    assert "The highest observed recall is a tie of 0, 1, 2, 4, 5 and 4 more: 100.0 % (" in one.sentence


def test_classes_that_are_lowest_together_are_a_tie(run_copy: Path) -> None:
    def answers(labels: np.ndarray) -> np.ndarray:
        given = labels.copy()
        counts = np.bincount(labels)
        twice = [label for label in range(10) if (counts == counts[label]).sum() > 1]
        same = [label for label in range(10) if counts[label] == counts[twice[0]]]
        for label in same[:2]:
            given[np.flatnonzero(labels == label)[0]] = (label + 1) % 10
        return given

    answer(run_copy, "test", answers)
    [one] = found(run_copy, "SNL007")
    assert "The same holds for" in one.sentence and ": a tie." in one.sentence
