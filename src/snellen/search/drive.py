"""Drives a search: asks the method for a round, has its trials trained, tells the method, until it is over.

Everything that happened stands in a file of the run's search/, so that an interrupted search goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import RoleRows
from snellen.errors import StudyError, located
from snellen.files.atomic import write_json
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.search.methods import next_round
from snellen.search.rounds import Done, Goal, TrialRequest, TrialResult, best_first
from snellen.search.stored import Searched, Trial, read_search
from snellen.study.assignments import fill, last_epochs
from snellen.study.jobs import Collector, add_jobs
from snellen.study.methods import Method
from snellen.study.schema import Model
from snellen.train.job import Job, Measure
from snellen.train.lane import Lane
from snellen.train.perform import RunContext, history_of, stop, tidy
from snellen.train.results import Result

Perform = Callable[[Sequence[Lane], int | None], None]
"""Performs lanes, to their ends or up to an epoch."""
PREDICTED = ("validation",)
"""What trials store of their predictions: what a search is judged by. Those that win are completed."""


@dataclass(frozen=True, eq=False)
class Scope:
    """What trials are trained and scored on. parts: one, or the folds; a trial's score is the mean over all networks.

    choose_by, seed: the study's, where the search has none of its own.
    """

    dataset: Dataset
    parts: Sequence[RoleRows]
    seeds: Sequence[int]
    choose_by: Measure
    seed: int


def objective_of(method: Method, choose_by: Measure) -> tuple[Measure, Goal]:
    """The measure that ranks trials, and which of its values are best."""
    measure = method.objective or choose_by
    return measure, "lowest" if measure == "loss" else "highest"


@dataclass(eq=False)
class Driver:
    """One search at work. name: in words. file: search/<file>.json. asking: told each round before it is trained."""

    name: str
    file: str
    model: Model
    scope: Scope
    place: RunContext
    perform: Perform
    asking: Callable[[int, Sequence[TrialRequest]], None]

    def __post_init__(self) -> None:
        assert self.model.search is not None  # only models with a search are driven
        self.method = self.model.search
        self.space = self.method.space
        self.max_epochs = last_epochs(self.model)
        self.measure, self.goal = objective_of(self.method, self.scope.choose_by)
        self.chains: dict[int, list[list[Job]]] = {}
        self.lanes: dict[int, list[Lane]] = {}

    def run(self) -> Searched:
        """The search, from its first round or from where it was interrupted. Raises StudyError when every trial
        failed."""
        (rounds, asks), began = self._stored(), time.monotonic()
        spent = rounds[-1].seconds if rounds else 0.0
        while asks := asks or self._next(rounds):
            self._write(rounds, asks)
            self.asking(len(rounds) + 1, asks)
            told = self._train(asks)
            rounds = [*rounds, Done(asks=asks, told=told, seconds=round(spent + time.monotonic() - began, 2))]
            asks = ()
            self._write(rounds)
        searched = self._finish(rounds)
        self._write(rounds, outcome=asdict(searched))
        return searched

    def _next(self, rounds: Sequence[Done]) -> tuple[TrialRequest, ...]:
        """The asks of the next round; none when the search is over."""
        return next_round(self.space, self.method, rounds, self.max_epochs, self.scope.seed, self.goal) or ()

    def _write(
        self, rounds: Sequence[Done], asks: Sequence[TrialRequest] = (), outcome: dict[str, Any] | None = None
    ) -> None:
        """asks: those of the round that is being trained: a model that proposes may propose otherwise elsewhere."""
        values = {
            "search": self._identity,
            "rounds": [done.model_dump(mode="json") for done in rounds],
            "asked": [ask.model_dump(mode="json") for ask in asks],
        }
        write_json(self._path, {**values, "outcome": outcome})

    @property
    def _path(self) -> Path:
        return inside(self.place.run, "search", *f"{self.file}.json".split("/"))

    @property
    def _identity(self) -> str:
        """What the rounds belong to: settings and space, rows, seeds."""
        parts = [[part.sha256["train"], part.sha256["validation"]] for part in self.scope.parts]
        own = [self.method.model_dump(mode="json"), parts, list(self.scope.seeds), self.measure, self.scope.seed]
        return identity(own)

    def _stored(self) -> tuple[list[Done], tuple[TrialRequest, ...]]:
        """The rounds of an earlier process, and the asks of the one that it was in."""
        stored = read_search(self._path) if self._path.exists() else None
        if stored is None or stored.search != self._identity:
            return [], ()
        return list(stored.rounds), stored.asked

    def _train(self, asks: Sequence[TrialRequest]) -> tuple[TrialResult, ...]:
        """Has the trials trained up to their epochs; those that share a trajectory to its end are trained once."""
        for target in sorted({ask.to_epoch for ask in asks}):
            together = [ask for ask in asks if ask.to_epoch == target]
            before, last = self._lanes_of(together, target >= self.max_epochs)
            for stage in before:
                self.perform(stage, None)
            self.perform(last, target)
        return tuple(self._told(ask) for ask in asks)

    def _lanes_of(self, asks: Sequence[TrialRequest], share: bool) -> tuple[list[list[Lane]], list[Lane]]:
        """Lanes of the phases before the last, by phase, and those of the last phases."""
        self._plan([ask for ask in asks if ask.trial not in self.chains], share)
        lanes = list(dict.fromkeys(lane for ask in asks for lane in self.lanes[ask.trial]))
        finals = {job.id for ask in asks for job in self._finals(ask.trial)}
        last = [lane for lane in lanes if set(lane.ids) <= finals]
        others = [lane for lane in lanes if lane not in last]
        phases = sorted({lane.trajectory.phase for lane in others})
        return [[lane for lane in others if lane.trajectory.phase == phase] for phase in phases], last

    @property
    def labels(self) -> dict[str, str]:
        """What to call the jobs of all trials."""
        named: dict[str, str] = {}
        for trial, chains in self.chains.items():
            for job in (job for chain in chains for job in chain):
                named.setdefault(job.id, f"{self.name}, trial {trial}")
        return named

    def _plan(self, asks: Sequence[TrialRequest], share: bool) -> None:
        """The jobs of new trials, and the lanes that train them: with `share`, one for all of a trajectory."""
        common = Collector(predicted=PREDICTED)
        collected = {ask.trial: common if share else Collector(predicted=PREDICTED) for ask in asks}
        for ask in asks:
            with located(f"trial {ask.trial}"):
                model = fill(self.model, ask.assignment)
                self.chains[ask.trial] = [
                    chain
                    for rows in self.scope.parts
                    for chain in add_jobs(
                        model, self.scope.dataset, rows, self.scope.seeds, collected[ask.trial]
                    ).values()
                ]
        for ask in asks:
            own = {job.id for chain in self.chains[ask.trial] for job in chain}
            self.lanes[ask.trial] = [lane for lane in collected[ask.trial].gathered.values() if own & set(lane.ids)]

    def _finals(self, trial: int) -> list[Job]:
        """The networks of a trial: the jobs of its last phase."""
        return [chain[-1] for chain in self.chains[trial]]

    def _told(self, ask: TrialRequest) -> TrialResult:
        """The mean of each network's best value so far; a trial with a network that failed has failed."""
        name = f"validation_{self.measure}"
        best = min if self.goal == "lowest" else max
        scores, epochs, early, curves = [], [], [], []
        for job in self._finals(ask.trial):
            history, result = history_of(self._lane(ask, job), job, self.place)
            failed = result is not None and result.status == "failed"
            values = [float(record[name]) for record in history[: ask.to_epoch]]  # type: ignore[literal-required]
            scores.append(None if failed or not values else best(values))
            epochs.append(len(values))
            early.append(_stopped_early(result, job, ask.to_epoch))
            curves.append(values)
        known = [score for score in scores if score is not None]
        curve = tuple(float(sum(each) / len(each)) for each in zip(*curves))
        return TrialResult(
            trial=ask.trial,
            epoch=max(epochs),
            score=sum(known) / len(known) if len(known) == len(scores) else None,
            stopped_early=all(early),
            curve=curve,
        )

    def _lane(self, ask: TrialRequest, job: Job) -> Lane:
        return next(lane for lane in self.lanes[ask.trial] if job in lane.jobs)

    def _finish(self, rounds: Sequence[Done]) -> Searched:
        """Cuts what waits, and names the winner: the best of those trained to their end."""
        last: dict[int, tuple[TrialRequest, TrialResult]] = {}
        for done in rounds:
            last |= {ask.trial: (ask, told) for ask, told in zip(done.asks, done.told, strict=True)}
        self._remember([ask for ask, _ in last.values()])
        cut = {number for number, (ask, told) in last.items() if self._cut(ask, told)}
        trials = [
            Trial(
                number,
                dict(ask.assignment),
                tuple(job.id for job in self._finals(number)),
                told.epoch,
                told.score,
                number in cut,
            )
            for number, (ask, told) in sorted(last.items())
        ]
        finished = best_first((told for number, (_, told) in last.items() if number not in cut), self.goal)
        if not finished or finished[0].score is None:
            raise StudyError(f"no trial of the search of `{self.name}` ended well", found=f"{len(last)} trials")
        return Searched(self.method.method, self.measure, tuple(trials), finished[0].trial)

    def _remember(self, asks: Sequence[TrialRequest]) -> None:
        """Plans the trials of rounds that an earlier process trained."""
        missing = [ask for ask in asks if ask.trial not in self.chains]
        self._plan(missing, all(ask.to_epoch >= self.max_epochs for ask in asks))

    def _cut(self, ask: TrialRequest, told: TrialResult) -> bool:
        """Whether the trial waits to be gone on with, which ends here."""
        cut = False
        for job in self._finals(ask.trial):
            lane = self._lane(ask, job)
            if self.place.paused(lane).epoch:
                stop(lane, f"the search did not go on with it after epoch {told.epoch}", self.place)
            tidy([lane], self.place)  # a killed process may have left a part
            result = self.place.folder(job.id).read_result()
            # a network that another search trained further was not gone on with by this one
            cut = cut or (result is not None and (result.status == "stopped" or result.epochs > told.epoch))
        return cut


def _stopped_early(result: Result | None, job: Job, to_epoch: int) -> bool:
    """Whether a network had come to its end by an epoch, before all that its stop rule allows."""
    return result is not None and result.status == "done" and result.epochs < min(job.stop.epochs, to_epoch + 1)
