"""Protects the sentences about choosing: each is said where its predicate holds on planted predictions and nowhere
else; a tie is never called a win; nothing is credited to a setting without a matched pair and three seeds."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import CHOOSING, LINEAR, SEARCH, SEEDED, edit_json, facts_of, findings_of, plant, plant_sure, run_small

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.findings.claims import claim
from snellen.findings.finding import Finding
from snellen.findings.rules import RULES, judge
from snellen.models.predictions import save_predictions
from snellen.train.overfitting import Losses

Change = Callable[[Path], None]


def noisy(share: float, images: int, draw: int, seeds: int = 3) -> np.ndarray:
    """(seeds, images) bool, right on about that share; another draw, other images."""
    return np.random.default_rng([draw, seeds, images]).random((seeds, images)) < share


def seeds_right(role: str, images: int, **shares: float) -> Change:
    """Models that are right on these shares of a role, each seed on others."""

    def change(folder: Path) -> None:
        planned = RunRecord(folder).planned
        for draw, (model, share) in enumerate(shares.items()):
            for job, right in zip(planned[model].seeds.values(), noisy(share, images, draw)):
                plant(folder, job, role, right)

    return change


def folds_right(**shares: float) -> Change:
    """Models that are right on these shares of every fold, within half a per cent."""

    def change(folder: Path) -> None:
        record = RunRecord(folder)
        for model, share in shares.items():
            for fold in record.planned[model].folds:
                rank = np.arange(fold.num_held_out) / fold.num_held_out
                plant(folder, fold.job, "held_out", rank < share + 0.005 * (fold.fold - 2))

    return change


def in_turn(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def as_is(folder: Path) -> None:
    """The run as it is."""


def opened_right(share: float) -> Change:
    """The opened network right on the first images of the test."""

    def change(folder: Path) -> None:
        record = RunRecord(folder)
        model = json.loads((folder / "evaluation.json").read_text())["opened"][0]
        plant(folder, record.planned[model].tested[0], "test", np.arange(449) < share * 449)

    return change


def one_seed(folder: Path) -> None:
    """As if the study had asked for one seed."""

    def first(model: dict[str, Any]) -> dict[str, Any]:
        return {**model, "seeds": dict(list(model["seeds"].items())[:1])}

    edit_json(
        folder / "plan.json",
        lambda plan: {**plan, "models": {name: first(one) for name, one in plan["models"].items()}},
    )


def longer(model: str) -> Change:
    """As if the networks of a model had been trained for more epochs than the others."""

    def change(folder: Path) -> None:
        record = RunRecord(folder)
        for job in record.planned[model].seeds.values():
            edit_json(record.folder_of(job).path / "result.json", lambda result: {**result, "epochs": 9})

    return change


def units_right(four: float, eight: float, thirty_two: float) -> Change:
    """Trials right on these shares of the validation images, by their units."""

    def change(folder: Path) -> None:
        shares = {4: four, 8: eight, 32: thirty_two}
        for trial in json.loads((folder / "search/dense.json").read_text())["outcome"]["trials"]:
            share = shares[trial["assignment"]["layers.1.dense.units"]]
            plant(folder, trial["jobs"][0], "validation", np.arange(210) < 210 * share)

    return change


def method(name: str) -> Change:
    """As if the search had been by another method."""

    def change(folder: Path) -> None:
        edit_json(
            folder / "search/dense.json",
            lambda stored: {**stored, "outcome": {**stored["outcome"], "method": name}},
        )

    return change


def last_epoch(validation: float, train: float) -> Change:
    """Stored losses of a last epoch, on validation and on training images; after the kept they were 0.5."""

    def change(folder: Path) -> None:
        record = RunRecord(folder)
        wobble = np.linspace(-0.05, 0.05, 200, dtype=np.float32)
        kept = dict.fromkeys(("train", "validation"), np.full(200, 0.5, np.float32))
        last = {"train": train + wobble, "validation": validation + wobble}
        job = record.job("plain")
        Losses(kept, last).save(job.losses, job.path.name)

    return change


def answers(first: tuple[float, float, float], others: tuple[float, float, float], role: str = "test") -> Change:
    """The chosen model and the others: the share they are right on, and the probability of the true class where they
    are right and where they are wrong. role: `test`, or `held_out` for the folds."""

    def change(folder: Path) -> None:
        evaluation = facts_of(folder).evaluation
        for model in evaluation.ranked:
            share, sureness, doubt = first if model == evaluation.chosen else others
            planned = RunRecord(folder).planned[model]
            jobs = [fold.job for fold in planned.folds] if role == "held_out" else [*planned.seeds.values()]
            for draw, job in enumerate(jobs):
                stored = RunRecord(folder).folder_of(job).labelled(role)
                right = np.random.default_rng([draw, len(model)]).random(len(stored)) < share
                plant_sure(folder, job, role, right, sureness, doubt)

    return change


def only_chosen(folder: Path) -> None:
    """As if the test had been opened for the chosen model only."""
    edit_json(folder / "evaluation.json", lambda stored: {**stored, "opened": stored["opened"][:1]})


TIE = seeds_right("validation", 210, plain=0.9, dropped=0.9, linear=0.3)
GAP = seeds_right("validation", 210, plain=0.97, dropped=0.6, linear=0.3)
AGREEING = in_turn(
    folds_right(plain=0.94, linear=0.6), opened_right(0.93), seeds_right("validation", 210, plain=0.93, linear=0.6)
)
CASES: dict[str, tuple[list[tuple[str, Change]], list[tuple[str, Change]]]] = {
    # code: run and change that raise it, run and change in which it is silent
    "SNL009": ([("seeds", TIE)], [("seeds", GAP)]),
    "SNL010": ([("seeds", GAP), ("folds", folds_right(plain=0.9, linear=0.5))], [("seeds", as_is)]),
    "SNL011": ([("seeds", as_is)], [("seeds", only_chosen), ("folds", as_is)]),
    "SNL012": ([("folds", as_is)], [("seeds", as_is), ("search", as_is)]),
    "SNL013": ([("search", as_is), ("seeds", as_is)], []),
    "SNL014": ([("seeds", GAP)], [("seeds", in_turn(longer("dropped"), longer("linear"))), ("seeds", one_seed)]),
    "SNL015": ([("seeds", as_is), ("folds", as_is)], []),
    "SNL111": ([("rates", units_right(0.5, 0.7, 0.9))], [("rates", units_right(0.5, 0.9, 0.9)), ("seeds", as_is)]),
    "SNL112": ([("search", method("halving"))], [("search", as_is)]),
    "SNL113": ([("seeds", one_seed), ("seeds", longer("dropped"))], [("seeds", as_is)]),
    "SNL180": ([("search", as_is)], [("seeds", as_is)]),
    "SNL114": (
        [("folds", in_turn(folds_right(plain=0.94, linear=0.3), opened_right(0.7)))],
        [("folds", AGREEING)],
    ),
    "SNL150": (
        # more right answers, but less sure of them, and surer of the wrong ones
        [
            ("seeds", answers((0.97, 0.6, 0.01), (0.85, 0.99, 0.4))),
            ("folds", answers((0.97, 0.6, 0.01), (0.85, 0.99, 0.4), "held_out")),
            ("seeds", in_turn(one_seed, answers((0.97, 0.6, 0.01), (0.85, 0.99, 0.4)))),
        ],
        [
            ("seeds", as_is),
            ("seeds", answers((0.97, 0.99, 0.4), (0.85, 0.6, 0.01))),  # ahead in all
            ("seeds", answers((0.905, 0.6, 0.01), (0.9, 0.99, 0.4))),  # the order by accuracy is noise
            ("search", as_is),
        ],
    ),
    "SNL115": (
        [("seeds", last_epoch(validation=0.6, train=0.4))],
        [
            ("seeds", as_is),
            ("seeds", last_epoch(validation=0.5, train=0.4)),
            ("seeds", last_epoch(validation=0.6, train=0.6)),
        ],
    ),
}


@pytest.fixture
def copies(seeds_run: Run, folds_run: Run, search_run: Run, rates_run: Run, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the run of that name, to change at will."""
    runs = {"seeds": seeds_run, "folds": folds_run, "search": search_run, "rates": rates_run}
    return lambda name: Path(shutil.copytree(runs[name].folder, tmp_path / name))


def said(folder: Path, code: str) -> list[Finding]:
    return [finding for finding in findings_of(folder) if finding.code == code]


def test_every_rule_about_choosing_has_its_cases() -> None:
    assert set(CASES) == set(CHOOSING) <= set(RULES)


@pytest.mark.parametrize(
    ("code", "run", "change"), [(code, *each) for code, (raising, _) in CASES.items() for each in raising]
)
def test_a_planted_fault_raises_its_finding(code: str, run: str, change: Change, copies: Callable[[str], Path]) -> None:
    folder = copies(run)
    change(folder)
    found = said(folder, code)
    assert found
    for finding in found:
        assert finding.sentence.endswith(".") and "None" not in finding.sentence and "nan" not in finding.sentence


@pytest.mark.parametrize(
    ("code", "run", "change"), [(code, *each) for code, (_, silent) in CASES.items() for each in silent]
)
def test_without_the_fault_there_is_no_finding(
    code: str, run: str, change: Change, copies: Callable[[str], Path]
) -> None:
    folder = copies(run)
    change(folder)
    assert not said(folder, code)


def test_an_order_that_depends_on_the_measure_has_its_numbers(copies: Callable[[str], Path]) -> None:
    folder = copies("seeds")
    answers((0.97, 0.6, 0.01), (0.85, 0.99, 0.4))(folder)
    found = said(folder, "SNL150")
    assert len(found) == 2  # both others
    for finding in found:
        measures = finding.values["measures"]
        assert finding.values["confidence"] == pytest.approx(1 - 0.05 / 3)
        assert measures["accuracy"]["low"] > 0 and measures["loss"]["low"] > 0
        numbers = r"[\d.]+ against [\d.]+: -[\d.]+ \(-[\d.]+ to -[\d.]+\)"
        shares = numbers.replace(" against", " % against").replace(": -", " %: ").replace(" \\(-", " points \\(")
        assert re.search(
            rf"depends on the measure: on 449 test images `\w+` by accuracy, {shares.replace('to -', 'to ')} and macro "
            rf"F1, .*; `\w+` by loss, {numbers}\.",
            finding.sentence,
        ), finding.sentence


def test_a_tie_is_never_called_a_win(copies: Callable[[str], Path]) -> None:
    """No sentence puts one tied model above the other, whoever stands first."""
    folder = copies("seeds")
    in_turn(TIE, seeds_right("test", 449, plain=0.9, dropped=0.9, linear=0.3))(folder)
    facts = facts_of(folder)
    sentences = [finding.sentence for finding in findings_of(folder)]
    first, second = facts.evaluation.ranked[:2]
    assert {first, second} == {"plain", "dropped"}
    for sentence in sentences:
        for clause in re.split(r"[:;.] ", sentence):
            if f"`{first}`" in clause and f"`{second}`" in clause:
                assert not re.search(r"better|above|worse|below|(more|less) accurate|outperform|beats", clause), clause
    [tie] = said(folder, "SNL009")
    assert "is undecided" in tie.sentence and "`linear`" not in tie.sentence
    assert "80 %" in tie.sentence and "no evidence that they are equal" in tie.sentence
    assert f"was not told apart from `{second}`" in claim(facts)
    assert "no evidence that they are equal" in claim(facts)


def test_better_is_said_of_named_pairs_with_their_interval(copies: Callable[[str], Path]) -> None:
    folder = copies("seeds")
    GAP(folder)
    one = facts_of(folder).evaluation.comparisons.between("plain", "dropped")
    assert one is not None and one.verdict.clearly_better
    [found] = said(folder, "SNL010")
    low, high = (f"{100 * end:.1f}" for end in (one.difference.low or 0, one.difference.high or 0))
    assert f"`plain` is clearly better than `dropped` ({100 * one.difference.value:.1f} points, {low} to {high})" in (
        found.sentence
    )
    assert "All 24 comparisons of models and baselines in this report are corrected together (Holm)" in found.sentence


def test_networks_are_not_recipes(copies: Callable[[str], Path]) -> None:
    """One seed: the sentence is about two networks, and no recipe is better."""
    folder = copies("seeds")
    in_turn(GAP, one_seed)(folder)
    [found] = said(folder, "SNL010")
    assert "the network of `plain` is clearly more accurate than the network of `dropped`" in found.sentence
    assert "not about training them again" in found.sentence and "better than" not in found.sentence
    assert said(folder, "SNL005")


def test_a_factor_needs_a_matched_pair(copies: Callable[[str], Path]) -> None:
    """plain and dropped differ in a layer; dropped and linear in two."""
    folder = copies("seeds")
    GAP(folder)
    pairs = [set(finding.values["models"]) for finding in said(folder, "SNL014")]
    assert pairs == [{"plain", "dropped"}, {"plain", "linear"}]
    assert "the layer `dropout` may be credited with it" in said(folder, "SNL014")[0].sentence


def test_one_seed_refuses_the_factor_in_plain_words(tmp_path: Path) -> None:
    """Two models of two phases that differ in the augmentation of the second alone, trained once, as in cifar10-cnn."""
    phases = [{"epochs": 1}, {"epochs": 1}]
    layers = ["flatten", {"dense": {"units": 16, "activation": "relu"}}]
    augmented = [phases[0], {"epochs": 1, "augment": [{"shift": 0.1}]}]
    models = {
        "with-augmentation": {"layers": layers, "train": augmented},
        "without": {"layers": layers, "train": phases},
    }
    folder = run_small(tmp_path, models=models).folder
    one = facts_of(folder).evaluation.comparisons.between("with-augmentation", "without")
    assert one is not None
    [found] = said(folder, "SNL113")
    assert re.fullmatch(
        r"The difference of (\d+\.\d) points between `[\w-]+` and `[\w-]+` on validation images cannot be credited to "
        r"the augmentation: 1 seed each; needs at least 3\.",
        found.sentence,
    )
    assert f"{100 * abs(one.difference.value):.1f} points" in found.sentence and found.advice == "--set seeds=3"
    assert not said(folder, "SNL014")


def test_folds_with_a_failed_network_and_leaks_in_folds_are_found(copies: Callable[[str], Path]) -> None:
    folder = copies("folds")
    record = RunRecord(folder)
    first, second = record.planned["plain"].folds[:2]
    edit_json(
        record.folder_of(first.job).path / "result.json",
        lambda result: {**result, "status": "failed", "reason": "the loss became nan"},
    )
    stored = record.folder_of(second.job).read_predictions("held_out")
    train = record.folder_of(second.job).read_predictions("train")
    assert stored is not None and train is not None
    ids = np.append(stored.ids[:-1], train.ids[0])
    save_predictions(record.folder_of(second.job).predictions_path("held_out"), replace(stored, ids=ids), second.job)
    [failed] = said(folder, "SNL101")
    assert "Training failed for 1 of 6 networks of `plain` in cross-validation" in failed.sentence
    [leak] = said(folder, "SNL903")
    assert "In both train and held out of `plain`, fold 1, seed 1: 1 image." in leak.sentence


def test_the_report_is_written_from_stored_files_alone(copies: Callable[[str], Path]) -> None:
    """Without data or weights, the same sentences."""
    for name in ("seeds", "folds", "search"):
        folder = copies(name)
        before = json.loads((folder / "findings.json").read_text())
        for path in folder.glob("jobs/*/weights.safetensors"):
            path.unlink()
        after = judge(facts_of(folder)).as_json()
        assert (after["answer"], after["claim"]) == (before["answer"], before["claim"])
        assert [one for one in after["findings"] if one["code"] != "SNL905"] == before["findings"]


def test_models_that_are_the_same_are_not_shown_to_be(tmp_path: Path) -> None:
    """Two names of one network: 210 images alike say what would have been found, and no more."""
    folder = run_small(tmp_path, models={"one": LINEAR, "other": LINEAR}).folder
    [tie] = said(folder, "SNL009")
    assert tie.values["detectable"] == pytest.approx(0.05, abs=0.03)
    assert "no evidence that they are equal" in tie.sentence


def test_what_the_comparison_with_the_best_excludes_is_named_apart(copies: Callable[[str], Path]) -> None:
    """Under the correction for all 24 comparisons `dropped` shares the letter of `plain`; alone it is worse."""
    folder = copies("seeds")
    planted = np.zeros((3, 210), bool)
    planted[:, :190] = True
    for model, wrong in (("plain", 0), ("dropped", 7), ("linear", 120)):
        right = planted.copy()
        right[:, :wrong] = False
        for job, row in zip(facts_of(folder).record.planned[model].seeds.values(), right, strict=True):
            plant(folder, job, "validation", row)
    pairs = facts_of(folder).evaluation.comparisons
    one = pairs.between("plain", "dropped")
    assert one is not None and one.difference.low is not None and one.difference.low > 0
    assert one.verdict.word == "cannot tell" and not pairs.best["dropped"].not_worse
    [tie] = said(folder, "SNL009")
    assert tie.values["excluded"] == ["dropped"] and "may be chance" not in tie.sentence
    assert "`dropped` shares a letter with `plain`" in tie.sentence and "rules it out as the best" in tie.sentence
    assert "It was not told apart from `dropped`" in claim(facts_of(folder))  # as the first screen says


def test_the_network_that_a_search_ranked_is_said_to_be_left_out(tmp_path: Path) -> None:
    """Four seeds, of which three are compared; fewer seeds would not do, and the advice says how many do."""
    small = {"layers": SEARCH["layers"], "search": "grid", "train": {"epochs": 1}}
    folder = run_small(tmp_path / "four", models={"dense": small, "linear": LINEAR}, seeds=4).folder
    [compared] = said(folder, "SNL010")
    assert "3 seeds each" in compared.sentence
    assert ", without the network of `dense` that the search ranked by these images)" in compared.sentence
    folder = run_small(tmp_path / "one", models={"dense": small, "linear": LINEAR}).folder
    [advised] = said(folder, "SNL005")
    assert advised.advice is not None and advised.advice.endswith("--set seeds=4")


def test_a_choice_by_loss_of_what_is_not_the_best_by_accuracy(tmp_path: Path) -> None:
    """The chosen model shares a letter with another, and the comparison with the best excludes it all the same."""
    folder = run_small(tmp_path, **{**SEEDED, "choose_by": "loss"}).folder
    first, second, third = facts_of(folder).evaluation.ranked
    planted = np.zeros((3, 210), bool)
    planted[:, :190] = True
    for model, wrong in ((first, 7), (second, 0), (third, 120)):
        right = planted.copy()
        right[:, :wrong] = False
        for job, row in zip(facts_of(folder).record.planned[model].seeds.values(), right, strict=True):
            plant(folder, job, "validation", row)
    pairs = facts_of(folder).evaluation.comparisons
    assert not pairs.best[first].not_worse and second in pairs.same_letter(first)
    [tie] = said(folder, "SNL009")
    assert tie.sentence.startswith(
        f"`{first}` was chosen by loss; by accuracy, the comparison with the best rules it out"
    )
    assert "may be chance" not in tie.sentence


def test_a_winner_of_a_search_is_not_compared_by_the_images_that_chose_it(tmp_path: Path) -> None:
    """Halving stopped trials early, so not even out of bag; nothing is credited, and the sentence says what to do."""
    model = {**SEARCH, "train": {"epochs": 4}, "search": {"method": "halving", "factor": 2}}
    folder = run_small(tmp_path, models={"dense": model, "linear": LINEAR}).folder
    pairs = facts_of(folder).evaluation.comparisons
    one = pairs.between("dense", "linear")
    assert one is not None and one.kind == "selected" and one.verdict.word == "cannot tell"
    assert all(each.not_worse for each in pairs.best.values())
    [tie] = said(folder, "SNL009")
    assert (
        "A search chose its winner by these validation images, so they cannot compare it" in tie.sentence
        and "80 %" not in tie.sentence
    )
    assert not said(folder, "SNL010")
    assert "was not compared with" in claim(facts_of(folder))
