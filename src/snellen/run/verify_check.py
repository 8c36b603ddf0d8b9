"""The result of a check of `snellen verify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

Outcome = Literal["equal", "differs", "not checked"]


class CheckJson(TypedDict):
    """A check as JSON."""

    check: str
    outcome: Outcome
    compared: str
    details: list[str]


@dataclass(frozen=True)
class Check:
    """One check. compared: what was compared, in words. details: the differences, or why it was not checked."""

    name: str
    outcome: Outcome
    compared: str
    details: tuple[str, ...] = ()

    def as_json(self) -> CheckJson:
        """As a JSON value."""
        return {"check": self.name, "outcome": self.outcome, "compared": self.compared, "details": [*self.details]}


def compared(name: str, what: str, differences: list[str], unequal: Outcome = "differs") -> Check:
    """A check that found these differences."""
    return Check(name, unequal if differences else "equal", what, tuple(differences))
