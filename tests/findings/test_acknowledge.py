"""Protects acknowledged findings: visible everywhere with their reason, out of the way, and never an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runs import facts_of, run_small, small_study
from typer.testing import CliRunner

from snellen.cli.entry import app
from snellen.errors import StudyError
from snellen.evaluate.record import RunRecord
from snellen.files import hashes
from snellen.findings.finding import WORST_FIRST
from snellen.findings.rules import Judgement, judge
from snellen.run import report
from snellen.study.document import parse

STUDY = "study: s\ndata: digits\nmodels: {m: {layers: linear}}\nacknowledge:\n  %s\n"


def acknowledging(folder: Path, **reasons: str) -> Judgement:
    """The findings of a stored run whose study had acknowledged these codes."""
    path = folder / "resolved.yaml"
    text = path.read_text(encoding="utf-8").replace("acknowledge: {}", f"acknowledge: {json.dumps(reasons)}")
    with hashes.rewriting(folder, [path]):
        path.write_text(text, encoding="utf-8")
    assert RunRecord.open(folder).study.acknowledge == reasons
    return judge(facts_of(folder))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("SNL11: x", "`SNL11` of `acknowledge`: unknown finding 'SNL11'. Did you mean 'SNL1"),
        ("snl110: x", "unknown finding 'snl110'. Did you mean 'SNL110'?"),
        ("SNL110: '  '", "with a reason; found '  '; expected a sentence (s line 5)"),
        ("SNL110: 3", "must be a valid string; got 3 (s line 5)"),
        ("SNL110:", "must be a valid string; got None"),
        (f"SNL110: {'x' * 501}", "501 characters; expected at most 500"),
        ("SNL901: x", "an error cannot be acknowledged: numbers of the report cannot be believed"),
        ("SNL001: x", "a conclusion, not something to acknowledge"),
        ("- SNL110", "`acknowledge` must be a mapping of keys"),
    ],
)
def test_what_cannot_be_acknowledged_is_a_mistake_in_the_study(written: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse(STUDY % written, "s").study()
    assert message in str(caught.value)


def test_a_reason_is_one_line() -> None:
    study = parse(STUDY % "SNL110: |\n    a reason\n    of two lines", "s").study()
    assert study.acknowledge == {"SNL110": "a reason of two lines"}


def test_an_acknowledged_finding_stays_visible_after_the_others(run_copy: Path) -> None:
    before = judge(facts_of(run_copy))
    code = next(one.code for one in before.others)
    after = acknowledging(run_copy, **{code: "known"})
    assert {one.sentence for one in after.others} == {one.sentence for one in before.others}
    assert [one.acknowledged for one in after.others if one.code == code] == ["known"] * len(
        [one for one in before.others if one.code == code]
    )
    places = [(one.acknowledged is not None, WORST_FIRST[one.severity]) for one in after.others]
    assert places == sorted(places) and after.not_raised == ()
    assert all("acknowledged" in one.as_json() for one in after.others if one.code == code)
    assert not any("acknowledged" in one.as_json() for one in before.others)


def test_it_is_in_the_report_and_its_files(run_copy: Path) -> None:
    code = judge(facts_of(run_copy)).others[0].code
    acknowledging(run_copy, **{code: "known <b>", "SNL112": "no search yet"})
    report(run_copy)
    for name in ("report.json", "findings.json"):
        content = json.loads((run_copy / name).read_text(encoding="utf-8"))
        assert {one["acknowledged"] for one in content["findings"] if one["code"] == code} == {"known <b>"}
        assert content["not_raised"] == ["SNL112"]
    html = (run_copy / "report.html").read_text(encoding="utf-8")
    assert "<b>acknowledged:</b> known &lt;b&gt;" in html
    assert "Acknowledged in the study, but not raised in this run: SNL112." in html


def test_an_error_is_not_acknowledged_by_a_stored_study(run_copy: Path) -> None:
    record = RunRecord.open(run_copy)
    weights = record.job("linear").weights
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    judgement = judge(facts_of(run_copy))
    assert judgement.has_errors and judgement.at_least("error") == ["SNL902"]
    assert all(one.acknowledged is None for one in judgement.others if one.severity == "error")


def test_severities_are_compared_and_acknowledged_ones_do_not_count(run_copy: Path) -> None:
    judgement = judge(facts_of(run_copy))
    worst = judgement.others[0].severity
    assert judgement.at_least(worst) and not judgement.at_least("error")
    assert set(judgement.at_least("warning")) < set(judgement.at_least("notice"))
    silent = acknowledging(run_copy, **{one.code: "known" for one in judgement.others})
    assert silent.others and silent.at_least("notice") == []
    assert any("Nothing else looks wrong" in one.sentence for one in silent.statements)


def test_a_reason_is_no_other_study(tmp_path: Path) -> None:
    first = run_small(tmp_path / "run", models={"linear": {"layers": "linear"}})
    code = next(one.code for one in first.findings if one.severity in ("notice", "warning"))
    study = small_study(models={"linear": {"layers": "linear"}}, acknowledge={code: "known"})
    again = study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    assert {one.acknowledged for one in again.findings if one.code == code} == {"known"}
    assert not (tmp_path / "run" / "history").exists()


TINY = """study: tiny
data: digits
train: {epochs: 1, batch_size: 128}
models:
  linear: {layers: linear}
"""
ABSURD = """  absurd:
    layers: [flatten, {dense: 32}, {dense: 32}, {dense: 32}, {dense: 32}]
    train: {optimizer: sgd, learning_rate: 10}
"""


@pytest.fixture
def tiny(tmp_path: Path, own_user: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study whose one epoch is worse than the baseline: a warning (SNL110)."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def snellen(*arguments: object) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, list(map(str, arguments)))
    return outcome.exit_code, outcome.output


@pytest.mark.parametrize(("level", "expected"), [(None, 0), ("error", 0), ("warning", 1), ("notice", 1)])
def test_fail_on_sets_the_exit_code(tiny: Path, level: Any, expected: int) -> None:
    arguments = ["--fail-on", level] if level else []
    code, out = snellen("run", tiny, *arguments)
    assert code == expected and (f"Fails on {level}: SNL109" in out) == (expected == 1)
    assert snellen("report", "runs/tiny", *arguments)[0] == expected
    tiny.write_text(TINY + "acknowledge: {SNL109: bursts, SNL110: known, SNL112: no search}\n", encoding="utf-8")
    code, out = snellen("run", tiny, *arguments)
    assert code == (1 if level == "notice" else 0)
    assert "SNL110 acknowledged: known" in out and "Acknowledged, but not raised: SNL112." in out


def test_a_failed_job_is_still_3(tiny: Path) -> None:
    tiny.write_text(TINY + ABSURD, encoding="utf-8")
    assert snellen("run", tiny, "--fail-on", "warning")[0] == 3


def test_another_level_is_wrong_use(tiny: Path) -> None:
    assert snellen("run", tiny, "--fail-on", "bad")[0] == 2
