"""The flow of a run: from a study to its report, each step once, in order."""

from snellen.run.callback import RunCallback
from snellen.run.flow import report, run
from snellen.run.run_folder import Settings
from snellen.run.write_report import FinishedRun

__all__ = ["FinishedRun", "RunCallback", "Settings", "report", "run"]
