"""Protects how numbers are written: rounding may never turn a value into perfection, nothing, or a number it is not."""

from __future__ import annotations

import pytest

from snellen.report import formats

SPACE = formats.SPACE


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.972, "97.2 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.9999, ">99.9 %"),
        (0.00001, "<0.1 %"),
        (None, "undefined"),
    ],
)
def test_percent(share: float | None, text: str) -> None:
    assert formats.percent(share) == text.replace(" ", SPACE)


def test_an_estimate_of_a_proportion_and_of_a_loss() -> None:
    estimate = {"value": 0.972, "low": 0.95, "high": 0.985, "n": 360, "covers": "other images", "method": "Wilson"}
    assert f"{formats.score(estimate)} {formats.interval(estimate)}" == f"97.2{SPACE}% (95.0 to 98.5)"
    assert f"{formats.score(estimate, 'loss')} {formats.interval(estimate, 'loss')}" == "0.9720 (0.9500 to 0.9850)"


@pytest.mark.parametrize("missing", [None, {"value": None, "low": None, "high": None}])
def test_what_has_no_value_is_undefined_and_has_no_interval(missing: dict | None) -> None:
    assert (formats.score(missing), formats.interval(missing)) == ("undefined", "")


def test_a_value_without_an_interval() -> None:
    assert formats.interval({"value": 0.5, "low": None, "high": None}) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04, "0.0 s"), (3.21, "3.2 s"), (42.4, "42 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_seconds(value: float, text: str) -> None:
    assert formats.seconds(value).replace(SPACE, " ") == text


def test_days() -> None:
    assert formats.day("2026-11-22T14:00:00+00:00") == "2026-11-22 14:00 UTC"


def test_prose_marks_names_and_escapes_everything() -> None:
    assert (
        formats.prose("`<i>` is right on 98.5 % & `b`") == f"<b>&lt;i&gt;</b> is right on 98.5{SPACE}% &amp; <b>b</b>"
    )
