"""Who is told how a run goes on."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.data.dataset import Dataset
from snellen.data.splits.roles import Roles
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.search.rounds import TrialRequest
from snellen.study.plan import Plan
from snellen.train.baselines import BaselineResult
from snellen.train.lane import Lane
from snellen.train.results import Result
from snellen.train.strategy.record import PackStrategy
from snellen.train.watcher import Silent


class RunWatcher(Silent):
    """Is told how a run goes on; this one says nothing."""

    def read(self, dataset: Dataset, roles: Roles) -> None:
        """The data are there."""

    def planned(self, plan: Plan, finished: int) -> None:
        """finished: jobs that have a result from an earlier run."""

    def floored(self, floors: Sequence[BaselineResult], seconds: float) -> None:
        """The floors have their results, after that many seconds."""

    def searching(self, model: str, number: int, requests: Sequence[TrialRequest]) -> None:
        """A round of a search begins. number: from 1."""

    def began(self, lanes: Sequence[Lane], labels: Sequence[str], strategy: PackStrategy) -> None:
        """Some lanes are going to be trained together. labels: what to call the first job of each. strategy: how, as
        the record of the pack has it."""

    def turned(self, lanes: Sequence[Lane]) -> None:
        """What is told from now on is of these lanes, until the next turn: several packs may be trained at once."""

    def ended(self, lanes: Sequence[Lane]) -> None:
        """They are over."""

    def result(self, label: str, result: Result) -> None:
        """A job is over. label: its model, and which network of it."""

    def evaluated(self, record: RunRecord, evaluation: Evaluation) -> None:
        """The models are scored and ranked; analyses, which change neither, come next."""

    def analysing(self, title: str) -> None:
        """An analysis begins."""

    def reporting(self) -> None:
        """All jobs are over."""
