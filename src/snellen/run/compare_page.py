"""The JSON of `snellen compare`, with its sentences, and its page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from snellen import __version__
from snellen.errors import StudyError
from snellen.files.atomic import write_text
from snellen.report.comparison import render
from snellen.run import compare_words as words
from snellen.run.compare import RunsCompared


def content(compared: RunsCompared) -> dict[str, Any]:
    """The comparison as a JSON value. verdict: a sentence for each pair, with the letters of `letters` for the
    sides."""
    return {
        "snellen": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "letters": compared.letters,
        "verdict": words.verdict_sentences(compared),
        "findings": [*words.flip_sentences(compared)],
        "sentences": [
            *words.changed_sentences(compared),
            *words.comparison_sentences(compared),
            *filter(None, [words.opened_sentence(compared)]),
        ],
        **compared.as_json(),
    }


def expect_page(path: Path) -> None:
    """Raises StudyError if the path is a folder."""
    if path.is_dir():
        raise StudyError("`--html` needs the name of a file", found=f"the folder {path}", expected="FILE.html")


def write_page(path: Path, compared: RunsCompared) -> None:
    """Writes the page."""
    write_text(path, render(content(compared)))
