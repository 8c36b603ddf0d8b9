"""Jobs A, B and C as blocks of steps that take turns: one model and MANY, against Keras's `fit` and its best settings.

So whatever else the machine does hits all alike. Same images, same arithmetic, batch 32, Adam. Keras trains models
one after another: its time per model of MANY is that of one.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from context import Bench
from jobs import BATCH, JOBS, MANY
from ratios import Line, extrapolated_seconds, ratio_of
from tools import Tool, together

FIT, BEST, ONE, SEVERAL = "Keras fit", "Keras, best settings", "one model", f"{MANY} models"
TARGETS = {("A", ONE): 5, ("A", SEVERAL): 14, ("B", ONE): 2.5, ("B", SEVERAL): 6, ("C", ONE): 2, ("C", SEVERAL): 2.5}
EVALUATIONS = 2
FIRST = 50
"""Steps of the first blocks, cold and again: those that Keras's best settings take at once."""


def measure(bench: Bench) -> None:
    """All jobs."""
    for name in JOBS:
        job(bench, name)


def job(bench: Bench, name: str) -> dict[str, Any]:
    """What was measured of one job: see `_measure`."""
    return bench.kept.once(f"blocks-{name}", lambda: _measure(bench, name))


def lines(bench: Bench) -> Iterable[Line]:
    """Two lines a job that was measured."""
    peak = max(peaks(bench).values(), default=0.0)
    for name in JOBS:
        found = bench.kept.find(f"blocks-{name}")
        if found:
            yield from (_line(name, found, what, peak) for what in (ONE, SEVERAL))


def peaks(bench: Bench) -> dict[str, float]:
    """FLOP a second of the whole machine, the most in any measurement, by what was computed; nothing before any."""
    found = [each["peaks"] for each in (bench.kept.find(f"blocks-{name}") for name in JOBS) if each]
    return {what: max(each[what] for each in found) for what in (found[0] if found else ())}


def extrapolated(priced: dict[str, Any], steps: int, images: int, seconds: float) -> dict[str, Any]:
    """Of a Line: what Keras would take for so many steps and evaluated images, and the ratios to ours, which took so
    many seconds; their ranges are of Keras's blocks alone. priced: what was measured of a job."""
    fit, best = (extrapolated_seconds(steps, images, priced["rows"][way]) for way in (FIT, BEST))
    own = [seconds] * len(fit)
    words = f"{statistics.median(fit):.0f} s, extrapolated"
    return {"theirs": words, "ratio": ratio_of(fit, own), "best": ratio_of(best, own)}


@dataclass(frozen=True, eq=False)
class Way:
    """Tools that do the same at the same time, `lanes` models each."""

    tools: Sequence[Tool]
    lanes: int
    way: str

    def do(self, what: str, job: str, steps: int) -> list[dict[str, Any]]:
        """prepare, train or evaluate."""
        return together(self.tools, do=what, job=job, lanes=self.lanes, way=self.way, steps=steps)

    def block(self, job: str, steps: int) -> dict[str, float]:
        """ms of wall clock and of CPU, a step of one model."""
        answers, models = self.do("train", job, steps), self.lanes * len(self.tools)
        wall, cpu = max(each["seconds"] for each in answers), sum(each["cpu_seconds"] for each in answers)
        return {"ms": 1e3 * wall / steps / models, "cpu_ms": 1e3 * cpu / steps / models}


def _measure(bench: Bench, name: str) -> dict[str, Any]:
    """tools: what they are. peaks: FLOP a second. rows: what was measured of each way."""
    with ExitStack() as open_tools:
        keras = open_tools.enter_context(Tool(bench.keras, "keras_fit.py"))
        first = open_tools.enter_context(Tool(sys.executable, "ours.py", bench.device))
        packs, cores = first.ask(do="packs", job=name)["packs"], first.about["cores"]
        count = min(cores, len(packs)) if bench.device == "cpu" else 1
        others = [open_tools.enter_context(Tool(sys.executable, "ours.py", bench.device)) for _ in range(count - 1)]
        workers = [first, *others]
        ways = {
            FIT: Way([keras], 1, "default"),
            BEST: Way([keras], 1, "best"),
            ONE: Way([first], 1, "threads"),
            SEVERAL: Way(workers, max(packs), "worker" if others else "threads"),
        }
        before = _peaks(workers, cores)
        rows = _rows(ways, name, bench.size.steps[name], bench.size.blocks)
        after = _peaks(workers, cores)
        most = {what: max(before[what], after[what]) for what in before}
        return {"tools": [keras.about, first.about], "packs": packs, "peaks": most, "rows": rows}


def _rows(ways: dict[str, Way], name: str, steps: int, blocks: int) -> dict[str, dict[str, Any]]:
    first = min(FIRST, steps)
    cold = {what: way.do("prepare", name, first) for what, way in ways.items()}
    warm = {what: way.do("prepare", name, first) for what, way in ways.items()}
    for way in ways.values():
        way.do("prepare", name, steps)
    found = [{what: way.block(name, steps) for what, way in ways.items()} for _ in range(blocks)]
    evaluations = [
        {what: way.do("evaluate", name, steps) for what, way in ways.items()} for _ in range(EVALUATIONS + 1)
    ]
    return {
        what: {
            "ms": [each[what]["ms"] for each in found],
            "cpu_ms": [each[what]["cpu_ms"] for each in found],
            "data_seconds": max(each["data_seconds"] for each in cold[what]),
            "cold_seconds": _beyond(cold[what], way, first, [each[what]["ms"] for each in found]),
            "warm_seconds": _beyond(warm[what], way, first, [each[what]["ms"] for each in found]),
            "how": cold[what][0]["how"],
            "evaluation_us": _evaluation_us([each[what] for each in evaluations[1:]], steps),
        }
        for what, way in ways.items()
    }


def _beyond(first: Sequence[dict[str, Any]], way: Way, steps: int, ms: Sequence[float]) -> float:
    """Seconds that making models and their first so many steps take longer than these steps."""
    block = statistics.median(ms) / 1e3 * steps * way.lanes * len(way.tools)
    return float(max(each["seconds"] for each in first)) - block


def _evaluation_us(found: Sequence[Sequence[dict[str, Any]]], steps: int) -> float:
    """Of one image and model."""
    seconds = [max(each["seconds"] for each in answers) / len(answers) for answers in found]
    return float(1e6 * statistics.median(seconds) / (steps * BATCH))


def _peaks(workers: Sequence[Tool], cores: int) -> dict[str, float]:
    """The more of: one computation on all cores, and one on one core of each worker at the same time."""
    whole, each = workers[0].ask(do="peaks", threads=cores), together(workers, do="peaks", threads=1)
    return {what: float(max(flops, sum(answer[what] for answer in each))) for what, flops in whole.items()}


def _line(name: str, found: dict[str, Any], what: str, peak: float) -> Line:
    rows = found["rows"]
    ours, middle = rows[what]["ms"], statistics.median(rows[what]["ms"])
    return Line(
        what=f"{name}, {what}",
        ours=f"{middle:.2f} ms",
        theirs=f"{statistics.median(rows[FIT]['ms']):.2f} ms",
        ratio=ratio_of(rows[FIT]["ms"], ours),
        best=ratio_of(rows[BEST]["ms"], ours),
        target=TARGETS[name, what],
        peak=JOBS[name].flop * BATCH / (middle / 1e3) / peak,
        how=rows[what]["how"],
    )
