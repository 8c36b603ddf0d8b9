"""Protects the finding about hidden units, and the whole way from a study file to the page of dossiers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import html5lib
import polars as pl
import pytest
from runs import MODELS, facts_of, findings_of, run_small, small_study

import snellen
from snellen.errors import StudyError
from snellen.explain.units.words import in_short
from snellen.findings.units import hidden_units
from snellen.run.flow import report

ASKED = {"models": {name: MODELS[name] for name in ("linear", "dense", "conv")}}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units") / "run"
    run_small(folder, **ASKED, analyses=["units"])
    return folder


def test_the_first_screen_says_what_hidden_units_respond_to(analysed: Path) -> None:
    [one] = [finding for finding in findings_of(analysed) if finding.code == "SNL016"]
    assert (
        one.severity == "result"
        and one.evidence == "analyses"
        and set(one.values) == {"units of dense", "units of conv"}
    )
    counts = one.values["units of dense"]
    kinds = f"{counts['one']} to one class, {counts['several']} to several and {counts['none']} to none, "
    assert f"of the 16 units of `dense`, {kinds}" in one.sentence
    assert "of the 4 filters of `conv`, " in one.sentence
    assert sum(counts[kind] for kind in ("one", "several", "none", "dead")) == 16


def test_each_model_that_has_hidden_units_gets_a_page(analysed: Path) -> None:
    assert {page.name for page in (analysed / "pages").glob("units*")} == {"units-dense.html", "units-conv.html"}
    html = (analysed / "pages" / "units-dense.html").read_text(encoding="utf-8")
    parsed = html5lib.parse(html, namespaceHTMLElements=False)
    answer = json.loads((analysed / "findings.json").read_text())["answer"]
    [told] = [each["values"]["units of dense"] for each in answer if each["code"] == "SNL016"]
    assert len(parsed.findall(".//table/tbody/tr")) == 16 - told["dead"]
    [section] = [
        one for one in json.loads((analysed / "report.json").read_text())["analyses"] if one["model"] == "dense"
    ]
    assert section["page"] == "pages/units-dense.html" and "Of the 16 units of `dense_1`" in section["sentences"][0]


def test_the_report_links_to_the_finding_and_is_the_same_without_the_images(analysed: Path) -> None:
    before = (analysed / "pages" / "units-dense.html").read_text(encoding="utf-8")
    report(analysed)
    assert (analysed / "pages" / "units-dense.html").read_text(encoding="utf-8") == before
    html = (analysed / "report.html").read_text(encoding="utf-8")
    assert '<a href="#analyses">analyses</a>' in html and "SNL016" in html


def test_of_many_models_two_are_told_and_the_others_named(analysed: Path) -> None:
    facts = facts_of(analysed)
    several = dict(facts.outcomes)
    for name in ("third", "fourth"):
        [(one, outcome)] = [each for each in facts.outcomes.items() if each[0].model == "conv"]
        several[replace(one, model=name)] = replace(outcome, facts=outcome.facts | {"model": name})
    once = dict.fromkeys(("third", "fourth"), facts.record.planned["conv"])
    record = SimpleNamespace(planned={**facts.record.planned, **once})
    asked: Any = SimpleNamespace(outcomes=several, evaluation=facts.evaluation, record=record)
    [finding] = hidden_units(asked)
    assert finding.sentence.count("removing") == 2 and len(finding.values) == 4
    assert ". The units of `third` and `fourth` have pages of their own." in finding.sentence


def test_two_layers_of_one_model_are_named_wherever_a_title_says_them(tmp_path: Path) -> None:
    run_small(tmp_path, **ASKED, analyses=[{"units": {"models": ["dense"]}}, {"units": {"layer": "conv_1"}}, "maps"])
    titles = {"units of dense", "units of conv, layer conv_1 (4 filters, relu)", "maps of dense", "maps of conv"}
    content = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert titles == {one["title"] for one in content["analyses"]}
    page = (tmp_path / "pages" / "units-2-conv.html").read_text("utf-8")
    assert "<h1>Units of conv, layer conv_1 (4 filters, relu)</h1>" in page and "nits-2 of" not in page
    assert "nits-2 of" not in (tmp_path / "report.html").read_text("utf-8")
    assert {one["title"] for one in content["side_by_side"]["units"]["conv"]} < titles


def test_two_layers_of_the_chosen_model_are_told_apart(analysed: Path) -> None:
    facts = facts_of(analysed)
    [(one, outcome)] = [each for each in facts.outcomes.items() if each[0].model == "conv"]
    both = {one: outcome, replace(one, key="units-2"): replace(outcome, facts=outcome.facts | {"layer": "conv_1"})}
    asked: Any = SimpleNamespace(outcomes=both, evaluation=facts.evaluation, record=facts.record)
    [finding] = hidden_units(asked)
    assert f": in layer `{outcome.facts['layer']}`, of the 4 filters of `conv`, " in finding.sentence
    assert "; in layer `conv_1`, of the 4 filters of `conv`, " in finding.sentence and "own" not in finding.sentence


def test_without_the_analysis_nothing_is_said(tmp_path: Path) -> None:
    run_small(tmp_path / "run", models={"dense": MODELS["dense"]})
    assert not [finding for finding in findings_of(tmp_path / "run") if finding.code == "SNL016"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"layer": "dense_9"}, "unknown layer 'dense_9'; expected one of dense_1, dense_2"),
        ({"layer": "flatten_1"}, "the layer `flatten_1` has no units of its own; expected one of dense_1, dense_2"),
        ({"layer": "dropout_1"}, "the layer `dropout_1` has no units of its own"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused_before_training(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    study: snellen.Study = small_study(models={"dense": MODELS["dense"]}, analyses=[{"units": options}])
    with pytest.raises(StudyError) as raised:
        study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    assert problem in str(raised.value)
    assert not list((tmp_path / "run").glob("jobs/*/weights*"))


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        ([1, 2], "in `tiny` unit 0 to `a` and `b` and unit 1 to none, and removing one of 2 costs recall"),
        (
            [0, 0],
            "unit 1 to none, and removing any single one makes no measurable difference to recall: a loss of 4.3",
        ),
        ([3], "in `tiny` unit 0 to `a` and `b`, and removing it costs recall"),
    ],
)
def test_one_or_two_units_are_named_with_their_classes(needed: list[int], said: str) -> None:
    count = len(needed)
    rows = [(0, "b", 0.9, True), (0, "a", 0.95, True), (1, "a", 0.6, False)][: count + 1]
    told = pl.DataFrame(rows, ["unit", "class", "area", "selective"], orient="row")
    units = {"dead": [False] * count, "duplicate_of": [None] * count, "selective_classes": [2, 0][:count]}
    table = pl.DataFrame({**units, "needed_by_classes": needed, "used_by_classes": needed})
    facts: Any = {"units": count, "model": "tiny", "noun": "unit", "layer": "dense_1", "detectable": [0.042001, 0.01]}
    assert said in in_short(facts, {"units": table, "classes": told})


def test_dead_units_are_counted_beside_the_others() -> None:
    dead = {"dead": [False, True, True], "duplicate_of": [None] * 3, "selective_classes": [1, 0, 0]}
    table = pl.DataFrame({**dead, "needed_by_classes": [0] * 3, "used_by_classes": [0] * 3})
    facts: Any = {"units": 3, "model": "tiny", "noun": "unit", "layer": "dense_1", "detectable": [0.3]}
    said = in_short(facts, {"units": table, "classes": pl.DataFrame()})
    assert said.startswith("of the 3 units of `tiny`, 1 to one class, 0 to several and 0 to none, 2 are dead, and ")
