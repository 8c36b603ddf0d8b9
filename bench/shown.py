"""All that was measured, together: for the screen, for the documents, and as JSON and a figure."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import accuracy
import figure
import table
from context import Bench
from jobs import JOBS
from kept import SUMMARY
from ratios import Line

FIGURE = "docs/images/bench.svg"
DOCUMENTS = ("README.md", "docs/results.md")


@dataclass(frozen=True)
class Report:
    """lines: of the table. blocks: what was measured of each job. accuracies: rows. measured: on what and when."""

    lines: tuple[Line, ...]
    blocks: dict[str, dict[str, Any]]
    accuracies: list[list[str]]
    measured: str
    size: str

    def whole(self) -> str:
        """For docs/results.md."""
        parts = [self._measured(), table.markdown(table.RESULTS_HEAD, map(table.results_row, self.lines))]
        parts.append("\n".join(table.accuracy_lines(self.lines)))
        if self.accuracies:
            parts += [
                "Accuracy of both after the same epochs on the same rows, mean ± deviation over seeds:",
                table.markdown(table.ACCURACY_HEAD, self.accuracies),
            ]
        if self.blocks:
            rows = [row for job, found in self.blocks.items() for row in table.apart_rows(job, found)]
            parts += ["Apart, seconds and, per model, steps of 32 pictures:", table.markdown(table.APART_HEAD, rows)]
        return "\n\n".join(filter(None, parts))

    def short(self) -> str:
        """For README.md."""
        picture = f"![Ratios to Keras, with their targets]({FIGURE})"
        return "\n\n".join(
            [self._measured(), table.markdown(table.SHORT_HEAD, map(table.short_row, self.lines)), picture]
        )

    def _measured(self) -> str:
        """Which bench, on what, when."""
        note = "" if self.size == "whole" else f" Of the {self.size} size: not the numbers to quote."
        return f"{self.measured}{note}"


def collect(bench: Bench, parts: Iterable[ModuleType]) -> Report:
    """Whatever was measured, now or earlier; `accuracy` has a table of its own."""
    found = {name: bench.kept.find(f"blocks-{name}") for name in JOBS}
    blocks = {name: each for name, each in found.items() if each}
    lines = [line for part in parts if part is not accuracy for line in part.lines(bench)]
    return Report(tuple(lines), blocks, accuracy.table(bench), _measured(bench, blocks), bench.size.name)


def store(report: Report, folder: Path) -> None:
    """bench.json and bench.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMMARY).write_text(json.dumps(asdict(report), indent=1) + "\n", "utf-8")
    if report.lines:
        (folder / "bench.svg").write_text(figure.svg(report.lines), "utf-8")


def write(report: Report, top: Path) -> None:
    """The tables between the markers of the documents, and the figure."""
    for name, new in zip(DOCUMENTS, (report.short(), report.whole())):
        path = top / name
        path.write_text(table.replace_between(path.read_text("utf-8"), new), "utf-8")
    (top / FIGURE).write_text(figure.svg(report.lines), "utf-8")


def _measured(bench: Bench, blocks: dict[str, dict[str, Any]]) -> str:
    tools = next(iter(blocks.values()))["tools"] if blocks else []
    dates = sorted(each["date"][:10] for each in bench.kept.all())
    when = dates[0] if dates[:1] == dates[-1:] else " to ".join((dates[0], dates[-1])) if dates else ""
    parts = [f"{os.cpu_count()} cores, {_processor()}, {platform.system()}", *(tool["tool"] for tool in tools), when]
    return "; ".join(filter(None, parts)) + f". `python bench/run.py --size {bench.size.name} --device {bench.device}`."


def _processor() -> str:
    """Its name, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
