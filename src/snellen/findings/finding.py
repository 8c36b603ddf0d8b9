"""What a finding is, and the facts that its rule may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NotRequired, TypedDict

from snellen.evaluate.costs import Costs, costs_of
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.file_integrity import StoredFiles
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import PlannedAnalysis, stored_results
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.curves.crossings import LearningCurves, learning_curves
from snellen.study.finding_codes import Severity

WORST_FIRST: Mapping[Severity, int] = {"error": 0, "warning": 1, "notice": 2, "result": 3}
"""The order of severities."""


Action = Literal[
    "equal steps",
    "stop earlier",
    "regularise",
    "larger",
    "longer",
    "tune",
    "search on",
    "seeds",
    "smaller",
    "smallest",
    "evaluate on test",
    "look",
]
"""What an advice asks the reader to do. Some exclude each other (see `snellen.findings.advice`): then the one that is
earlier in this list is advised."""


@dataclass(frozen=True)
class Step:
    """One action that is advised, and its sentence."""

    action: Action
    text: str


class FindingJson(TypedDict):
    """A finding as it is stored: without its steps, of which `advice` is made. acknowledged: the reason, if any."""

    code: str
    severity: Severity
    sentence: str
    values: dict[str, Any]
    evidence: str
    advice: str | None
    acknowledged: NotRequired[str]


@dataclass(frozen=True)
class Finding:
    """code: SNLnnn. values: the numbers in the sentence. evidence: the part of the report that shows them. advice: what
    to do, where nothing can exclude it. steps: else what might be done, from which `snellen.findings.advice` makes the
    advice. acknowledged: the reason of the study why nothing was changed; such a finding stays visible.

    error: numbers of the report cannot be believed. warning: something should be changed. result: a conclusion.
    """

    code: str
    severity: Severity
    sentence: str
    values: dict[str, Any]
    evidence: str
    advice: str | None = None
    steps: tuple[Step, ...] = ()
    acknowledged: str | None = None

    def as_json(self) -> FindingJson:
        """The finding as a JSON value."""
        stored: FindingJson = {
            "code": self.code,
            "severity": self.severity,
            "sentence": self.sentence,
            "values": self.values,
            "evidence": self.evidence,
            "advice": self.advice,
        }
        return stored if self.acknowledged is None else {**stored, "acknowledged": self.acknowledged}


@dataclass(frozen=True, eq=False)
class Facts:
    """What a rule may look at: everything that is stored in the run."""

    record: RunRecord
    evaluation: Evaluation

    @cached_property
    def stored(self) -> StoredFiles:
        """The stored files, and which of them were changed."""
        return StoredFiles(self.record)

    @cached_property
    def outcomes(self) -> Mapping[PlannedAnalysis, AnalysisResult]:
        """The results of the analyses of the study."""
        return stored_results(self.record)

    @cached_property
    def costs(self) -> Costs | None:
        """What each model costs; None in a run where nothing was measured."""
        return costs_of(self.record, self.evaluation)

    @cached_property
    def learning_curves(self) -> LearningCurves | None:
        """The curves over images a class; None without any."""
        return learning_curves(self.record)


Rule = Callable[[Facts], Iterable[Finding]]
