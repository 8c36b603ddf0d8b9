"""Snellen beside Keras, on this machine, in one run.

    python bench/run.py --quick                   builds bench/.venv-keras once, then measures for some minutes
    python bench/run.py --keras PYTHON            with an environment that has keras and tensorflow already

Blocks of both take turns, so that whatever else the machine does hits both alike; medians of ratios of neighbouring
blocks are shown, by wall clock and by CPU time. Same pictures, same arithmetic, batch 32, Adam; no evaluation.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import venv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs import BATCH, JOBS

HERE = Path(__file__).parent
MANY = 10
PACKS = {"A": 5, "B": 4, "C": 1}
"""Lanes of a pack, as snellen.train.packs has them."""
REQUIREMENTS = ("keras>=3.10", "tensorflow-cpu>=2.19")


class Tool:
    """A process that trains blocks."""

    def __init__(self, python: str, script: str) -> None:
        command = [python, str(HERE / script)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self.answer()

    def order(self, job: str, lanes: int, way: str) -> None:
        """Begins a block."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"job": job, "lanes": lanes, "way": way}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What it says when the block is over."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a tool died: exit code {self.process.wait()}")
        return dict(json.loads(line))

    def end(self) -> None:
        """Lets it go."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def block(tools: Sequence[Tool], job: str, lanes: int, way: str) -> dict[str, float]:
    """One block in each of the tools at the same time, `lanes` models each."""
    for tool in tools:
        tool.order(job, lanes, way)
    answers = [tool.answer() for tool in tools]
    steps = JOBS[job].steps * lanes * len(tools)
    return {
        "ms": 1e3 * max(answer["seconds"] for answer in answers) / steps,
        "cpu_ms": 1e3 * sum(answer["cpu_seconds"] for answer in answers) / steps,
        "cold_seconds": max(answer["cold_seconds"] for answer in answers),
    }


def measure(job: str, workers: Sequence[Tool], keras: Tool, blocks: int) -> list[dict[str, Any]]:
    """Rows of the table: one model, and many, against Keras's default and its best settings."""
    ways = {
        "Keras fit": lambda: block([keras], job, 1, "default"),
        "Keras, best settings": lambda: block([keras], job, 1, "best"),
        "one model": lambda: block(workers[:1], job, 1, "threads"),
        f"{MANY} models": lambda: block(workers, job, PACKS[job], "worker"),
    }
    cold = {name: way()["cold_seconds"] for name, way in ways.items()}
    found = [{name: way() for name, way in ways.items()} for _ in range(blocks)]
    return [_row(job, name, found, cold[name]) for name in ways]


def _row(job: str, name: str, found: Sequence[dict[str, dict[str, float]]], cold: float) -> dict[str, Any]:
    wall = [each[name]["ms"] for each in found]
    ratios = {
        f"{against} / ours, {what}": statistics.median(each[against][what] / each[name][what] for each in found)
        for against in ("Keras fit", "Keras, best settings")
        for what in ("ms", "cpu_ms")
    }
    middle = statistics.median(wall)
    return {
        "job": job,
        "what": name,
        "ms a step": middle,
        "spread": (max(wall) - min(wall)) / middle,
        "CPU ms a step": statistics.median(each[name]["cpu_ms"] for each in found),
        "FLOP a second": JOBS[job].flop * BATCH / middle * 1e3,
        "cold seconds": cold,
        **ratios,
    }


def table(rows: Sequence[dict[str, Any]], peak: float) -> str:
    """In Markdown. ms: per model and step of 32 pictures."""
    lines = [
        "| job | what | ms a step | spread | times Keras `fit` (CPU time) | times its best (CPU time) | of peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratios = [
            f"{row[f'{against} / ours, ms']:.1f} ({row[f'{against} / ours, cpu_ms']:.1f})"
            for against in ("Keras fit", "Keras, best settings")
        ]
        share = f"{100 * row['FLOP a second'] / peak:.0f} %"
        cells = [row["job"], row["what"], f"{row['ms a step']:.2f}", f"{100 * row['spread']:.0f} %", *ratios, share]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def environment(python: str | None) -> str:
    """The Python that has Keras: the one given, else one of our own, built once."""
    if python:
        return python
    folder = HERE / ".venv-keras"
    found = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not found.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(found), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return str(found)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 blocks instead of 15")
    parser.add_argument("--blocks", type=int, help="this many")
    parser.add_argument("--jobs", default="ABC", help="some of A, B, C")
    parser.add_argument("--keras", metavar="PYTHON", help="an environment that has keras and tensorflow")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    given = parser.parse_args()
    keras = Tool(environment(given.keras), "keras_fit.py")
    workers = [Tool(sys.executable, "ours.py")]
    workers += [Tool(sys.executable, "ours.py") for _ in range(workers[0].about["cores"] - 1)]
    tools, blocks = [keras, *workers], given.blocks or (5 if given.quick else 15)
    rows = [row for job in given.jobs for row in measure(job, workers, keras, blocks)]
    about = {"keras": keras.about, "ours": workers[0].about, "machine": platform.platform()}
    about["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    for tool in tools:
        tool.end()
    given.out.write_text(json.dumps({**about, "blocks": blocks, "rows": rows}, indent=1), "utf-8")
    print(table(rows, workers[0].about["peak"]))
    print(f"\n{keras.about['tool']}; {workers[0].about['tool']}; {workers[0].about['cores']} cores; {about['date']}.")


if __name__ == "__main__":
    main()
