"""Protects credits to a setting: the networks of the very comparison must have taken equal steps on equal rows and
differ in that setting alone, in every seed, fold and phase."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import PLAIN, SEARCH, edit_json, facts_of, plant, run_small

from snellen.api import Run
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.matched_pairs import side_differences
from snellen.evaluate.record import RunRecord
from snellen.evaluate.verdicts import CANNOT_TELL
from snellen.findings.comparisons import no_evidence
from snellen.findings.finding import Finding
from snellen.findings.rules import RULES
from snellen.statistics.results import Difference
from snellen.train.job import Job

WIDER: dict[str, Any] = {"layers": [*PLAIN["layers"], {"dropout": 0.1}]}
PHASES = [{"epochs": 1}, {"epochs": 2}]
OTHERS = [{"epochs": 1}, {"epochs": 2, "augment": [{"shift": 0.1}]}]
OWN: dict[str, dict[str, Any]] = {
    "folds": {"models": {"a": PLAIN, "b": WIDER}, "folds": 2, "seeds": 3},
    "phases": {"models": {"a": {**PLAIN, "train": PHASES}, "b": {**PLAIN, "train": OTHERS}}, "seeds": 3},
    "nested": {
        "models": {"a": SEARCH, "b": {**SEARCH, "train": {**SEARCH["train"], "weight_decay": 0.1}}},
        "folds": {"count": 2, "nested": True},
        "seeds": 3,
    },
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: run_small(tmp_path_factory.mktemp("pairs") / "run", **each).folder for name, each in OWN.items()}


@pytest.fixture
def copy(runs: dict[str, Path], seeds_run: Run, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the run of that name, to change at will."""
    folders = {**runs, "seeds": seeds_run.folder}
    return lambda name: Path(shutil.copytree(folders[name], tmp_path / "copy"))


def said(folder: Path, code: str) -> list[Finding]:
    """Of models; those of searches are in test_factors.py."""
    return [one for one in RULES[code](facts_of(folder)) if "models" in one.values]


def longer(folder: Path, job: str) -> None:
    edit_json(RunRecord(folder).folder_of(job).path / "result.json", lambda old: {**old, "epochs": old["epochs"] + 1})


def phases_of(folder: Path, job: str) -> list[str]:
    """The jobs of a network, the last phase first."""
    found: list[str] = []
    stored: Job | None = RunRecord(folder).folder_of(job).read_job()
    while stored is not None:
        found.append(stored.id)
        stored = stored.trajectory.start
    return found


def equal(folder: Path) -> bool:
    """Nothing is held against the pair."""
    return bool(said(folder, "SNL014")) and not said(folder, "SNL113")


def test_over_folds_those_of_the_folds_count_and_no_others(copy: Callable[[str], Path]) -> None:
    folder = copy("folds")
    planned = RunRecord(folder).planned
    assert equal(folder)
    for job in planned["a"].seeds.values():
        longer(folder, job)
    assert equal(folder), "the networks of the study's own split are not what is compared"
    longer(folder, planned["b"].folds[-1].job)
    [found] = said(folder, "SNL113")
    assert not said(folder, "SNL014") and ": unequal training steps; needs equal epochs" in found.sentence


def test_a_fold_that_is_not_compared_does_not_count(copy: Callable[[str], Path]) -> None:
    """Of three splits one failed in one model: what the other model did there is not compared."""
    folder = copy("folds")
    edit_json(folder / "plan.json", _third_split)
    planned = RunRecord(folder).planned
    assert len(planned["a"].folds) == 9 and len(planned["b"].folds) == 6
    assert equal(folder)


def _third_split(plan: dict[str, Any]) -> dict[str, Any]:
    """A split that one model alone has; its networks, those of the study's split, were trained as long as others."""
    model = plan["models"]["a"]
    more = [{**fold, "fold": 3, "job": f"missing{fold['seed']}"} for fold in model["folds"] if fold["fold"] == 2]
    return {**plan, "models": {**plan["models"], "a": {**model, "folds": [*model["folds"], *more]}}}


def test_every_seed_counts(copy: Callable[[str], Path]) -> None:
    folder = copy("seeds")
    plain, dropped = (list(RunRecord(folder).planned[model].seeds.values()) for model in ("plain", "dropped"))
    assert any(set(each.values["models"]) == {"plain", "dropped"} for each in said(folder, "SNL014"))
    longer(folder, dropped[2])
    assert not any(set(each.values["models"]) == {"plain", "dropped"} for each in said(folder, "SNL014"))
    assert plain


def test_every_phase_counts(copy: Callable[[str], Path]) -> None:
    folder = copy("phases")
    planned = RunRecord(folder).planned
    assert equal(folder)
    last, first = phases_of(folder, list(planned["b"].seeds.values())[1])
    assert first in phases_of(folder, list(planned["a"].seeds.values())[1]), "both sides share the first phase"
    longer(folder, last)
    assert not equal(folder) and said(folder, "SNL113")


def test_rows_of_both_sides_must_be_equal(copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy("seeds")
    facts = facts_of(folder)
    one = facts.evaluation.comparisons.between("plain", "dropped")
    assert one is not None and side_differences(facts.record, one, facts.evaluation.ranked).equal_rows
    other = RunRecord(folder).planned["dropped"].seeds[1]
    read = type(facts.record.folder_of(other)).read_job

    def elsewhere(self: Any) -> Job:
        job = read(self)
        if self.path.name != other:
            return job
        return job.model_copy(update={"trajectory": job.trajectory.model_copy(update={"rows": "f" * 64})})

    monkeypatch.setattr(type(facts.record.folder_of(other)), "read_job", elsewhere)
    assert not side_differences(facts.record, one, facts.evaluation.ranked).equal_rows
    [found] = [each for each in said(folder, "SNL113") if set(each.values["models"]) == {"plain", "dropped"}]
    assert ": other training rows; needs" in found.sentence and found.steps == ()


def test_values_that_folds_searched_apart_are_no_control(copy: Callable[[str], Path]) -> None:
    """Both models are searched inside each fold; where a fold found other widths, the pair differs in more there."""
    folder = copy("nested")
    same = {"layers.1.dense.units": 8, "train.epochs": 4}

    def found(other: int) -> Callable[[Any], Any]:
        def change(plan: dict[str, Any]) -> dict[str, Any]:
            splits = [(1, fold) for fold in (1, 2)]
            of = {
                model: [
                    {"repeat": repeat, "fold": fold}
                    | {"values": {**same, "layers.1.dense.units": other if (model, fold) == ("b", 2) else 8}}
                    for repeat, fold in splits
                ]
                for model in ("a", "b")
            }
            return {**plan, "found": {"a": same, "b": same}, "found_in_folds": of}

        return change

    def all_equal() -> None:
        record = RunRecord(folder)
        for model in ("a", "b"):
            for fold in record.planned[model].folds:
                edit_json(record.folder_of(fold.job).path / "result.json", lambda old: {**old, "epochs": 4})

    all_equal()
    edit_json(folder / "plan.json", found(8))
    assert said(folder, "SNL014") and not said(folder, "SNL113")
    edit_json(folder / "plan.json", found(32))
    [one] = said(folder, "SNL113")
    assert not said(folder, "SNL014") and ": other values in some folds; needs" in one.sentence


def test_what_cannot_be_told_from_chance_is_no_evidence_of_nothing(copy: Callable[[str], Path]) -> None:
    folder = copy("seeds")
    record = RunRecord(folder)
    for model, start in (("plain", 0), ("dropped", 3)):
        for place, job in enumerate(record.planned[model].seeds.values()):
            right = np.random.default_rng(start + place).random(210) < 0.9
            plant(folder, job, "validation", right)
    [found] = [each for each in said(folder, "SNL014") if set(each.values["models"]) == {"plain", "dropped"}]
    assert "cannot be told from chance, which is no evidence that there is none" in found.sentence


def test_a_difference_too_large_to_name_is_said_in_one_clean_sentence() -> None:
    gap = Difference(0.0, -0.1, 0.1, 0.5, 0.05, None, "images", "a method")
    pair = Comparison("a", "b", "validation", "networks", 20, 1, None, gap, 1.0, CANNOT_TELL, None, 0.4)
    assert no_evidence([pair], 24).startswith(
        "Even a difference of 25.0 points might have been missed, corrected for 24 comparisons; that none"
    )
    assert "found, corrected for 24 comparisons, with a" in no_evidence([replace(pair, detectable=0.1)], 24)
