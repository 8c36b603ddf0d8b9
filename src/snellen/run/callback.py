"""The methods that a run calls to report its progress."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.data.splits.split_data import SplitData
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.search.rounds import TrialRequest
from snellen.study.plan import Plan
from snellen.train.baselines import BaselineResult
from snellen.train.lane import Lane
from snellen.train.results import Result
from snellen.train.strategy.record import PackStrategy
from snellen.train.watcher import Silent


class RunCallback(Silent):
    """Each method is called when the event that it is named after has happened; these do nothing."""

    def data_read(self, data: SplitData) -> None:
        """The data are read, and divided into roles."""

    def planned(self, plan: Plan, finished: int) -> None:
        """Training of the plan begins. finished: lanes that have a result from an earlier run."""

    def baselines_trained(self, baselines: Sequence[BaselineResult], seconds: float) -> None:
        """The baselines have their results, after that many seconds."""

    def extracted(self, what: str, done: int, images: int) -> None:
        """Features of a frozen backbone are extracted, for `done` of `images` so far. what: the backbone and layer, as
        in `vgg16, block4`."""

    def search_round_begins(self, model: str, number: int, requests: Sequence[TrialRequest]) -> None:
        """A round of a search begins. number: from 1."""

    def began(self, lanes: Sequence[Lane], labels: Sequence[str], strategy: PackStrategy) -> None:
        """Training of some lanes as one pack begins. labels: the name of the first job of each lane. strategy: how they
        are trained, as in the record of the pack."""

    def switched_to(self, lanes: Sequence[Lane]) -> None:
        """The following steps and epochs are those of this pack, until the next call: several packs may be trained at
        once."""

    def ended(self, lanes: Sequence[Lane]) -> None:
        """Training of the pack is over."""

    def result(self, label: str, result: Result) -> None:
        """A job is over. label: its model, and which of the model's networks it is."""

    def costs_begin(self, models: int, baselines: int) -> None:
        """The measurement of the prediction times of this many models and baselines begins."""

    def evaluated(self, record: RunRecord, evaluation: Evaluation) -> None:
        """The models are scored and ranked; the analyses come next, and change neither."""

    def analysis_begins(self, title: str) -> None:
        """An analysis begins."""

    def report_begins(self) -> None:
        """All jobs are over."""
