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
    """One assignment and its result. jobs: those of its networks. cut: whether the search stopped it before its end."""

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
    """search: hash of everything that the rounds depend on. in_training: the round that is being trained, `asked` in
    JSON. outcome: None until the search is over."""

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
    """Reads the file of a search. Raises IdentityError for any other file, or if its rounds and trials do not match."""
    stored = read_as(_FILE, path)
    if stored.outcome is not None:
        _expect_whole(stored, stored.outcome, str(path))
    return stored


def _expect_whole(stored: SearchFile, outcome: SearchOutcome, where: str) -> None:
    """Raises IdentityError unless every requested trial has a result, and one of them is the winner."""
    numbers = [trial.number for trial in outcome.trials]
    trained = [[result.trial for result in done.results] for done in stored.rounds]
    requested = [[request.trial for request in done.requests] for done in stored.rounds]
    all_trials = {number for numbers in requested for number in numbers}
    if trained != requested or sorted(numbers) != sorted(all_trials) or outcome.winner not in all_trials:
        raise IdentityError("the trials are not those of the rounds", where=where)
    networks = {len(trial.jobs) for trial in outcome.trials}
    if 0 in networks or len(networks) > 1:
        raise IdentityError("trials of different numbers of networks", found=sorted(networks), where=where)
