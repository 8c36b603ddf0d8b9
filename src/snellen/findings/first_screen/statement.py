"""A statement of the first screen: one short sentence, and the findings that say the same precisely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
END = 10
"""Those that are kept of its end."""


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


def fitted(ways: Iterable[str]) -> str:
    """Of ways to say the same, the most complete first, the first with at most MOST_WORDS words; else the last."""
    said = ""
    for said in ways:
        if num_words(said) <= MOST_WORDS:
            return said
    return said


def short(name: str, words: int = LONGEST_NAME) -> str:
    """A name cut in the middle at LONGEST_NAME characters and at so many words: names of one kind often begin alike."""
    parts = name.split()
    if len(parts) > words:
        name = f"{' '.join(parts[: max(1, words - 1)])}…{parts[-1] if words > 1 else ''}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - END - 1].rstrip()}…{name[-END:].lstrip()}"
