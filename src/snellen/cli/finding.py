"""`snellen finding`: the meaning of a finding, how it is computed, and what to do."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.cli.options import AsJson
from snellen.plain import say

if TYPE_CHECKING:
    from snellen.findings.finding_page import FindingPage

WIDTH = 100
"""The longest line; on a narrower terminal lines are shorter."""
NO_BREAK = "\N{NO-BREAK SPACE}"


def finding(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="The code of a finding, such as SNL110. Default: list all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain what a finding means, how it is computed and what to do; without a code, list all findings.

    The codes are printed before the findings in a report and by `snellen run`.
    """
    from snellen.findings.finding_page import finding_page, finding_pages

    if code is None:
        pages = finding_pages()
        if as_json:
            say(json.dumps([_as_json(each) for each in pages], indent=2))
        else:
            _list(pages)
        return
    page = finding_page(code)
    if as_json:
        say(json.dumps(_as_json(page), indent=2))
    else:
        say(_wrapped(page))


def _as_json(page: FindingPage) -> dict[str, object]:
    sections = {heading.lower().replace(" ", "_"): " ".join(body) for heading, body in page.sections.items()}
    return {"code": page.code, "title": page.title, "severities": list(page.severities), **sections}


def _list(pages: list[FindingPage]) -> None:
    for each in pages:
        say(f"{each.code}  {' or '.join(each.severities):17}  {each.title}")
    say("`snellen finding CODE` says what one means, how it is computed and what to do.")


def _wrapped(page: FindingPage) -> str:
    """The page as text, in lines as wide as the terminal, at most WIDTH."""
    from snellen.console import console_for

    width = min(WIDTH, console_for().width)
    lines = [*textwrap.wrap(f"{page.code}: {page.title} ({' or '.join(page.severities)})", width)]
    for heading, paragraphs in page.sections.items():
        lines += ["", heading]
        for paragraph in paragraphs:
            lines += textwrap.wrap(
                _code_whole(paragraph), width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
            )
    return "\n".join(lines).replace(NO_BREAK, " ")


def _code_whole(text: str) -> str:
    """The text with non-breaking spaces between backticks."""
    return re.sub(r"`[^`]*`", lambda found: found[0].replace(" ", NO_BREAK), text)
