"""Protects against a stranger's run directory: it is read, or one error says what is wrong; nothing hangs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import run_attack_cases as cases
from run_attack_cases import Case
from runs import LINEAR, SEARCH, blobs, edit_json

import snellen
from snellen.api import Run
from snellen.deploy.predict import open_model
from snellen.errors import IdentityError, RunError, SnellenError
from snellen.files import journal
from snellen.findings.rules import Judgement
from snellen.run import report

STUDY: dict[str, Any] = {
    "models": {
        "dense": SEARCH | {"train": {"epochs": {"choice": [2, 4]}, "augment": [{"shift": 0.1}]}},
        "linear": LINEAR,
    },
    "split": {"test": 40, "validation": 60},
    "train": {"batch_size": 64},
    "folds": 2,
    "seeds": 2,
    "open_test": "all",
    "analyses": [
        {"units": {"models": ["dense"]}},
        {"maps": {"methods": ["pca"], "models": ["dense"]}},
        "data",
        "errors",
    ],
}
SAMPLED = 16
"""So many of the cases, evenly spread, run with each push; all of them with `-m slow`."""


def study() -> snellen.Study:
    return snellen.Study("attacked", data=snellen.from_arrays(*blobs(240), pixel_range=(0, 255)), **STUDY)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with searches, folds, seeds and analyses."""
    folder = tmp_path_factory.mktemp("good") / "run"
    study().run(out=folder, device="cpu", threads=1, progress=False)
    return folder


def said(run: Path) -> str | Judgement:
    """The judgement of its report, or the error in words; any other exception passes."""
    try:
        return report(run).judgement
    except SnellenError as error:
        return str(error)


def attacked(good: Path, run: Path, some: Iterable[Case]) -> Iterator[tuple[Case, str | Judgement]]:
    for case in some:
        cases.restore(run, good)
        case.change(run / case.file)
        try:
            yield case, said(run)
        except Exception as error:
            raise AssertionError(f"{case}: {type(error).__name__}") from error


def spread(some: Iterable[Case], most: int | None) -> list[Case]:
    found = list(some)
    return found[:: -(-len(found) // most)] if most else found


def check_whole_files(good: Path, run: Path, most: int | None) -> None:
    for case, outcome in attacked(good, run, spread(cases.whole_file_cases(good), most)):
        named = case.file.split("/")[-1]
        if isinstance(outcome, str):
            assert named in outcome or Path(case.file).parent.name in outcome or "the run" in outcome, (case, outcome)
        else:
            unfit = any(finding.code == "SNL902" for finding in outcome.others)
            assert unfit or not is_covered(case), case


def is_covered(case: Case) -> bool:
    """Whether a change of the file must be told by SNL902."""
    can_be_missed = case.file.endswith("/weights.safetensors") or case.file.startswith(("packs/", "strategies.json"))
    if case.name == "gone" and can_be_missed:
        return False
    return case.file not in ("hashes.jsonl", "journal.jsonl")


def check_values(good: Path, run: Path, most: int | None) -> None:
    for case, outcome in attacked(good, run, spread(cases.value_cases(good), most)):
        if not isinstance(outcome, str):
            same = json.loads((run / case.file).read_bytes()) == json.loads((good / case.file).read_bytes())
            assert same or any(finding.code == "SNL902" for finding in outcome.others), case


@pytest.mark.timeout(120)
def test_files_gone_cut_garbled_or_replaced(good: Path, tmp_path: Path) -> None:
    check_whole_files(good, tmp_path / "run", SAMPLED)


@pytest.mark.timeout(120)
def test_wrong_values_at_every_key(good: Path, tmp_path: Path) -> None:
    check_values(good, tmp_path / "run", SAMPLED)


@pytest.mark.slow
def test_all_of_them(good: Path, tmp_path: Path) -> None:
    check_whole_files(good, tmp_path / "run", None)
    check_values(good, tmp_path / "run", None)


def test_without_each_file_in_turn_the_report_works_or_names_it(good: Path, tmp_path: Path) -> None:
    gone = [case for case in cases.whole_file_cases(good) if case.name == "gone"]
    check_gone = [
        case for case in gone if case.file.count("/") < 2 or case.file.endswith((".parquet", "losses.safetensors"))
    ]
    for case, outcome in attacked(good, tmp_path / "run", check_gone):
        assert not isinstance(outcome, str) or Path(case.file).name in outcome, (case, outcome)


def test_a_run_without_weights_and_models_is_reported(good: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(good, run)
    before = json.loads((run / "findings.json").read_bytes())
    shutil.rmtree(run / "models")
    for path in run.rglob("weights.safetensors"):
        path.unlink()
    judgement = report(run).judgement.as_json()
    assert not any(finding["severity"] == "error" for finding in judgement["findings"])
    assert (judgement["answer"], judgement["claim"]) == (before["answer"], before["claim"])


@pytest.mark.parametrize("name", ["../../outside", "/etc", "..", "C:\\x", "a/b", "\x1b[2J"])
def test_a_job_that_leaves_the_run_is_refused(name: str, good: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(good, run)
    shutil.copytree(next((good / "jobs").iterdir()), tmp_path / "outside")
    for file, change in {
        "plan.json": lambda value: {**value, "models": {**value["models"], "linear": with_job(value, name)}},
        "floors.json": lambda value: dict.fromkeys(value, name),
    }.items():
        cases.restore(run, good)
        edit_json(run / file, change)
        with pytest.raises(IdentityError, match="a name that leaves its folder"):
            report(run)


def with_job(plan: Any, name: str) -> Any:
    first = plan["models"]["linear"]
    return {**first, "phases": [name], "seeds": dict.fromkeys(first["seeds"], name)}


def test_a_file_of_hashes_cannot_name_files_elsewhere(good: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(good, run)
    journal.append(
        run / "hashes.jsonl", {"format": 1, "files": {"../../etc/passwd": "0" * 64, "/etc/passwd": "0" * 64}}
    )
    assert "SNL902" not in {finding.code for finding in report(run).judgement.others}


def test_a_link_out_is_refused_before_anything_is_read_or_written(good: Path, tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    outside.write_text("secret", encoding="utf-8")
    for name in (".lock", ".holder.json", "report.html", "journal.jsonl", "jobs"):
        cases.restore(run, good)
        if name == "jobs":
            shutil.move(run / "jobs", tmp_path / "jobs")
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(tmp_path / "jobs" if name == "jobs" else outside)
        for work in (lambda: report(run), lambda: study().run(out=run, device="cpu", threads=1, progress=False)):
            with pytest.raises(RunError, match="a link that leaves the run"):
                work()
    assert outside.read_text(encoding="utf-8") == "secret"


@pytest.mark.timeout(120)
def test_a_run_goes_on_in_such_a_folder_or_says_what_is_wrong(good: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    read = ("environment.json", "search/", "packs/", "strategies.json", "data.json", "hashes.jsonl", "journal.jsonl")
    some = [case for case in cases.whole_file_cases(good) if case.file.startswith(read)]
    some += [
        case for case in cases.value_cases(good) if case.file.startswith(("environment.json", "search/", "packs/"))
    ]
    for case in some[:: len(some) // 12]:
        cases.restore(run, good)
        case.change(run / case.file)
        try:
            study().run(out=run, device="cpu", threads=1, progress=False)
        except SnellenError as error:
            assert str(run) in str(error) or case.file in str(error), (case, error)


def test_predict_reads_such_a_folder_or_says_what_is_wrong(good: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    some = [each for each in cases.whole_file_cases(good) if each.file == "evaluation.json"]
    some += [each for each in cases.value_cases(good) if each.file == "evaluation.json" and "chosen" in each.name]
    shutil.copytree(good, run)
    for case in some:
        shutil.rmtree(run / case.file) if (run / case.file).is_dir() else (run / case.file).unlink(missing_ok=True)
        shutil.copy(good / case.file, run / case.file)
        case.change(run / case.file)
        try:
            open_model(run)
        except SnellenError as error:
            assert str(run) in str(error) or "model" in str(error), case


def test_a_planted_change_of_a_stored_number_is_told(good: Path, tmp_path: Path) -> None:
    """Files whose content changes sentences: each carries a hash that the report checks."""
    run = tmp_path / "run"
    dense = Run(good).record.models["dense"]
    [answers] = (good / "analyses" / dense).glob("units-*")
    for file, change in {
        f"jobs/{dense}/result.json": lambda value: {**value, "kept_epoch": 1, "epochs": 9},
        f"jobs/{dense}/history.json": lambda value: value[:-1],
        f"analyses/{dense}/{answers.name}/result.json": lambda value: {
            **value,
            "facts": {**value["facts"], "sentences": ["All is well."]},
        },
        "search/dense.json": lambda value: {**value, "rounds": [{**each, "seconds": 0.0} for each in value["rounds"]]},
        "data.json": lambda value: {**value, "data": {**value["data"], "duplicate_pictures": 7}},
        "evaluation.json": lambda value: {**value, "openings": {"this_run": 0, "ever": 0}},
        "environment.json": lambda value: {**value, "torch": "9.9"},
    }.items():
        cases.restore(run, good)
        edit_json(run / file, change)
        judgement = report(run).judgement
        [error] = [finding for finding in judgement.others if finding.severity == "error"]
        assert error.code == "SNL902" and Path(file).name in error.sentence, file
        assert judgement.claim.startswith("Nothing")
        if file == "evaluation.json":  # which the report writes again
            assert "SNL902" in {finding.code for finding in report(run).judgement.others}
    for path in ("test-labels.safetensors", "figures/thumbnails.safetensors"):
        cases.restore(run, good)
        (run / path).write_bytes((run / path).read_bytes()[:-1] + b"!")
        assert "SNL902" in {finding.code for finding in report(run).judgement.others}


def test_a_change_is_still_told_after_the_study_ran_again(good: Path, tmp_path: Path) -> None:
    """A run does not give new hashes to what it found: only what it wrote itself."""
    run = tmp_path / "run"
    dense = Run(good).record.models["dense"]
    for file in (f"jobs/{dense}/history.json", "search/dense.json"):
        cases.restore(run, good)
        path = run / file
        path.write_text(path.read_text(encoding="utf-8").replace(" ", "  ", 1), encoding="utf-8")
        finished = study().run(out=run, device="cpu", threads=1, progress=False)
        told = {finding.code for finding in finished.findings}
        assert ("SNL902" in told) == (path.read_bytes() != (good / file).read_bytes()), file
