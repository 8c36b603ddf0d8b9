"""Protects how numbers are written: rounding never turns a value into perfection, nothing, or a number it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from snellen import phrases


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.972, 1, "97.2 %"),
        (1.0, 1, "100.0 %"),
        (0.0, 1, "0.0 %"),
        (0.9999, 1, ">99.9 %"),
        (0.00001, 1, "<0.1 %"),
        (0.713, 0, "71 %"),
        (0.998, 0, ">99 %"),
        (0.002, 0, "<1 %"),
        (None, 1, "undefined"),
    ],
)
def test_percent(share: float | None, digits: int, text: str) -> None:
    assert phrases.percent(share, digits) == text


@given(some.floats(0, 1), some.integers(0, 2))
def test_only_all_is_100_percent_and_only_nothing_is_0(share: float, digits: int) -> None:
    text = phrases.percent(share, digits).removesuffix(" %")
    assert text.startswith("100") == (share == 1)
    assert (text.strip("0.") == "") == (share == 0)
    assert abs(float(text.strip("<>")) - 100 * share) <= 10.0**-digits


def test_a_share_with_its_interval() -> None:
    assert phrases.percent_interval(0.972, 0.95, 0.985) == "97.2 % (95.0 to 98.5)"
    assert phrases.percent_interval(0.9999, 0.998, 1.0) == ">99.9 % (99.8 to 100.0)"
    assert phrases.percent_interval(0.5, None, None) == "50.0 %"
    assert phrases.percent_interval(None, None, None) == "undefined"
    assert phrases.percent_limits(None, 0.5) == "no interval"


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.0213, "2.1 points"),
        (-0.0213, "-2.1 points"),
        (0.0003, "0.03 points"),
        (-0.0003, "-0.03 points"),
        (1e-17, "0.0 points"),
        (-1e-17, "0.0 points"),
        (0.0, "0.0 points"),
        (None, "undefined"),
    ],
)
def test_points(difference: float | None, text: str) -> None:
    assert phrases.points(difference) == text


def test_points_of_two_digits_and_limits() -> None:
    assert phrases.points(0.00421, 2) == "0.42 points"
    assert phrases.points_limits(-0.0003, 0.0071) == "-0.03 to 0.7"
    assert phrases.points_limits(None, None) == "no interval"
    assert phrases.margin(0.0037) == "0.37 points" and phrases.margin(0.005) == "0.5 points"


@given(some.floats(0.0001, 1))
def test_a_difference_said_to_be_enough_is_rounded_upwards(difference: float) -> None:
    said = float(phrases.points_at_least(difference).removesuffix(" points"))
    assert 100 * difference - 1e-6 <= said <= 100 * difference + 0.1


def test_other_measures() -> None:
    assert phrases.loss(0.97204) == "0.9720" and phrases.loss_limits(0.95, 0.985) == "0.9500 to 0.9850"
    assert [phrases.fraction(each) for each in (0.972, 0.9996, 1.0)] == ["0.972", ">0.999", "1.000"]
    assert [phrases.p_value(each) for each in (0.0321, 0.001, 0.0004)] == ["p = 0.032", "p = 0.001", "p < 0.001"]


def test_counts_and_lists() -> None:
    said = [
        phrases.plural(number, noun) for number, noun in ((1, "image"), (1797, "image"), (10, "class"), (1, "class"))
    ]
    assert said == ["1 image", "1,797 images", "10 classes", "1 class"]
    assert [phrases.times(each) for each in (0, 1, 2, 3)] == ["never", "once", "twice", "3 times"]
    assert [phrases.mean_count(each) for each in (4.0, 4.25, 1024.66)] == ["4", "4.2", "1,024.7"]
    assert [phrases.count(each) for each in (1234567, None)] == ["1,234,567", "\N{EN DASH}"]
    assert [phrases.listing(each) for each in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
    assert phrases.quoted(["a", "b"]) == "`a` and `b`" and phrases.capitalised("on Test") == "On Test"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04, "0.0 s"), (3.21, "3.2 s"), (42.4, "42 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"),
        (7800, "2 h 10 min"), (None, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_seconds(value: float | None, text: str) -> None:
    assert phrases.seconds(value) == text


def test_megabytes() -> None:
    assert [phrases.megabytes(each) for each in (1_540_000, 9_949_000, 9_951_000, 1_024_400_000)] == [
        "1.5 MB", "9.9 MB", "10 MB", "1,024 MB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"), (True, "yes"), (1e-3, "0.001"), (5, "5"), ("adam", "adam"), ([1, 2], "1, 2"), ({}, "none"),
        ({"shift": 0.1}, "shift 0.1"), ({"linear": {}}, "linear"),
        ({"adam": {"beta_1": 0.9, "epsilon": 1e-7}}, "adam (beta 1 = 0.9, epsilon = 1e-07)"),
    ],
)  # fmt: skip
def test_settings(value: object, text: str) -> None:
    assert phrases.setting(value) == text


def test_keys_as_words() -> None:
    assert [phrases.key_words(each) for each in ("macro_f1", "top_2", "rmse")] == ["macro F1", "top 2", "RMSE"]


def test_a_threshold_never_reads_as_none_or_all() -> None:
    for value, text in (
        (0.98461, "0.9846"),
        (0.7, "0.7"),
        (0.99997, "0.99997"),
        (0.99999999, "0.99999999"),
        (0.00002, "0.00002"),
        (1.0, "1"),
        (1 - 2**-53, "0.9999999999999999"),
    ):
        assert phrases.threshold(value) == text
