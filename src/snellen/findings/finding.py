"""What a finding is, and what its rule may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate
from snellen.evaluate.stored import Stored
from snellen.explain.analyses import PlannedAnalysis, stored_results
from snellen.explain.analysis_result import AnalysisResult

Severity = Literal["result", "notice", "warning", "error"]


TrialRequest = Literal[
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
    "open the test",
    "look",
]
"""What an advice asks the reader to do, in the order in which it is settled: `snellen.findings.advice` has which of
them exclude each other, and of these the earlier one is advised."""


@dataclass(frozen=True)
class Step:
    """One thing to do, as a sentence."""

    ask: TrialRequest
    text: str


@dataclass(frozen=True)
class Finding:
    """code: SNLnnn. values: the numbers in the sentence. evidence: the part of the report that shows them. steps: what
    might be advised; `snellen.findings.advice` makes the advice of it, which an advice without alternatives is at once.

    error: numbers of the report cannot be believed. warning: something should be changed. result: a conclusion.
    """

    code: str
    severity: Severity
    sentence: str
    values: dict[str, Any]
    evidence: str
    advice: str | None = None
    steps: tuple[Step, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As a JSON value."""
        return {name: value for name, value in asdict(self).items() if name != "steps"}


@dataclass(frozen=True, eq=False)
class Facts:
    """All that a rule may look at: what is stored in the run."""

    record: RunRecord
    evaluation: Evaluation

    @cached_property
    def stored(self) -> Stored:
        """Whether the stored files are what was written."""
        return Stored(self.record)

    @cached_property
    def outcomes(self) -> Mapping[PlannedAnalysis, AnalysisResult]:
        """What the analyses of the study found."""
        return stored_results(self.record)


Rule = Callable[[Facts], Iterable[Finding]]


def percent(value: float) -> str:
    """0.972 as 97.2 %."""
    return f"{100 * value:.1f} %"


def interval(estimate: Estimate) -> str:
    """97.2 % (95.0 to 98.5), or undefined."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "undefined"
    return f"{percent(estimate.value)} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def times(count: int) -> str:
    """once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def plural(count: int, noun: str, many: str | None = None) -> str:
    """1 image, 2 images."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
