"""The flow: one study, each arrow once, in order."""

from snellen.run.beginning import Settings
from snellen.run.flow import report, run
from snellen.run.telling import Finished
from snellen.run.watcher import RunWatcher

__all__ = ["Finished", "RunWatcher", "Settings", "report", "run"]
