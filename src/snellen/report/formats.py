"""How the page writes numbers: what a reader sees is never more exact, and never more perfect, than the value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from snellen.explain.phrases import listing
from snellen.report.names import by_name, keys, shortened

Estimate = dict[str, Any]

SPACE = "\N{NO-BREAK SPACE}"
UNDEFINED = "undefined"
NOT_PROPORTIONS = ("loss", "rmse")


def count(value: int | None) -> str:
    """1234567 -> "1,234,567"; None -> a dash."""
    return "\N{EN DASH}" if value is None else f"{value:,}"


def several(number: int, noun: str) -> str:
    """A number with its noun: "1 image", "1,797 images", "10 classes"."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def percent(share: float | None) -> str:
    """0.972 -> "97.2 %". Only 1 is "100.0 %" and only 0 is "0.0 %"."""
    return UNDEFINED if share is None else f"{_tenths(share)}{SPACE}%"


def score(estimate: Estimate | None, measure: str = "accuracy") -> str:
    """The value of an estimate: per cent for proportions, four significant decimals for losses."""
    if estimate is None or estimate["value"] is None:
        return UNDEFINED
    return f"{estimate['value']:.4f}" if measure in NOT_PROPORTIONS else percent(estimate["value"])


def interval(estimate: Estimate | None, measure: str = "accuracy") -> str:
    """The interval of an estimate, as in "(95.0 to 98.5)"; empty where there is none."""
    if estimate is None or estimate["value"] is None or estimate["low"] is None or estimate["high"] is None:
        return ""
    write = "{:.4f}".format if measure in NOT_PROPORTIONS else _tenths
    return f"({write(estimate['low'])} to {write(estimate['high'])})"


def seconds(value: float | None) -> str:
    """A duration: "0.8 s", "42 s", "3 min 05 s", "2 h 10 min"."""
    if value is None:
        return "\N{EN DASH}"
    if value < 59.5:
        return f"{value:.1f}{SPACE}s" if value < 9.95 else f"{value:.0f}{SPACE}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min {rest:02d}{SPACE}s"
    return f"{minutes // 60}{SPACE}h {minutes % 60:02d}{SPACE}min"


def times(number: int) -> str:
    """How often: "never", "once", "twice", "3 times"."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def words(key: str) -> str:
    """A key as words: "macro_f1" -> "macro F1", "top_2" -> "top 2", "rmse" -> "RMSE"."""
    return key.replace("_", " ").replace("f1", "F1").replace("rmse", "RMSE")


def day(moment: str) -> str:
    """An ISO time as "2026-11-22 14:00 UTC" (or its own offset)."""
    return f"{moment[:10]} {moment[11:16]} {moment[19:].replace('+00:00', 'UTC')}".strip()


def prose(text: str) -> Markup:
    """A sentence: names in backticks become bold, a number stays with its per cent sign."""
    parts = text.replace(" %", f"{SPACE}%").split("`")
    return Markup("").join(Markup("<b>{}</b>").format(part) if at % 2 else part for at, part in enumerate(parts))


def points(share: float | None) -> str:
    """A difference of shares, in points of a hundred: 0.0041 -> "0.4 points"."""
    return UNDEFINED if share is None else f"{100 * share:.1f}{SPACE}points"


def ends(values: Iterable[float | None]) -> tuple[float, float]:
    """The ends of an axis that holds these shares: outwards to whole per cent, or to 5 per cent where it is long."""
    known = [value for value in values if value is not None] or [0.0, 1.0]
    steps = 100 if max(known) - min(known) < 0.2 else 20
    low, high = math.floor(steps * min(known)) / steps, math.ceil(steps * max(known)) / steps
    return (low, high) if low < high else (max(0.0, low - 0.01), min(1.0, high + 0.01))


def plain(value: object) -> str:
    """A setting as a person writes it: no quotes, yes and no, 0.001 instead of 1e-03."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{words(str(key))} {plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


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


def _tenths(share: float) -> str:
    """A share in per cent with one decimal; "<0.1" and ">99.9" where rounding would claim none or all."""
    text = f"{100 * share:.1f}"
    if text == "0.0" and share > 0:
        return "<0.1"
    if text == "100.0" and share < 1:
        return ">99.9"
    return text


FILTERS = {
    "count": count,
    "several": several,
    "percent": percent,
    "score": score,
    "interval": interval,
    "seconds": seconds,
    "times": times,
    "words": words,
    "listing": listing,
    "day": day,
    "prose": prose,
    "plain": plain,
    "points": points,
    "ends": ends,
    "cell_count": cell_count,
    "shortened": shortened,
    "short_by_name": by_name,
    "shorter": shorter,
    "keys": keys,
}
