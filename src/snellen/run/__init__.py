"""The flow: one study, each arrow once, in order."""

from snellen.run.flow import report, run
from snellen.run.preparation import Settings
from snellen.run.reporting import Finished
from snellen.run.watcher import RunWatcher

__all__ = ["Finished", "RunWatcher", "Settings", "report", "run"]
