"""A page of its own for each analysis, openable alone, and what the report says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from snellen.explain.analyses import OF_STUDY, Asked
from snellen.explain.outcome import Outcome

Content = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Leaf:
    """What a page of an analysis is drawn from. content: the value of report.json."""

    asked: Asked
    outcome: Outcome
    content: Content

    @property
    def classes(self) -> list[str]:
        """Class names, in the order of the labels."""
        return list(self.content["data"]["classes"])

    @property
    def heading(self) -> Content:
        """What the head of every page says: the title, the study, the way back to the report."""
        return {"title": self.asked.title, "study": self.content["study"], "report": "../report.html"}


PAGES: dict[str, Callable[[Leaf], str]] = {}
"""The whole HTML of a page, by the name of the analysis."""


def section(outcomes: Mapping[Asked, Outcome]) -> list[Content]:
    """What report.json says of the analyses: one entry each, in the order of the study."""
    return [
        {
            "analysis": one.options.name,
            "title": one.title,
            "model": None if one.model == OF_STUDY else one.model,
            "page": f"pages/{one.page}",
            "sentences": outcome.sentences,
        }
        for one, outcome in outcomes.items()
    ]


def pages(outcomes: Mapping[Asked, Outcome], content: Content) -> dict[str, str]:
    """The HTML of every page, by the name of its file."""
    return {one.page: page_of(one, outcome, content) for one, outcome in outcomes.items()}


def page_of(one: Asked, outcome: Outcome, content: Content) -> str:
    """The HTML of one page."""
    return PAGES[one.options.name](Leaf(one, outcome, content))
