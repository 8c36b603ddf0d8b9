"""A statement of the first screen: one short sentence, and the findings that say the same precisely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

Part = Literal["error", "score", "comparison", "weakness", "look at", "next"]
"""What a statement answers: what cannot be believed; how good; better than what; where it fails; what looks wrong; what
to do next."""
LABELS: Mapping[Part, str] = {
    "error": "Error",
    "score": "How good",
    "comparison": "Better than what",
    "weakness": "Where it fails",
    "look at": "Look at this",
    "next": "Next",
}
"""What stands beside a statement, by its part."""
MOST_WORDS = 30
"""Words of a statement; a number with its sign of per cent is one."""
LONGEST_NAME = 28
"""Characters of a name of a class, a model or a slice in a statement."""


class StatementJson(TypedDict):
    """A statement as it is stored."""

    part: Part
    sentence: str
    codes: list[str]
    values: dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """sentence: at most MOST_WORDS words. codes: of the findings with the precise words. values: the numbers in it."""

    part: Part
    sentence: str
    codes: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> StatementJson:
        """The statement as a JSON value."""
        return {"part": self.part, "sentence": self.sentence, "codes": list(self.codes), "values": self.values}


def num_words(sentence: str) -> int:
    """How many words a reader has to read."""
    return len(sentence.replace(" %", "%").split())


def short(name: str) -> str:
    """A name cut at LONGEST_NAME characters."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"
