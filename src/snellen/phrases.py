"""How numbers, counts, names and durations are written, wherever a person reads them: sentences, tables, pages.

Rounding never makes a value more exact or more perfect than it is: only 1 is "100.0 %", only 0 is "0.0 %", and a
difference that is not 0 keeps its first digit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence

UNDEFINED = "undefined"
NO_INTERVAL = "no interval"
DASH = "\N{EN DASH}"
TINY = 1e-6
"""Differences of shares below this are rounding."""


def count(value: int | None) -> str:
    """1234567 as "1,234,567"; None as a dash."""
    return DASH if value is None else f"{value:,}"


def plural(number: int, noun: str) -> str:
    """A number with its noun: "1 image", "1,797 images", "10 classes"."""
    return f"{number:,} {noun if number == 1 else noun + ('es' if noun.endswith('s') else 's')}"


def mean_count(value: float) -> str:
    """A mean of counts: "4", "4.3", "1,024.7"."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def times(number: int) -> str:
    """How often: "never", "once", "twice", "3 times"."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number:,} times")


def listing(names: Iterable[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last


def some(names: Sequence[str], most: int, rest: str = "more") -> str:
    """The first of many names in a sentence: "a, b and 3 more"."""
    left = f" and {len(names) - most:,} {rest}" if len(names) > most else ""
    return f"{', '.join(names[:most])}{left}"


def quoted(names: Iterable[str]) -> str:
    """Names in back-quotes in a sentence: "`a`, `b` and `c`"."""
    return listing(f"`{name}`" for name in names)


PLAIN_NAME = re.compile(r"[A-Za-z_]([A-Za-z0-9_ .+-]*[A-Za-z0-9_.+-])?|0|[1-9][0-9]{0,17}")
"""What YAML reads as it stands in a list: text that is no other value, or a number without leading zeros."""
YAML_WORDS = ("true", "false", "null")


def yaml_list(names: Iterable[str]) -> str:
    """Names as a list in a study file, quoted where YAML would read them otherwise: `[cat, 7, "07"]`."""
    return f"[{', '.join(map(_yaml_name, names))}]"


def _yaml_name(name: str) -> str:
    plain = PLAIN_NAME.fullmatch(name) and name.lower() not in YAML_WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)


def capitalised(text: str) -> str:
    """With a capital at the beginning, and nothing else changed."""
    return text[:1].upper() + text[1:]


def percent(share: float | None, digits: int = 1) -> str:
    """0.972 as "97.2 %"; "<0.1 %" and ">99.9 %" where rounding would say none or all."""
    return UNDEFINED if share is None else f"{_percent(share, digits)} %"


def percent_limits(low: float | None, high: float | None) -> str:
    """The ends of an interval of a share: "95.0 to 98.5", or "no interval"."""
    return NO_INTERVAL if low is None or high is None else f"{_percent(low)} to {_percent(high)}"


def percent_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A share with its interval: "97.2 % (95.0 to 98.5)"; without brackets where there is none."""
    return (
        percent(value)
        if value is None or low is None or high is None
        else f"{percent(value)} ({percent_limits(low, high)})"
    )


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of shares in hundredths: 0.0213 as "2.1 points", 0.0003 as "0.03 points"."""
    return UNDEFINED if difference is None else f"{_points(difference, digits)} points"


def points_limits(low: float | None, high: float | None, digits: int = 1) -> str:
    """The ends of an interval of a difference: "1.5 to 2.7", or "no interval" where nothing varied."""
    return NO_INTERVAL if low is None or high is None else f"{_points(low, digits)} to {_points(high, digits)}"


def points_at_least(difference: float) -> str:
    """A difference that is said to be enough, rounded upwards: 0.0421 as "4.3 points"."""
    return f"{math.ceil(round(1000 * difference, 6)) / 10:.1f} points"


def margin(difference: float) -> str:
    """What a difference must exceed to matter, in two digits: "0.5 points", "0.37 points"."""
    return f"{100 * difference:.2g} points"


def loss(value: float) -> str:
    """A loss or another measure that is no share: four decimals."""
    return f"{value:.4f}"


def loss_limits(low: float | None, high: float | None) -> str:
    """The ends of an interval of a loss: "0.9500 to 0.9850", or "no interval"."""
    return NO_INTERVAL if low is None or high is None else f"{loss(low)} to {loss(high)}"


def fraction(value: float) -> str:
    """A measure up to 1 in three decimals: "0.972"; ">0.999" where rounding would say 1."""
    return ">0.999" if 0.9995 <= value < 1 else f"{value:.3f}"


def threshold(value: float) -> str:
    """A probability in four decimals, in more where these would say none or all: "0.9846", "0.7", "0.99997"."""
    digits, text = 4, f"{value:.4f}"
    while 0 < value < 1 and float(text) in (0, 1) and digits < 17:
        digits += 1
        text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".")


def p_value(value: float) -> str:
    """p = 0.012, or p < 0.001."""
    return f"p = {value:.2g}" if value >= 0.001 else "p < 0.001"


def setting(value: object) -> str:
    """A value of a study as a person writes it: no quotes, yes and no, 0.001 instead of 1e-03."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(_entry(key_words(str(key)), item) for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(setting, value)) or "none"
    return str(value)


def _entry(key: str, value: object) -> str:
    """One key of a setting: "shift 0.1", or with what belongs to it, "adam (beta 1 = 0.9, epsilon = 1e-07)"."""
    if not isinstance(value, dict):
        return f"{key} {setting(value)}"
    inside = ", ".join(f"{key_words(str(each))} = {setting(item)}" for each, item in value.items())
    return f"{key} ({inside})" if inside else key


def key_words(key: str) -> str:
    """A key as words: "macro_f1" as "macro F1", "top_2" as "top 2", "rmse" as "RMSE"."""
    return key.replace("_", " ").replace("f1", "F1").replace("rmse", "RMSE").replace("auc", "AUC")


def seconds(value: float | None) -> str:
    """A duration: "0.8 s", "42 s", "3 min 05 s", "2 h 10 min"."""
    if value is None:
        return DASH
    if value < 59.5:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def milliseconds(value: float) -> str:
    """A short time with two digits: "0.0031 ms", "0.42 ms", "12 ms", "1,250 ms"."""
    if value >= 9.95:
        return f"{value:,.0f} ms"
    if value <= 0:
        return "0 ms"
    digits = 1 - math.floor(math.log10(value))
    return f"{value:.{digits}f} ms"


def megabytes(num_bytes: int) -> str:
    """A size with at least two digits: "1.5 MB", "1,024 MB"."""
    return f"{num_bytes / 1e6:,.0f} MB" if num_bytes >= 9.95e6 else f"{num_bytes / 1e6:.1f} MB"


def _percent(share: float, digits: int = 1) -> str:
    text, step = f"{100 * share:.{digits}f}", 10.0**-digits
    if share > 0 and float(text) == 0:
        return f"<{step:.{digits}f}"
    return f">{100 - step:.{digits}f}" if share < 1 and float(text) == 100 else text


def _points(difference: float, digits: int) -> str:
    """One digit of what rounding would make 0; nothing is minus 0."""
    text = f"{100 * difference:.{digits}f}"
    if float(text):
        return text
    return f"{100 * difference:.1g}" if abs(difference) >= TINY else text.removeprefix("-")
