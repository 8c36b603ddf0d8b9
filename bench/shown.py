"""All that was measured, together: for the screen, for the documents, and as JSON and a figure."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import accuracy
import again
import blocks
import figure
import memory
import table
from context import Bench
from jobs import JOBS
from ratios import Line

FIGURE = "docs/images/bench.svg"
DOCUMENTS = ("README.md", "docs/results.md")


@dataclass(frozen=True)
class Report:
    """lines: of the table. again: those of a second run. blocks: what was measured of each job. accuracies, memories:
    rows. peaks: of the machine. measured: on what and when."""

    lines: tuple[Line, ...]
    blocks: dict[str, dict[str, Any]]
    accuracies: list[list[str]]
    measured: str
    size: str
    memories: list[list[str]] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    again: tuple[Line, ...] = ()

    def whole(self) -> str:
        """For docs/results.md."""
        parts = [self._measured(), table.results(self.lines, self.again)]
        parts += [again.words(self.lines, self.again), table.peak_words(self.peaks), "\n".join(table.notes(self.lines))]
        if self.accuracies:
            parts += [
                "Accuracy of both after the same epochs on the same rows, mean ± deviation over seeds:",
                table.markdown(table.ACCURACY_HEAD, self.accuracies),
            ]
        if self.memories:
            parts += [
                "Memory that training takes beyond the imports, at its most, in a process of its own:",
                table.markdown(table.MEMORY_HEAD, self.memories),
            ]
        if self.blocks:
            rows = [row for job, found in self.blocks.items() for row in table.apart_rows(job, found)]
            parts += ["Apart, seconds and, per model, steps of 32 images:", table.markdown(table.APART_HEAD, rows)]
        return "\n\n".join(filter(None, parts))

    def short(self) -> str:
        """For README.md."""
        image = f"![Ratios to Keras, with their targets]({FIGURE})"
        return "\n\n".join(
            [self._measured(), table.markdown(table.SHORT_HEAD, map(table.short_row, self.lines)), image]
        )

    def _measured(self) -> str:
        """Which bench, on what, when."""
        note = "" if self.size == "whole" else f" Of the {self.size} size: not the numbers to quote."
        return f"{self.measured}{note}"


def collect(first: Bench, second: Bench, parts: Sequence[ModuleType]) -> Report:
    """Whatever both runs measured, now or earlier; the first in full, the second where nothing was measured in it."""
    if not first.kept.all():
        first, second = second, first
    found = {name: first.kept.find(f"blocks-{name}") for name in JOBS}
    jobs = {name: each for name, each in found.items() if each}
    return Report(
        _lines(first, parts),
        jobs,
        accuracy.table(first),
        _measured(first, second, jobs),
        first.size.name,
        memory.table(first),
        blocks.peaks(first),
        _lines(second, parts),
    )


def _lines(bench: Bench, parts: Sequence[ModuleType]) -> tuple[Line, ...]:
    """Some parts have a table of their own."""
    return tuple(line for part in parts if hasattr(part, "lines") for line in part.lines(bench))


def store(report: Report, folder: Path) -> None:
    """bench.json and bench.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(asdict(report), indent=1) + "\n", "utf-8")
    if report.lines:
        (folder / "bench.svg").write_text(figure.svg(report.lines, report.again), "utf-8")


def write(report: Report, top: Path) -> None:
    """The tables between the markers of the documents, and the figure."""
    for name, new in zip(DOCUMENTS, (report.short(), report.whole())):
        path = top / name
        path.write_text(table.replace_between(path.read_text("utf-8"), new), "utf-8")
    (top / FIGURE).write_text(figure.svg(report.lines, report.again), "utf-8")


def _measured(bench: Bench, second: Bench, jobs: dict[str, dict[str, Any]]) -> str:
    tools = next(iter(jobs.values()))["tools"] if jobs else []
    dates = sorted(each["date"][:10] for run in (bench, second) for each in run.kept.all())
    when = dates[0] if dates[:1] == dates[-1:] else " to ".join((dates[0], dates[-1])) if dates else ""
    minutes = sum(each.get("took_seconds", 0.0) for each in bench.kept.all()) / 60
    parts = [f"{os.cpu_count()} cores, {_processor()}, {platform.system()}", *(tool["tool"] for tool in tools), when]
    parts.append(f"{minutes:.0f} minutes")
    return "; ".join(filter(None, parts)) + f". `python bench/run.py --size {bench.size.name} --device {bench.device}`."


def _processor() -> str:
    """Its name, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
