"""Drives a search: the method requests a round of trials, they are trained, and their results decide the next round.

Everything is stored in a file in the run's search/, so that an interrupted search can continue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import RoleRows
from snellen.errors import StudyError, located
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.search.methods import next_round
from snellen.search.rounds import Done, Goal, Round, TrialRequest, TrialResult, best_first
from snellen.search.stored import SearchFile, SearchOutcome, Trial, read_search, write_search
from snellen.study.assignments import apply_assignment, last_epochs
from snellen.study.jobs import Collector, add_jobs
from snellen.study.methods import Method
from snellen.study.schema import Model
from snellen.train.improvement import Measure
from snellen.train.job import Job
from snellen.train.kept_epoch import kept_epoch
from snellen.train.lane import Lane
from snellen.train.results import Result
from snellen.train.run_context import RunContext
from snellen.train.snapshot import EpochRecord
from snellen.train.store_results import history_of, remove_checkpoints, stop_lane

TrainLanes = Callable[[Sequence[Lane], int | None], None]
"""Trains lanes to their end, or up to an epoch."""
PREDICTED = ("validation",)
"""The roles for which trials store predictions, and by which a search is scored. The winner predicts the other roles
later."""


@dataclass(frozen=True, eq=False)
class Scope:
    """What trials are trained and scored on. parts: one split, or the folds; a trial's score is the mean over all its
    networks. choose_by, seed: those of the study, used where the search does not set them.
    """

    dataset: Dataset
    parts: Sequence[RoleRows]
    seeds: Sequence[int]
    choose_by: Measure
    seed: int


def objective_of(method: Method, choose_by: Measure) -> tuple[Measure, Goal]:
    """The measure that ranks trials, and whether high or low values are best."""
    measure = method.objective or choose_by
    return measure, "lowest" if measure == "loss" else "highest"


@dataclass(eq=False)
class Driver:
    """One search. name: as shown to users. file: search/<file>.json. on_round: called with the number and the requests
    of each round before it is trained.

    jobs: trial -> for each of its networks, the jobs of all phases. lanes: trial -> the lanes that train these jobs.
    """

    name: str
    file: str
    model: Model
    scope: Scope
    context: RunContext
    train_lanes: TrainLanes
    on_round: Callable[[int, Round], None]

    def __post_init__(self) -> None:
        assert self.model.search is not None  # only models with a search are driven
        self.method = self.model.search
        self.space = self.method.space
        self.max_epochs = last_epochs(self.model)
        self.measure, self.goal = objective_of(self.method, self.scope.choose_by)
        self.jobs: dict[int, list[list[Job]]] = {}
        self.lanes: dict[int, list[Lane]] = {}

    def run(self) -> SearchOutcome:
        """The search, from its first round or from where it was interrupted. Raises StudyError when every trial
        failed."""
        (rounds, requests), began = self._stored(), time.monotonic()
        seconds_before = rounds[-1].seconds if rounds else 0.0
        while requests := requests or self._next(rounds):
            self._write(rounds, requests)
            self.on_round(len(rounds) + 1, requests)
            results = self._train(requests)
            seconds = round(seconds_before + time.monotonic() - began, 2)
            rounds = [*rounds, Done(requests=requests, results=results, seconds=seconds)]
            requests = ()
            self._write(rounds)
        searched = self._finish(rounds)
        self._write(rounds, outcome=searched)
        return searched

    @property
    def labels(self) -> dict[str, str]:
        """The name of each job, by id, for messages."""
        labels: dict[str, str] = {}
        for trial, networks in self.jobs.items():
            for job in (job for phases in networks for job in phases):
                labels.setdefault(job.id, f"{self.name}, trial {trial}")
        return labels

    def _next(self, rounds: Sequence[Done]) -> Round:
        """The requests of the next round; empty when the search is over."""
        return next_round(self.space, self.method, rounds, self.max_epochs, self.scope.seed, self.goal) or ()

    def _write(self, rounds: Sequence[Done], requests: Round = (), outcome: SearchOutcome | None = None) -> None:
        """requests: those of the round in training. They are stored because a sampler may propose others on another
        machine."""
        write_search(self._path, SearchFile(self._identity, tuple(rounds), requests, outcome))

    @property
    def _path(self) -> Path:
        return inside(self.context.run, "search", *f"{self.file}.json".split("/"))

    @property
    def _identity(self) -> str:
        """Hash of everything that the rounds depend on: settings, space, rows, seeds."""
        parts = [[part.sha256["train"], part.sha256["validation"]] for part in self.scope.parts]
        settings = [self.method.model_dump(mode="json"), parts, list(self.scope.seeds), self.measure, self.scope.seed]
        return identity(settings)

    def _stored(self) -> tuple[list[Done], Round]:
        """The rounds of an earlier process, and the requests of the round that was interrupted. An earlier version
        scored trials by their best epoch: the search continues after the first round whose scores differ today."""
        stored = read_search(self._path) if self._path.exists() else None
        if stored is None or stored.search != self._identity:
            return [], ()
        rounds = list(stored.rounds)
        for at, done in enumerate(rounds if stored.outcome is None else ()):
            again = self._scored_again(done)
            if again is not done:
                return [*rounds[:at], again], ()
        return rounds, stored.in_training

    def _scored_again(self, done: Done) -> Done:
        """The round with scores computed again from the trials' histories; the same object if no score changes."""
        for target, same in _by_epoch(done.requests):
            self._plan(same, target >= self.max_epochs)
        scores = [self._result_of(request).score for request in done.requests]
        results = tuple(
            old if score is None or old.score is None or math.isclose(score, old.score) else _with_score(old, score)
            for old, score in zip(done.results, scores, strict=True)
        )
        return done if results == done.results else done.model_copy(update={"results": results})

    def _train(self, requests: Round) -> tuple[TrialResult, ...]:
        """Trains the trials up to their epochs; trials that share a whole trajectory are trained once."""
        for target, same in _by_epoch(requests):
            earlier_phases, last_phases = self._lanes_of(same, target >= self.max_epochs)
            for lanes in earlier_phases:
                self.train_lanes(lanes, None)
            self.train_lanes(last_phases, target)
        return tuple(map(self._result_of, requests))

    def _lanes_of(self, requests: Sequence[TrialRequest], share: bool) -> tuple[list[list[Lane]], list[Lane]]:
        """The lanes of the phases before the last, by phase, and the lanes of the last phases."""
        self._plan(requests, share)
        lanes = list(dict.fromkeys(lane for request in requests for lane in self.lanes[request.trial]))
        finals = {job.id for request in requests for job in self._final_jobs(request.trial)}
        last = [lane for lane in lanes if set(lane.ids) <= finals]
        earlier = [lane for lane in lanes if lane not in last]
        phases = sorted({lane.trajectory.phase for lane in earlier})
        return [[lane for lane in earlier if lane.trajectory.phase == phase] for phase in phases], last

    def _plan(self, requests: Sequence[TrialRequest], share: bool) -> None:
        """The jobs of new trials, and the lanes that train them. share: one lane for all jobs of a trajectory."""
        new = [request for request in requests if request.trial not in self.jobs]
        common = Collector(predicted=PREDICTED)
        collectors = {request.trial: common if share else Collector(predicted=PREDICTED) for request in new}
        for request in new:
            with located(f"trial {request.trial}"):
                model, collector = apply_assignment(self.model, request.assignment), collectors[request.trial]
                self.jobs[request.trial] = [
                    phases
                    for rows in self.scope.parts
                    for phases in add_jobs(model, self.scope.dataset, rows, self.scope.seeds, collector).values()
                ]
        for trial, collector in collectors.items():
            job_ids = {job.id for phases in self.jobs[trial] for job in phases}
            self.lanes[trial] = [lane for lane in collector.gathered.values() if job_ids & set(lane.ids)]

    def _final_jobs(self, trial: int) -> list[Job]:
        """The jobs of the last phase: one for each network of a trial."""
        return [phases[-1] for phases in self.jobs[trial]]

    def _lane(self, trial: int, job: Job) -> Lane:
        return next(lane for lane in self.lanes[trial] if job in lane.jobs)

    def _result_of(self, request: TrialRequest) -> TrialResult:
        """The score is the mean over networks of the value at the epoch that each network keeps so far. A trial with a
        failed network has failed."""
        trial, jobs = request.trial, self._final_jobs(request.trial)
        histories = [history_of(self._lane(trial, job), job, self.context) for job in jobs]
        histories_so_far = [history[: request.to_epoch] for history, _ in histories]
        curves = [self._values(history) for history in histories_so_far]
        scores = [
            None
            if not values or (result is not None and result.status == "failed")
            else values[_kept(job, history) - 1]
            for job, history, values, (_, result) in zip(jobs, histories_so_far, curves, histories)
        ]
        finite_scores = [score for score in scores if score is not None]
        early = [_stopped_early(result, job, request.to_epoch) for job, (_, result) in zip(jobs, histories)]
        return TrialResult(
            trial=trial,
            epoch=max(map(len, curves)),
            score=sum(finite_scores) / len(finite_scores) if len(finite_scores) == len(scores) else None,
            stopped_early=all(early),
            curve=tuple(float(sum(each) / len(each)) for each in zip(*curves)),
        )

    def _values(self, history: Sequence[EpochRecord]) -> list[float]:
        """The objective, a validation measure, after each epoch; it is never None here."""
        name = "validation_loss" if self.measure == "loss" else "validation_accuracy"
        return [float(record[name]) for record in history]  # type: ignore[literal-required]

    def _finish(self, rounds: Sequence[Done]) -> SearchOutcome:
        """Stops the paused trials, and names the winner: the best of the trials trained to their end."""
        last: dict[int, tuple[TrialRequest, TrialResult]] = {}
        for done in rounds:
            last |= {each.trial: (each, result) for each, result in zip(done.requests, done.results, strict=True)}
        requests = [request for request, _ in last.values()]
        self._plan(requests, all(request.to_epoch >= self.max_epochs for request in requests))
        cut = {trial for trial, (_, result) in last.items() if self._cut(trial, result)}
        trials = tuple(
            Trial(
                number=trial,
                assignment=dict(request.assignment),
                jobs=tuple(job.id for job in self._final_jobs(trial)),
                epoch=result.epoch,
                score=result.score,
                cut=trial in cut,
            )
            for trial, (request, result) in sorted(last.items())
        )
        finished = best_first((result for trial, (_, result) in last.items() if trial not in cut), self.goal)
        if not finished or finished[0].score is None:
            raise StudyError(f"no trial of the search of `{self.name}` ended well", found=f"{len(last)} trials")
        return SearchOutcome(self.method.method, self.measure, trials, finished[0].trial)

    def _cut(self, trial: int, result: TrialResult) -> bool:
        """Stops the trial where it has paused. Returns whether the search stopped it before its own end."""
        cut = False
        for job in self._final_jobs(trial):
            lane = self._lane(trial, job)
            if self.context.paused(lane).epoch:
                stop_lane(lane, f"the search did not go on with it after epoch {result.epoch}", self.context)
            remove_checkpoints([lane], self.context)  # a killed process may have left an incomplete history
            stored = self.context.folder(job.id).read_result()
            # leave a network alone that another search has trained further
            cut = cut or (stored is not None and (stored.status == "stopped" or stored.epochs > result.epoch))
        return cut


def _by_epoch(requests: Round) -> list[tuple[int, list[TrialRequest]]]:
    """The epochs to train up to, in ascending order, with the requests for each."""
    targets = sorted({request.to_epoch for request in requests})
    return [(target, [request for request in requests if request.to_epoch == target]) for target in targets]


def _with_score(result: TrialResult, score: float) -> TrialResult:
    return result.model_copy(update={"score": score})


def _kept(job: Job, history: Sequence[EpochRecord]) -> int:
    """The epoch that a network keeps so far, counted from 1."""
    return kept_epoch(job.stop, ((each["validation_loss"], each["validation_accuracy"]) for each in history))


def _stopped_early(result: Result | None, job: Job, to_epoch: int) -> bool:
    """Whether a network ended by this epoch, before the last epoch that its stop rule allows."""
    return result is not None and result.status == "done" and result.epochs < min(job.stop.epochs, to_epoch + 1)
