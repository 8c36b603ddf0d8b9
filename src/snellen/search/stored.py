"""search/<model>.json: the rounds of a search, and its trials and winner once it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from snellen.errors import IdentityError
from snellen.files.atomic import write_json
from snellen.files.stored import STORED, read_as
from snellen.search.rounds import Done, Round
from snellen.study.values import Scalar
from snellen.train.improvement import Measure


@dataclass(frozen=True)
class Trial:
    """One assignment and what came of it. jobs: of its networks. cut: the search stopped it before its end."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    number: int
    assignment: Mapping[str, Scalar]
    jobs: tuple[str, ...]
    epoch: int
    score: float | None
    cut: bool


@dataclass(frozen=True)
class SearchOutcome:
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
    """search: hash of what the rounds belong to. in_training: the round that is being trained, `asked` in JSON.
    outcome: None until the search is over."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    search: str
    rounds: tuple[Done, ...]
    in_training: Annotated[Round, Field(alias="asked")]
    outcome: SearchOutcome | None


_FILE = TypeAdapter(SearchFile)


def write_search(path: Path, search: SearchFile) -> None:
    """Writes the file of a search."""
    write_json(path, _FILE.dump_python(search, mode="json", by_alias=True))


def read_search(path: Path) -> SearchFile:
    """The file of a search. Raises IdentityError where it is none, or its rounds and trials do not belong together."""
    stored = read_as(_FILE, path)
    if stored.outcome is not None:
        _expect_whole(stored, stored.outcome, str(path))
    return stored


def _expect_whole(stored: SearchFile, outcome: SearchOutcome, where: str) -> None:
    """Every requested trial has a result, and one of them won."""
    numbers = [trial.number for trial in outcome.trials]
    trained = [[result.trial for result in done.results] for done in stored.rounds]
    requested = [[request.trial for request in done.requests] for done in stored.rounds]
    known = {number for numbers in requested for number in numbers}
    if trained != requested or sorted(numbers) != sorted(known) or outcome.winner not in known:
        raise IdentityError("the trials are not those of the rounds", where=where)
    networks = {len(trial.jobs) for trial in outcome.trials}
    if 0 in networks or len(networks) > 1:
        raise IdentityError("trials of different numbers of networks", found=sorted(networks), where=where)
