"""What a page of an analysis is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.analysis_result import AnalysisResult
from snellen.report.types import ReportJson


@dataclass(frozen=True, eq=False)
class PageInputs:
    """One analysis, its result, and the value of report.json."""

    planned: PlannedAnalysis
    result: AnalysisResult
    report: ReportJson

    @property
    def classes(self) -> list[str]:
        """Class names, in the order of the labels."""
        return list(self.report["data"]["classes"])

    @property
    def heading(self) -> dict[str, Any]:
        """What the head of every page says: the title, the study, the link to the report, the version."""
        return {
            "study": self.report["study"],
            "snellen": self.report["snellen"],
            "title": self.planned.title,
            "report": "../report.html",
        }
