"""A search as it stands in the run: its rounds, and its trials and winner once it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from snellen.errors import IdentityError
from snellen.files.stored import STORED, read_as
from snellen.search.rounds import Done, TrialRequest
from snellen.study.values import Scalar
from snellen.train.job import Measure


@dataclass(frozen=True)
class Trial:
    """One assignment and what came of it. jobs: its networks. cut: the search did not go on with it."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    number: int
    assignment: Mapping[str, Scalar]
    jobs: tuple[str, ...]
    epoch: int
    score: float | None
    cut: bool


@dataclass(frozen=True)
class Searched:
    """A search that is over. winner: the number of the best trial."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    method: str
    objective: Measure
    trials: tuple[Trial, ...]
    winner: int

    @property
    def assignment(self) -> Mapping[str, Scalar]:
        """The values of the winner."""
        return next(trial.assignment for trial in self.trials if trial.number == self.winner)


@dataclass(frozen=True)
class SearchFile:
    """search: what the rounds belong to. asked: the round that is being trained. outcome: None until it is over."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    search: str
    rounds: tuple[Done, ...]
    asked: tuple[TrialRequest, ...]
    outcome: Searched | None


_KIND = TypeAdapter(SearchFile)


def read_search(path: Path) -> SearchFile:
    """Such a file. Raises IdentityError where it is not one, or its rounds and its trials are not of one search."""
    stored = read_as(_KIND, path)
    if stored.outcome is not None:
        _expect_whole(stored, stored.outcome, str(path))
    return stored


def _expect_whole(stored: SearchFile, outcome: Searched, where: str) -> None:
    """Every trial was asked for and told of, and one of them won."""
    numbers = [trial.number for trial in outcome.trials]
    told = [[each.trial for each in done.told] for done in stored.rounds]
    asked = [[ask.trial for ask in done.asks] for done in stored.rounds]
    known = {number for numbers in asked for number in numbers}
    if told != asked or set(numbers) != known or len(set(numbers)) < len(numbers) or outcome.winner not in known:
        raise IdentityError("the trials are not those of the rounds", where=where)
    networks = {len(trial.jobs) for trial in outcome.trials}
    if 0 in networks or len(networks) > 1:
        raise IdentityError("trials of different numbers of networks", found=sorted(networks), where=where)
