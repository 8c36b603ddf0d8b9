"""The page of a finding: what it means, how it is computed, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from snellen.errors import unknown
from snellen.study.finding_codes import FINDING_CODES, Severity

HEADINGS = ("What it means", "How it is computed", "What to do")


@dataclass(frozen=True)
class FindingPage:
    """severities: those that the finding may have. sections: heading -> paragraphs, in the order of HEADINGS.
    text: the whole page, as Markdown."""

    code: str
    title: str
    severities: tuple[Severity, ...]
    sections: dict[str, list[str]]
    text: str


def finding_page(code: str) -> FindingPage:
    """The page of a code such as SNL110, in upper or lower case. Raises UnknownName for one that no finding has."""
    name = code.upper()
    if name not in FINDING_CODES:
        raise unknown("finding", name, FINDING_CODES)
    text = files("snellen.findings").joinpath("pages", f"{name}.md").read_text(encoding="utf-8")
    first, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    title = first.removeprefix(f"# {name}:").strip()
    sections = {heading: _paragraphs(body) for heading, _, body in (part.partition("\n") for part in parts)}
    return FindingPage(name, title, FINDING_CODES[name], sections, text)


def finding_pages() -> list[FindingPage]:
    """The pages of all findings, by code."""
    return [finding_page(code) for code in sorted(FINDING_CODES)]


def index_page() -> str:
    """A table of all findings with severity and title, as Markdown."""
    rows = [
        f"| [{each.code}]({each.code}.md) | {' or '.join(each.severities)} | {each.title} |" for each in finding_pages()
    ]
    return (
        "# Findings\n\n"
        "A finding is a numbered sentence of a report, printed only if its condition holds on the stored results. Its "
        "page says what it\nmeans, how it is computed and what to do; `snellen finding SNL110` prints it.\n\n"
        "| code | severity | title |\n|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "**error**: numbers of the report cannot be believed; the command exits with 1. **warning**: something should "
        "be changed.\n**notice**: worth knowing. **result**: a conclusion.\n"
    )


def _paragraphs(body: str) -> list[str]:
    return [" ".join(each.split()) for each in body.strip().split("\n\n")]
