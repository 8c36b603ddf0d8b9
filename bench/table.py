"""What was measured, as Markdown, and its place in the documents. Pure: nothing is read or measured here."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ratios import Line, Ratio, spread

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
RESULTS_HEAD = (
    "what",
    "ours",
    "Keras",
    "times as fast as its `fit` (blocks)",
    "as its best settings",
    "target",
    "of peak",
)
SECOND = "second run"
SHORT_HEAD = ("what", "times as fast as Keras `fit`", "as its best settings", "target")
APART_HEAD = (
    *("job", "tool", "import, s", "images, s", "first block, cold, s", "again, s"),
    *("ms a step", "range", "CPU ms a step", "evaluation, us an image"),
)
ACCURACY_HEAD = ("job", "training", "ours, test", "Keras, test", "difference (95 %, over seeds)")
MEMORY_HEAD = (
    *("job", "models", "images and models", "ours takes", "times as much (limit)", "Keras, one model"),
    "imports, ours / Keras",
)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def results(lines: Sequence[Line], again: Sequence[Line] = ()) -> str:
    """The table under RESULTS_HEAD; with the ratios of a second run, in a column of its own, where there was one."""
    head, rows = [*RESULTS_HEAD], [results_row(line) for line in lines]
    if again:
        ratios = {line.what: line.ratio for line in again}
        place = 4
        head.insert(place, SECOND)
        for line, row in zip(lines, rows):
            row.insert(place, ranged(ratios.get(line.what)))
    return markdown(head, rows)


def results_row(line: Line) -> list[str]:
    """A row under RESULTS_HEAD."""
    peak = f"{100 * line.peak:.0f} %" if line.peak is not None else ""
    return [line.what, line.ours, line.theirs, ranged(line.ratio), ranged(line.best), target(line), peak]


def short_row(line: Line) -> list[str]:
    """A row under SHORT_HEAD."""
    best = f"{line.best.median:.1f}" if line.best else ""
    ratio = f"**{line.ratio.median:.1f}**" if line.ratio else ""
    return [line.what, ratio, best, target(line)]


def ranged(ratio: Ratio | None) -> str:
    """The median, and the least and the most where they differ."""
    if ratio is None:
        return ""
    return f"{ratio.median:.1f}" + (f" ({ratio.low:.1f} to {ratio.high:.1f})" if ratio.low < ratio.high else "")


def target(line: Line) -> str:
    """The target, and whether it is reached."""
    if line.target is None:
        return ""
    reached = line.ratio is not None and line.ratio.median >= line.target
    return f"{line.target:g}, {'reached' if reached else 'missed'}"


def notes(lines: Iterable[Line]) -> list[str]:
    """How ours computed, and what became of the accuracy of a whole run."""
    told = [(line.what, "; ".join(filter(None, (line.accuracy, line.how)))) for line in lines]
    return [f"- {what}: {words}." for what, words in told if words]


def peak_words(peaks: Mapping[str, float]) -> str:
    """What the shares are shares of. peaks: FLOP a second by what was computed."""
    if not peaks:
        return ""
    each = [f"{what} {flops / 1e9:.0f} GFLOP/s" for what, flops in sorted(peaks.items(), key=lambda pair: -pair[1])]
    return f"Of peak: of the most that torch reached on all cores, float32: {', '.join(each)}; of the first of these."


def apart_rows(job: str, found: Mapping[str, Any]) -> list[list[str]]:
    """Rows under APART_HEAD. found: of blocks.py."""
    keras, ours = found["tools"]
    rows = []
    for what, row in found["rows"].items():
        tool = keras if what.startswith("Keras") else ours
        seconds = (tool["import_seconds"], *(row[f"{name}_seconds"] for name in ("data", "cold", "warm")))
        middle, cpu = statistics.median(row["ms"]), statistics.median(row["cpu_ms"])
        share = f"{100 * spread(row['ms']):.0f} %"
        evaluated = f"{row['evaluation_us']:.1f}"
        rows.append([job, what, *map(_measured, seconds), f"{middle:.2f}", share, f"{cpu:.2f}", evaluated])
    return rows


def _measured(seconds: float) -> str:
    """A difference of two times, unless noise made it negative."""
    return f"{seconds:.2f}" if seconds >= 0 else "in the noise"


def replace_between(text: str, new: str) -> str:
    """The text with what stands between the markers replaced. Raises ValueError unless each stands there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"wanted {BEGIN} and {END}, each once and in this order")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n{new}\n{END}{after}"
