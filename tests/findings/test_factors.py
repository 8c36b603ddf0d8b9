"""Protects what is said of a varied setting: from where to where accuracy rises, where the study cannot tell, and which
control is missing; every advised line is accepted by the study."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import PLAIN, edit_json, facts_of, plant, run_small

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.findings import no_single_factor
from snellen.findings.factor_words import LevelAccuracy, Varied, effect_clause
from snellen.findings.finding import Finding
from snellen.findings.rules import RULES
from snellen.findings.set_options import with_value, yaml_line
from snellen.study.differences import differences
from snellen.study.document import parse

UNITS, EPOCHS = "layers.1.dense.units", "train.epochs"
RATES = {"choice": [1e-3, 3e-3, 1e-2]}


def varied(values: list[Any], accuracies: list[float], above: list[tuple[int, int]], path: str = UNITS) -> Varied:
    table = np.zeros((len(values), len(values)), bool)
    for pair in above:
        table[pair] = True
    levels = tuple(LevelAccuracy(value, share, None, None) for value, share in zip(values, accuracies))
    return Varied(path, levels, table)


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            varied([16, 128, 256], [0.91, 0.978, 0.979], [(1, 0), (2, 0)]),
            "from 16 to 256 units validation accuracy rises from 91.0 % to 97.9 %; from 128 units on the study cannot "
            "tell",
        ),
        (
            varied([16, 128], [0.91, 0.979], [(1, 0)]),
            "from 16 to 128 units validation accuracy rises from 91.0 % to 97.9 %",
        ),
        (
            varied([1e-4, 1e-3, 1e-2], [0.8, 0.9, 0.7], [(1, 0), (1, 2), (0, 2)], "train.learning_rate"),
            "from a learning rate of 0.0001 to 0.001 validation accuracy rises from 80.0 % to 90.0 %; from a learning "
            "rate of 0.001 to 0.01 it falls to 70.0 %",
        ),
        (
            varied([5, 10, 15], [0.9, 0.89, 0.7], [(0, 2), (1, 2)], EPOCHS),
            "from 5 to 15 epochs validation accuracy falls from 90.0 % to 70.0 %; up to 10 epochs the study cannot "
            "tell",
        ),
        (
            varied([5, 10], [0.9, 0.905], [], EPOCHS),
            "what 5 to 10 epochs change the study cannot tell: validation accuracy is 90.0 % to 90.5 %, and no two "
            "values are told apart, which is no evidence of equality",
        ),
        (
            varied(["adam", "sgd", "rmsprop"], [0.9, 0.5, 0.89], [(0, 1), (2, 1)], "train.optimizer"),
            "validation accuracy is 90.0 % with adam and 50.0 % with sgd; adam and rmsprop the study cannot tell apart",
        ),
    ],
)
def test_the_sentence_says_where_accuracy_changes_and_where_the_study_cannot_tell(one: Varied, sentence: str) -> None:
    assert effect_clause(one) == sentence


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three widths by three learning rates."""
    layers = ["flatten", {"dense": {"units": {"choice": [4, 8, 32]}, "activation": "relu"}}]
    dense = {"layers": layers, "train": {"epochs": 1, "learning_rate": RATES}, "search": "grid"}
    return run_small(tmp_path_factory.mktemp("grid") / "run", models={"dense": dense})


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four widths as models with three seeds, and one model that differs from all of them in two settings."""
    train = {"epochs": 1}
    models: dict[str, Any] = {f"w{units}": _wide(units, train) for units in (4, 8, 16, 32)}
    models["other"] = _wide(64, {"epochs": 2})
    return run_small(tmp_path_factory.mktemp("apart") / "run", models=models, seeds=3)


def _wide(units: int, train: dict[str, Any]) -> dict[str, Any]:
    return {"layers": ["flatten", {"dense": {"units": units, "activation": "relu"}}], "train": train}


@pytest.fixture
def copy(grid: Run, apart: Run, search_run: Run, tmp_path: Path) -> Callable[[str], Path]:
    folders = {"grid": grid.folder, "apart": apart.folder, "few": search_run.folder}
    return lambda name: Path(shutil.copytree(folders[name], tmp_path / "copy"))


def said(folder: Path, code: str) -> list[Finding]:
    return list(RULES[code](facts_of(folder)))


def plant_trials(folder: Path, share: Callable[[dict[str, Any]], float]) -> None:
    for trial in json.loads((folder / "search/dense.json").read_text())["outcome"]["trials"]:
        random = np.random.default_rng(trial["number"]).random(210)
        plant(folder, trial["jobs"][0], "validation", random < share(trial["assignment"]))


def overrides(advice: str) -> list[str]:
    """What follows each --set of an advice."""
    words = shlex.split(advice[advice.index("--set") :])
    return [word for word in words if word != "--set"]


def accepted(folder: Path, finding: Finding) -> Any:
    assert finding.advice is not None
    return parse((folder / "study.yaml").read_text(), "study.yaml").study(overrides(finding.advice))


def test_a_search_says_what_each_key_did(copy: Callable[[str], Path]) -> None:
    folder = copy("grid")
    plant_trials(folder, lambda values: {4: 0.3, 8: 0.9, 32: 0.9}[values[UNITS]])
    units, rates = said(folder, "SNL014")
    assert units.values["key"] == UNITS and [one["value"] for one in units.values["curve"]] == [4, 8, 32]
    assert (
        units.sentence.startswith("From 4 to ") and "on the study cannot tell (the search of `dense`" in units.sentence
    )
    assert "means of 3 trainings at each value" in units.sentence and "6 comparisons of this search" in units.sentence
    assert rates.sentence.startswith("What a learning rate of 0.001 to 0.01 change the study cannot tell")
    assert not said(folder, "SNL180")


def test_one_training_a_value_cannot_tell_and_names_the_control(copy: Callable[[str], Path]) -> None:
    """Widths over epochs of the same training are one training each."""
    folder = copy("few")
    assert [one.values["key"] for one in said(folder, "SNL014")] == [EPOCHS]
    found = {one.values["keys"][0]: one for one in said(folder, "SNL180") if "keys" in one.values}
    one = found[UNITS]
    assert "the luck of 1 training at each value" in one.sentence and "Missing: at least 3 trainings" in one.sentence
    study = accepted(folder, one)
    assert study.seeds == 3 and study.models["dense"].search.mean_over == "seeds"


def test_searches_that_tried_the_same_key_once_a_value_are_one_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one line of advice for all of them, or for the first where that is too long to be read."""
    layers = ["flatten", {"dense": {"units": 8, "activation": "relu"}}]
    train = {"epochs": {"choice": [1, 2]}, "batch_size": {"choice": [16, 32]}}
    models = {
        name: {"layers": layers, "train": train | {"optimizer": name}, "search": "grid"} for name in ("adam", "sgd")
    }
    folder = run_small(tmp_path / "run", models=models).folder
    found = [one for one in said(folder, "SNL180") if one.values.get("key") == "train.batch_size"]
    assert [one.values["models"] for one in found] == [["adam", "sgd"]]
    assert "in the searches of `adam` and `sgd` the study cannot tell" in found[0].sentence
    spans = [
        max(level["accuracy"] for level in curve) - min(level["accuracy"] for level in curve)
        for curve in found[0].values["curves"].values()
    ]
    low, high = (f"{100 * each:.1f}" for each in (min(spans), max(spans)))
    assert low in found[0].sentence and f"{high} points of validation accuracy" in found[0].sentence
    study = accepted(folder, found[0])
    assert [study.models[name].search.mean_over for name in models] == ["seeds", "seeds"]
    assert found[0].advice is not None
    monkeypatch.setattr(no_single_factor, "LONGEST_LINE", len(found[0].advice) // 2)
    [short] = [one for one in said(folder, "SNL180") if one.values.get("key") == "train.batch_size"]
    assert short.advice is not None
    assert short.advice.startswith("Rank each value by its mean over seeds, in `adam` and likewise in the other: ")
    assert replace(short, advice=found[0].advice) == found[0]
    study = accepted(folder, short)
    assert [study.models[name].search.mean_over for name in models] == ["seeds", None]


def test_trials_stopped_by_their_results_say_nothing(copy: Callable[[str], Path]) -> None:
    folder = copy("grid")

    def cut(file: dict[str, Any]) -> dict[str, Any]:
        outcome = file["outcome"]
        trials = [{**one, "cut": one["number"] != outcome["winner"]} for one in outcome["trials"]]
        return {**file, "outcome": {**outcome, "trials": trials}}

    edit_json(folder / "search/dense.json", cut)
    [one] = said(folder, "SNL180")
    assert "it stopped 8 of its 9 trials early, by their results" in one.sentence
    assert not said(folder, "SNL014") and accepted(folder, one).models["dense"].search.method == "grid"


def test_models_that_differ_in_one_number_are_one_sentence(copy: Callable[[str], Path]) -> None:
    folder = copy("apart")
    planned = RunRecord(folder).planned
    for place, (model, share) in enumerate({"w4": 0.3, "w8": 0.6, "w16": 0.9, "w32": 0.9, "other": 0.95}.items()):
        for seed, job in enumerate(planned[model].seeds.values()):
            plant(folder, job, "validation", np.random.default_rng([place, seed]).random(210) < share)
    [series] = said(folder, "SNL014")
    assert series.values["models"] == ["w4", "w8", "w16", "w32"]
    assert series.sentence.startswith(f"`w4`, `w8`, `w16` and `w32` differ only in `{UNITS}`: from 4 to ")
    assert "from 16 units on the study cannot tell (on the same 210 validation images, 3 seeds each" in series.sentence
    [apart] = said(folder, "SNL180")
    assert "differ in 2 settings at once" in apart.sentence and UNITS in apart.sentence and EPOCHS in apart.sentence
    study = accepted(folder, apart)
    [name] = study.models.keys() - planned.keys()
    a, b = apart.values["models"]
    assert [len(differences(study.models[name], study.models[each])) for each in (a, b)] == [1, 1]


def test_a_line_of_yaml_reads_back() -> None:
    value = {"a": [1, 0.0005, "relu", True, None, "sha256:ab"], "class": {"T-shirt/top": 2.5, "1": 3}, "no": "yes"}
    assert parse(f"value: {yaml_line(value)}", "line").values["value"] == value


def test_a_value_below_a_missing_key_is_added_and_nothing_else_changes() -> None:
    assert with_value({"layers": "linear"}, EPOCHS, 3) == {"layers": "linear", "train": {"epochs": 3}}
    assert with_value({"layers": "linear"}, UNITS, 3) is None
    changed = with_value(PLAIN, UNITS, 3)
    assert changed["layers"][1]["dense"]["units"] == 3 and PLAIN["layers"][1]["dense"]["units"] == 16
