"""Protects the pages of findings: each code has one in the one form, and docs/findings/ has the same."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import html5lib
import pytest
from report_cases import digits_report
from typer.testing import CliRunner

from snellen.cli.entry import app
from snellen.errors import UnknownName
from snellen.findings import rules
from snellen.findings.finding_page import HEADINGS, finding_page, finding_pages, index_page
from snellen.findings.rules import RULES
from snellen.report import page
from snellen.study.finding_codes import FINDING_CODES

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "src" / "snellen" / "findings" / "pages"
MOST_LINES = 25


def script() -> ModuleType:
    """scripts/finding_pages.py as a module."""
    spec = importlib.util.spec_from_file_location("finding_pages_script", ROOT / "scripts" / "finding_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_has_a_page_and_severities_and_every_page_a_rule() -> None:
    assert set(FINDING_CODES) == set(RULES)
    assert {path.stem for path in PAGES.iterdir()} == set(RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_page_has_the_three_headings_and_is_short(code: str) -> None:
    found = finding_page(code)
    assert re.match(rf"# {code}: \S.*\n\n## {HEADINGS[0]}\n\n", found.text)
    assert tuple(found.sections) == HEADINGS and all(all(body) and body for body in found.sections.values())
    assert found.text.count("\n") <= MOST_LINES and found.text.endswith(".\n")
    assert max(map(len, found.text.splitlines())) <= 120


def literal_severities() -> dict[str, set[str]]:
    """Code -> the severities that the calls `Finding("SNLnnn", "warning", ...)` in the folder of rules give it."""
    found: dict[str, set[str]] = {}
    for path in Path(rules.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and len(node.args) > 1:
                code, severity = node.args[:2]
                if isinstance(code, ast.Constant):
                    words = [one.value for one in ast.walk(severity) if isinstance(one, ast.Constant)]
                    found.setdefault(str(code.value), set()).update(
                        str(word) for word in words if word in ("result", "notice", "warning", "error")
                    )
    return found


def test_the_severities_are_those_of_the_rules() -> None:
    found = literal_severities()
    assert len(found) > 40
    assert {code: set(FINDING_CODES[code]) for code in found} == found


def test_the_documents_are_the_packaged_pages() -> None:
    folder = ROOT / "docs" / "findings"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == script().documents()
    assert all(f"[{code}]({code}.md)" in index_page() for code in RULES)


def test_the_script_writes_them_and_removes_old_ones(tmp_path: Path) -> None:
    (tmp_path / "SNL000.md").write_text("gone", encoding="utf-8")
    script().main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", *(f"{code}.md" for code in RULES)}


def test_pages_are_read_as_package_data() -> None:
    assert files("snellen.findings").joinpath("pages", "SNL110.md").is_file()


def run(*arguments: str) -> str:
    outcome = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env={"COLUMNS": "70"})
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_the_command_prints_a_page_wrapped() -> None:
    text = run("finding", "snl110")
    assert text.startswith("SNL110: worse than the baseline") and "(warning or" in text
    assert all(f"\n{heading}\n" in text for heading in HEADINGS)
    assert max(map(len, text.splitlines())) <= 70
    assert " ".join(finding_page("SNL110").sections["What to do"]) in " ".join(text.split())


def test_the_command_lists_all() -> None:
    text = run("finding")
    assert [line[:6] for line in text.splitlines()[:-1]] == sorted(RULES)
    assert "SNL901  error " in text


def test_the_command_gives_json() -> None:
    one, all_pages = json.loads(run("finding", "SNL110", "--json")), json.loads(run("finding", "--json"))
    assert set(one) == {"code", "title", "severities", "what_it_means", "how_it_is_computed", "what_to_do"}
    assert one in all_pages and len(all_pages) == len(finding_pages()) and one["severities"] == ["warning", "notice"]


@pytest.mark.parametrize("code, nearest", [("SNL121x", "SNL12"), ("SNL11O", "SNL11"), ("110", "SNL1")])
def test_an_unknown_code_names_the_nearest(code: str, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        finding_page(code)
    assert f"Did you mean '{nearest}" in str(caught.value)


def test_the_command_does_not_import_what_is_slow() -> None:
    code = "import sys; from snellen.cli.finding import finding; finding('SNL110'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")


def test_the_report_holds_the_page_of_each_of_its_findings_folded() -> None:
    content, thumbnails = digits_report()
    tree = html5lib.parse(page.render(content, thumbnails), namespaceHTMLElements=False)
    folded = [each for each in tree.iter("details") if each.get("class") == "explanation"]
    codes = [one["code"] for one in (*content["answer"], *content["findings"])]
    shown = [next(each.iter("span")).text for each in folded]
    assert shown == [code for code in codes if code in RULES] and shown
    assert not any("open" in each.attrib for each in folded)
    words = " ".join("".join(folded[0].itertext()).replace("\N{NO-BREAK SPACE}", " ").split())
    for body in finding_page(str(shown[0])).sections.values():
        assert " ".join(body).replace("`", "") in words
