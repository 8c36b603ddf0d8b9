"""Progress on the terminal: jobs, epochs, best so far, time left; plain lines when nobody watches."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from snellen.data.dataset import Dataset
from snellen.data.roles import ROLES, Roles
from snellen.run import RunWatcher
from snellen.study.plan import Plan
from snellen.train.results import Result
from snellen.train.snapshot import EpochRecord

REFRESH_SECONDS = 0.1


class Terminal(RunWatcher):
    """Shows one bar a job on a terminal; without one, only the line that ends each job."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("epoch {task.fields[epoch]}/{task.total:g}  {task.fields[best]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.plan: Plan | None = None
        self.task: TaskID | None = None
        self.epochs = 0
        self.best: float | None = None
        self.shown = 0.0

    def __enter__(self) -> Terminal:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def read(self, dataset: Dataset, roles: Roles) -> None:
        height, width, channels = dataset.shape
        counts = ", ".join(f"{role} {len(roles.rows[role]):,}" for role in ROLES if len(roles.rows[role]))
        self.console.print(
            f"[bold]{dataset.name}[/]: {len(dataset):,} images {height}x{width}x{channels}, "
            f"{len(dataset.classes)} classes\n  {counts}",
            highlight=False,
        )

    def planned(self, plan: Plan, finished: int) -> None:
        self.plan = plan
        if finished:
            self.console.print(f"{finished} of {len(plan.lanes)} jobs have a result already", highlight=False)

    def started(self, model: str) -> None:
        assert self.plan is not None  # planned() comes first
        stop = self.plan.lanes[self.plan.models[model]].job.stop
        self.epochs, self.best = 0, None
        self.task = self.bars.add_task(model, total=stop.epochs, epoch=0, best="")

    def stepped(self, step: int, steps: int) -> None:
        now = time.monotonic()
        if self.task is not None and now - self.shown > REFRESH_SECONDS:
            self.shown = now
            self.bars.update(self.task, completed=self.epochs + step / steps)

    def trained(self, record: EpochRecord) -> None:
        self.epochs = record["epoch"]
        self.best = max(self.best or 0.0, record["validation_accuracy"])
        if self.task is not None:
            best = f"best validation accuracy {100 * self.best:.1f} %"
            self.bars.update(self.task, completed=self.epochs, epoch=self.epochs, best=best)

    def ended(self, model: str, result: Result) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
        if result.status == "failed":
            self.console.print(f"  [red]failed[/] {model}: {result.reason}", highlight=False)
            return
        self.console.print(
            f"  {model}: epoch {result.kept_epoch} of {result.epochs} kept, "
            f"validation accuracy {100 * (result.reloaded_accuracy or 0):.1f} %, {result.seconds:.1f} s",
            highlight=False,
        )
