"""How the page writes numbers: `snellen.phrases` with spaces that do not break a line, and what only a page needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from snellen import phrases
from snellen.metrics.scores import is_percentage
from snellen.plain import plain
from snellen.report.names import by_name, keys, shortened

Estimate = dict[str, Any]

SPACE = "\N{NO-BREAK SPACE}"


def percent(share: float | None) -> str:
    """0.972 as "97.2 %", see `phrases.percent`."""
    return phrases.percent(share).replace(" ", SPACE)


def points(difference: float | None) -> str:
    """0.0041 as "0.4 points", see `phrases.points`."""
    return phrases.points(difference).replace(" ", SPACE)


def seconds(value: float | None) -> str:
    """185 as "3 min 05 s", see `phrases.seconds`."""
    return phrases.seconds(value).replace(" s", f"{SPACE}s").replace(" min", f"{SPACE}min").replace(" h", f"{SPACE}h")


def score(estimate: Estimate | None, measure: str = "accuracy") -> str:
    """The value of an estimate: per cent for proportions, four decimals for losses."""
    if estimate is None or estimate["value"] is None:
        return phrases.UNDEFINED
    return percent(estimate["value"]) if is_percentage(measure) else phrases.loss(estimate["value"])


def interval(estimate: Estimate | None, measure: str = "accuracy") -> str:
    """The interval of an estimate, as in "(95.0 to 98.5)"; empty where there is none."""
    if estimate is None or None in (estimate["value"], estimate["low"], estimate["high"]):
        return ""
    write = phrases.percent_limits if is_percentage(measure) else phrases.loss_limits
    return f"({write(estimate['low'], estimate['high'])})"


def day(moment: str) -> str:
    """An ISO time as "2026-11-22 14:00 UTC" (or its own offset)."""
    return f"{moment[:10]} {moment[11:16]} {moment[19:].replace('+00:00', 'UTC')}".strip()


def prose(text: str) -> Markup:
    """A sentence: names in backticks become bold, a number stays with its per cent sign."""
    parts = plain(text).replace(" %", f"{SPACE}%").split("`")
    return Markup("").join(Markup("<b>{}</b>").format(part) if at % 2 else part for at, part in enumerate(parts))


def ends(values: Iterable[float | None]) -> tuple[float, float]:
    """The ends of an axis that holds these shares: outwards to whole per cent, or to 5 per cent where it is long."""
    known = [value for value in values if value is not None] or [0.0, 1.0]
    steps = 100 if max(known) - min(known) < 0.2 else 20
    low, high = math.floor(steps * min(known)) / steps, math.ceil(steps * max(known)) / steps
    return (low, high) if low < high else (max(0.0, low - 0.01), min(1.0, high + 0.01))


def cell_count(images: int, num_classes: int) -> str:
    """The number in a confusion cell; thousands as "12k" where cells are too narrow for four digits."""
    return f"{images // 1000}k" if images >= 1000 and num_classes > 20 else str(images)


def shorter(text: str, limit: int = 30) -> str:
    """One text without its middle, where it is long: of a path the beginning and the file's name stay."""
    return shortened([text], limit)[0]


def scroll(label: str, kind: str = "") -> Markup:
    """The start tag of the box that a wide table scrolls in, always to be reached by the keyboard: the script takes it
    out of the tab order where nothing scrolls. label: what a screen reader calls it. kind: further classes."""
    return Markup('<div class="scroll{}" tabindex="0" role="group" aria-label="{}">').format(
        f" {kind}" if kind else "", label
    )


def milliseconds(value: float) -> str:
    """0.42 as "0.42 ms", see `phrases.milliseconds`."""
    return phrases.milliseconds(value).replace(" ", SPACE)


def time_range(spread: Mapping[str, float], unit: str) -> str:
    """The quartiles of a time in "ms" or "s", without a unit where the time above them has the same: "0.8 to 1.2"."""
    write = phrases.milliseconds if unit == "ms" else phrases.seconds
    ends = [write(spread[end]) for end in ("low", "high")]
    same = all(end.endswith(f" {unit}") and "min" not in end for end in (*ends, write(spread["median"])))
    return " to ".join(end.removesuffix(f" {unit}") if same else end for end in ends).replace(" ", SPACE)


def size(num_bytes: int) -> str:
    """2,345,678 as "2.3 MB", 12,345 as "12 kB"."""
    text = phrases.megabytes(num_bytes) if num_bytes >= 995_000 else f"{max(1, round(num_bytes / 1000))} kB"
    return text.replace(" ", SPACE)


FILTERS = {
    "count": phrases.count,
    "mean_count": phrases.mean_count,
    "several": phrases.plural,
    "percent": percent,
    "threshold": phrases.threshold,
    "score": score,
    "interval": interval,
    "seconds": seconds,
    "milliseconds": milliseconds,
    "size": size,
    "time_range": time_range,
    "times": phrases.times,
    "words": phrases.key_words,
    "listing": phrases.listing,
    "day": day,
    "prose": prose,
    "plain": phrases.setting,
    "points": points,
    "ends": ends,
    "cell_count": cell_count,
    "shortened": shortened,
    "short_by_name": by_name,
    "shorter": shorter,
    "keys": keys,
}
