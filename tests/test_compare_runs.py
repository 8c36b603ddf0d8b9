"""Protects the proof that a refactoring changes nothing: scripts/compare_runs.py sees every kind of difference, tells
wording from values, and its studies use every analysis."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from snellen.study.analyses import ANALYSES

ROOT = Path(__file__).parent.parent
RUN = ROOT / "tests/compatibility/made_2026_11_29/finished"

with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    import compare_runs
    import compared_studies


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of a finished run, to change at will."""
    return Path(shutil.copytree(RUN, tmp_path / "run"))


def replace(name: str, old: str, new: str, times: int = -1) -> Callable[[Path], None]:
    """Changes a text in a file of a run."""

    def change(run: Path) -> None:
        text = (run / name).read_text(encoding="utf-8")
        assert old in text
        (run / name).write_text(text.replace(old, new, times), encoding="utf-8")

    return change


def weights(run: Path) -> None:
    """The last bit of one number."""
    path = sorted(run.glob("jobs/*/weights.safetensors"))[0]
    arrays = load_file(path)
    arrays["dense.bias" if "dense.bias" in arrays else min(arrays)].view("int32").flat[0] += 1
    save_file(arrays, path)


def cell(run: Path) -> None:
    table = pl.read_parquet(run / "scores.parquet")
    table.with_columns(pl.col("value") + 1e-12).write_parquet(run / "scores.parquet")


def test_a_run_is_the_same_as_its_copy_whatever_the_clocks_say(copy: Path) -> None:
    for path in copy.glob("jobs/*/history.json"):
        path.write_text(path.read_text(encoding="utf-8").replace('"seconds": 0', '"seconds": 9'), encoding="utf-8")
    found = compare_runs.compare(RUN, copy)
    assert (found.values, found.words) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        weights,
        cell,
        replace("evaluation.json", '"chosen": "searched"', '"chosen": "phases"'),
        replace("evaluation.json", '"margin": 0.005', '"margin": 0.0050000001'),
        replace("evaluation.json", '"margin"', '"size_margin"'),
        replace("plan.json", '"fold": 1', '"fold": 1.0'),
        replace("resolved.yaml", "epochs: 4", "epochs: 5"),
        lambda run: (run / "floors.json").unlink(),
    ],
    ids=["a bit", "a cell", "a name", "a number", "a key", "a type", "yaml", "a file"],
)
def test_a_changed_value_is_a_difference(copy: Path, change: Callable[[Path], None]) -> None:
    change(copy)
    found = compare_runs.compare(RUN, copy)
    assert found.values and not found.words


def test_another_wording_is_listed_apart(copy: Path) -> None:
    replace("findings.json", "is chosen for", "was chosen for")(copy)
    found = compare_runs.compare(RUN, copy)
    assert not found.values and any("+ `searched` was chosen for" in line for line in found.words)
    assert not any("OTHER NUMBERS" in line for line in found.words)


def test_other_numbers_in_a_sentence_are_marked(copy: Path) -> None:
    replace("findings.json", "of 2 models", "of 3 models")(copy)
    found = compare_runs.compare(RUN, copy)
    assert not found.values and any("OTHER NUMBERS" in line for line in found.words)


def test_a_verdict_must_be_reworded_everywhere_alike(copy: Path) -> None:
    stored = json.loads((RUN / "evaluation.json").read_text(encoding="utf-8"))
    methods = [pair["verdict"] for pair in stored["comparisons"]["all"]]
    word = next(each for each in methods if " " in each and methods.count(each) > 1)
    replace("evaluation.json", f'"verdict": "{word}"', '"verdict": "in other words"')(copy)
    assert not compare_runs.compare(RUN, copy).values
    replace("evaluation.json", '"verdict": "in other words"', f'"verdict": "{word}"', 1)(copy)
    assert compare_runs.compare(RUN, copy).values


def test_the_studies_ask_for_every_analysis() -> None:
    asked = [analysis for study in compared_studies.STUDIES.values() for analysis in study.get("analyses", [])]
    assert {name if isinstance(name, str) else next(iter(name)) for name in asked} == ANALYSES.keys()


def test_every_shipped_study_is_planned() -> None:
    shipped = {path.stem for path in (ROOT / "src/snellen/studies").glob("*.yaml")}
    assert compared_studies.SHIPPED.keys() == shipped


def test_every_shipped_study_is_planned_and_the_same_again() -> None:
    """Also those that name classes, and more images than there are here."""
    plans = compare_runs._shipped_plans()
    assert plans.keys() == compared_studies.SHIPPED.keys()
    assert all(each["jobs"] and each["models"] for each in plans.values())
    assert plans == compare_runs._shipped_plans()
