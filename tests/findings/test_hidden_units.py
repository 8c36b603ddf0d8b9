"""Protects the finding about hidden units, and the whole way from a study file to the page of dossiers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import html5lib
import pytest
from runs import MODELS, findings_of, run_small, small_study

import snellen
from snellen.errors import StudyError
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
    assert (
        f"in `dense_1` of `dense`, {counts['one']} of 16 units" in one.sentence
        and "in `conv_1` of `conv`, " in one.sentence
    )
    assert sum(counts[kind] for kind in ("one", "several", "none", "dead")) == 16


def test_each_model_that_has_hidden_units_gets_a_page(analysed: Path) -> None:
    assert {page.name for page in (analysed / "pages").iterdir()} == {"units-dense.html", "units-conv.html"}
    html = (analysed / "pages" / "units-dense.html").read_text(encoding="utf-8")
    parsed = html5lib.parse(html, namespaceHTMLElements=False)
    assert len(parsed.findall(".//table/tbody/tr")) == 16
    [section] = [
        one for one in json.loads((analysed / "report.json").read_text())["analyses"] if one["model"] == "dense"
    ]
    assert section["page"] == "pages/units-dense.html" and "Of the 16 units of `dense_1`" in section["sentences"][0]


def test_the_report_links_to_the_finding_and_is_the_same_without_the_pictures(analysed: Path) -> None:
    before = (analysed / "pages" / "units-dense.html").read_text(encoding="utf-8")
    report(analysed)
    assert (analysed / "pages" / "units-dense.html").read_text(encoding="utf-8") == before
    html = (analysed / "report.html").read_text(encoding="utf-8")
    assert '<a href="#analyses">analyses</a>' in html and "SNL016" in html


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
