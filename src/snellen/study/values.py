"""Values to search, as a study writes them: {choice: [128, 256]}, {log: [1e-4, 1e-2]}, {range: [0.0, 0.5]}."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from snellen.errors import StudyError
from snellen.limits import MAX_OPTIONS

Scalar = str | int | float | bool | None
Number = int | float
DIGITS = 6
"""Significant digits of a drawn number: more make no difference to a search, and tables hard to read."""


@dataclass(frozen=True)
class Choice:
    """One of several options. labels: of each, for tables, all different; options: plain JSON or trees."""

    labels: tuple[Scalar, ...]
    options: tuple[Any, ...]

    @property
    def first(self) -> Scalar:
        """The label of the first option."""
        return self.labels[0]

    @property
    def probes(self) -> tuple[Scalar, ...]:
        """Labels that must all be valid."""
        return self.labels

    def index(self, label: Scalar) -> int:
        """The place of the option called `label`; raises StudyError where there is none."""
        if label not in self.labels:
            raise StudyError("no such option", found=repr(label), expected=f"one of {list(self.labels)}")
        return self.labels.index(label)


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; uniform on its scale. step: None where all numbers are possible."""

    low: Number
    high: Number
    step: Number | None
    scale: Literal["linear", "log"]

    @property
    def first(self) -> Scalar:
        """The low end."""
        return self.low

    @property
    def probes(self) -> tuple[Scalar, ...]:
        """Both ends, and a number between, which is whole only where all numbers are."""
        between = self.at(1) if self.step else self.tidy(self.low + (self.high - self.low) * 0.381966)
        return self.low, self.high, between

    @property
    def count(self) -> int | None:
        """How many numbers there are; None without steps."""
        if self.step is None:
            return None
        return int((Decimal(str(self.high)) - Decimal(str(self.low))) / Decimal(str(self.step))) + 1

    def at(self, index: int) -> Number:
        """The number that is `index` steps above low, exact in decimals."""
        number = Decimal(str(self.low)) + index * Decimal(str(self.step))
        return int(number) if isinstance(self.low, int) and isinstance(self.step, int) else float(number)

    def index(self, number: Scalar) -> int:
        """Steps from low to `number`; raises StudyError for a number that is not in the range."""
        self.check(number)
        assert self.step is not None and isinstance(number, int | float)
        return round((number - self.low) / self.step)

    def check(self, number: Scalar) -> None:
        """Raises StudyError unless `number` can be drawn."""
        inside = isinstance(number, int | float) and not isinstance(number, bool) and self.low <= number <= self.high
        if inside and self.step is not None:
            assert isinstance(number, int | float)
            inside = self.at(round((number - self.low) / self.step)) == number
        if not inside:
            steps = f" in steps of {self.step}" if self.step is not None else ""
            raise StudyError(
                "not in the range", found=repr(number), expected=f"a number from {self.low} to {self.high}{steps}"
            )

    def tidy(self, number: float) -> Number:
        """The nearest number of the range, in few digits."""
        if self.step is not None:
            return self.at(min(max(round((number - self.low) / self.step), 0), (self.count or 1) - 1))
        return min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high)


Value = Choice | Range


def read_value(node: Any) -> Value | None:
    """The value to search that `node` is; None when it is something else. Raises StudyError for a malformed value."""
    if not isinstance(node, Mapping) or not WORDS.keys() & node.keys():
        return None
    if len(node) > 1:
        raise StudyError("other keys beside a value to search", found=f"the keys {', '.join(map(repr, node))}")
    [(word, written)] = node.items()
    return WORDS[word](written)


def _choice(written: Any) -> Choice:
    if not isinstance(written, list | tuple) or not written:
        raise StudyError("`choice` takes a list of one or more options", found=repr(written))
    if len(written) > MAX_OPTIONS:
        raise StudyError("too many options", found=len(written), expected=f"at most {MAX_OPTIONS}")
    labels = _labels(tuple(written))
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise StudyError("`choice` has the same option twice", found=repr(twice[0]))
    return Choice(labels, tuple(written))


def _labels(options: tuple[Any, ...]) -> tuple[Scalar, ...]:
    """Plain options are their own labels, that of `{sgd: {...}}` is sgd; others are numbered from 1."""
    names = [_name(option) for option in options]
    return tuple(
        name if _is_plain(option) or (name is not None and names.count(name) == 1) else f"option {number}"
        for number, (option, name) in enumerate(zip(options, names, strict=True), 1)
    )


def _name(option: Any) -> Scalar:
    if _is_plain(option):
        return option  # type: ignore[no-any-return]
    return str(next(iter(option))) if isinstance(option, Mapping) and len(option) == 1 else None


def _is_plain(option: Any) -> bool:
    return option is None or isinstance(option, str | int | float | bool)


def _range(written: Any) -> Range:
    low, high, step = _ends("range", written)
    whole = isinstance(low, int) and isinstance(high, int)
    if step is None:
        return Range(low, high, 1 if whole else None, "linear")
    if step <= 0:
        raise StudyError("`step` of `range` must be above 0", found=step)
    if (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)):
        raise StudyError("`step` of `range` does not lead from low to high", found=f"{low} to {high} by {step}")
    return Range(low, high, step, "linear")


def _log(written: Any) -> Range:
    low, high, step = _ends("log", written)
    if step is not None:
        raise StudyError("`log` has no step", found=step, hint="A `choice` lists the numbers to try.")
    if low <= 0:
        raise StudyError("`log` needs numbers above 0", found=low)
    whole = isinstance(low, int) and isinstance(high, int)
    return Range(low, high, 1 if whole else None, "log")


def _ends(word: str, written: Any) -> tuple[Number, Number, Number | None]:
    """low, high and step of `[low, high]` or `{low:, high:, step:}`."""
    if isinstance(written, Mapping) and {"low", "high"} <= written.keys() <= {"low", "high", "step"}:
        numbers = [written["low"], written["high"], *([written["step"]] if written.get("step") is not None else [])]
    elif isinstance(written, list | tuple) and len(written) == 2:
        numbers = list(written)
    else:
        raise StudyError(f"`{word}` takes [low, high] or {{low:, high:, step:}}", found=repr(written))
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise StudyError(f"`{word}` takes numbers", found=repr(number))
    low, high = numbers[:2]
    if low >= high:
        raise StudyError(f"`{word}` needs low below high", found=f"{low} and {high}")
    return low, high, numbers[2] if len(numbers) > 2 else None


WORDS: dict[str, Callable[[Any], Value]] = {"choice": _choice, "log": _log, "range": _range}
