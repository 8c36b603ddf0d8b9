"""Protects the words of a page from names that would turn the direction of what follows them."""

from __future__ import annotations

from snellen.report import page
from snellen.report.formats import prose


def test_marks_of_direction_in_names_are_shown_escaped() -> None:
    assert "\u202e" not in prose("Class \u202eab is `\u202ecd`.")
    assert page._environment().from_string("{{ name }}").render(name="\u202eab") == "\\u202eab"
