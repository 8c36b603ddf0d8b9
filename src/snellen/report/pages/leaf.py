"""What a page of an analysis is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snellen.explain.analyses import Asked
from snellen.explain.outcome import Outcome

Content = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Leaf:
    """One analysis, what it found, and the value of report.json."""

    asked: Asked
    outcome: Outcome
    content: Content

    @property
    def classes(self) -> list[str]:
        """Class names, in the order of the labels."""
        return list(self.content["data"]["classes"])

    @property
    def heading(self) -> Content:
        """What the head of every page says: the title, the study, the way back to the report, the version."""
        shared = {name: self.content[name] for name in ("study", "snellen")}
        return {**shared, "title": self.asked.title, "report": "../report.html"}
