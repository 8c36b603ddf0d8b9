"""Run directories as a stranger might send them: each case changes one stored file of a finished run."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRONG: tuple[Any, ...] = (None, True, -1, 2**62, 10**30, 1e308, "x", "../../outside", [], {}, [[[]]], {"a": {"b": 1}})
"""In place of any value of a JSON file."""
UNREAD = ("models", "pages", "report.html", "report.json", "findings.json", "scores.parquet", "study.yaml", "history")
"""What reports write and never read."""
ALIKE = 2
"""Files of one kind that are changed: results of two jobs, not of all."""

Change = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """What is done to a file of a run. file: its path in the run."""

    file: str
    name: str
    change: Change

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def files(run: Path) -> list[str]:
    """Every stored file that a report reads, at most ALIKE of a kind."""
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for path in sorted(path for path in run.rglob("*") if path.is_file() and not path.name.endswith(".lock")):
        parts = path.relative_to(run).parts
        seen[kind := (parts[0], *(part.split("-")[0] for part in parts[2:]))] += 1
        if parts[0] not in UNREAD and seen[kind] <= ALIKE:
            found.append("/".join(parts))
    return found


def whole_file_cases(run: Path) -> Iterator[Case]:
    """The file is gone, empty, cut, garbled, or something else than a file."""
    for file in files(run):
        content = (run / file).read_bytes()
        third = len(content) // 3
        flipped = content[:third] + bytes([content[third] ^ 0xFF]) + content[third + 1 :] if content else b"x"
        yield Case(file, "gone", Path.unlink)
        yield Case(file, "a folder", folder_instead)
        yield Case(file, "empty", instead(b""))
        yield Case(file, "cut", instead(content[: len(content) // 2]))
        yield Case(file, "a byte flipped", instead(flipped))
        yield Case(file, "not UTF-8", instead(b"\xff\xfe" + content))
        yield Case(file, "deep", instead(b"[" * 100_000))
        if sys.platform != "win32":
            yield Case(file, "a pipe", pipe_instead)
            yield Case(file, "a link out", link_instead)


def value_cases(run: Path) -> Iterator[Case]:
    """In each JSON file, each key in turn is missing or holds each wrong value; NaN, and a lone surrogate."""
    for file in files(run):
        if not file.endswith(".json"):
            continue
        text = (run / file).read_text(encoding="utf-8")
        value = json.loads(text)
        for place in places(value):
            for wrong in WRONG:
                yield Case(file, f"{place} is {wrong!r}", instead(json.dumps(replaced(value, place, wrong)).encode()))
            if place:
                yield Case(file, f"without {place}", instead(json.dumps(without(value, place)).encode()))
        yield Case(file, "NaN", instead(text.replace(": 0", ": NaN", 1).encode()))
        yield Case(file, "a lone surrogate", instead(text.replace('": "', '": "\\ud800', 1).encode()))


def instead(content: bytes) -> Change:
    def change(path: Path) -> None:
        path.write_bytes(content)

    return change


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_instead(path: Path) -> None:
    outside = path.parents[len(path.parts) - 2] / "etc" / "hostname"
    path.unlink()
    path.symlink_to(outside)


Place = tuple[str | int, ...]


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """The keys that lead to every value; of lists the first item alone."""
    yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*here, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*here, 0))


def replaced(value: Any, place: Place, wrong: Any) -> Any:
    if not place:
        return wrong
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], wrong)
    return copy


def without(value: Any, place: Place) -> Any:
    copy = value.copy()
    if len(place) == 1:
        del copy[place[0]]
    else:
        copy[place[0]] = without(value[place[0]], place[1:])
    return copy


def restore(run: Path, good: Path) -> None:
    """Makes `run` a copy of `good` again."""
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(good, run)
