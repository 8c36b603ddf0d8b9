"""Protects documents that name files: the walk of one image, and the table of where a new thing goes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "snellen"


def walk() -> list[tuple[str, str]]:
    """(folder, file) of every row of the walk in docs/architecture.md; a row without a folder is in the one before."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows, folder = [], ""
    for written, file in re.findall(r"^\|([^|]*)\| `([\w/]+\.py)` \|", text, re.MULTILINE):
        folder = written.strip(" `") or folder
        rows.append((folder, file))
    return rows


def test_the_walk_of_an_image_names_files_that_exist_and_enters_no_folder_twice() -> None:
    folders = [folder for folder, _ in walk()]
    entered = [folder for at, folder in enumerate(folders) if at == 0 or folders[at - 1] != folder]
    assert len(entered) == len(set(entered)) and len(walk()) > 20
    assert not [file for folder, file in walk() if not (SOURCE / folder / file).is_file()]


def test_contributing_names_places_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|scripts|docs|bench)/[\w./]*)`", text))
    assert len(named) > 10 and not [name for name in named if not (ROOT / name).exists()]
    registries = re.findall(r"`([A-Z]+)` in `([\w/.]+)`", text)
    assert registries
    for registry, file in registries:
        assert re.search(rf"^{registry}\b", (SOURCE / file).read_text(encoding="utf-8"), re.MULTILINE), registry
