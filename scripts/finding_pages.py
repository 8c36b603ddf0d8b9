"""Writes docs/findings/: the page of every finding, as it is packaged, and the index of all.

    PYTHONPATH=src python scripts/finding_pages.py [FOLDER]

Run it after a change in src/snellen/findings/pages/; a test compares the two.
"""

from __future__ import annotations

import sys
from pathlib import Path

from snellen.findings.finding_page import finding_pages, index_page

DOCS = Path(__file__).parents[1] / "docs" / "findings"


def documents() -> dict[str, str]:
    """The text of each file of docs/findings/, by name."""
    return {"README.md": index_page(), **{f"{each.code}.md": each.text for each in finding_pages()}}


def main(folder: Path = DOCS) -> None:
    """Writes them; pages of codes that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for old in folder.glob("*.md"):
        if old.name not in documents():
            old.unlink()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
