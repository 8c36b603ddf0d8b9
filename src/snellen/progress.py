"""Progress on the terminal: jobs, epochs, best so far, time left; plain lines where the output is no terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from snellen.console import PlainConsole
from snellen.data.splits.left_out import left_out_rows, near_apart
from snellen.data.splits.roles import ROLES
from snellen.data.splits.split_data import SplitData
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.phrases import loss, percent, plural
from snellen.plain import plain
from snellen.run import RunCallback
from snellen.search.rounds import TrialRequest
from snellen.study.plan import Plan
from snellen.tables import print_leaderboard
from snellen.train.baselines import BaselineResult
from snellen.train.lane import Lane
from snellen.train.results import Result
from snellen.train.snapshot import EpochRecord
from snellen.train.strategy.record import PackStrategy

REFRESH_SECONDS = 0.1


@dataclass(eq=False)
class _Pack:
    """What is shown of lanes that are trained together. labels: of each; epochs: the most of any lane; done: so far."""

    lanes: Sequence[Lane]
    labels: Sequence[str]
    task: TaskID
    epochs: int
    epoch: int = 0
    done: float = 0.0
    best: float = 0.0


class Terminal(RunCallback):
    """Shows a bar for the whole run and one for each pack that is being trained; without a terminal, only the line that
    ends each job. epochs: also a line for every epoch of every network, as it is trained."""

    def __init__(self, console: PlainConsole, epochs: bool = False) -> None:
        self.console = console
        self.every_epoch = epochs
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[epochs]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.plan: Plan | None = None
        self.whole: TaskID | None = None
        self.extraction: TaskID | None = None
        self.packs: dict[tuple[str, ...], _Pack] = {}
        self.pack: _Pack | None = None
        self.printed: set[str] = set()
        self.work_done = 0.0
        self.shown = 0.0

    def __enter__(self) -> Terminal:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def data_read(self, data: SplitData) -> None:
        dataset, rows = data.dataset, data.roles.rows
        height, width, channels = dataset.shape
        counts = ", ".join(f"{role} {len(rows[role]):,}" for role in ROLES if len(rows[role]))
        counts += f", left out {len(data.roles.left_out):,}" if data.roles.left_out else ""
        text = f": {len(dataset):,} images {height}x{width}x{channels}, {len(dataset.classes)} classes\n  {counts}"
        self.console.print(Text.assemble((plain(dataset.name), "bold"), text))
        said = list(dataset.remarks) + [each.sentence for each in left_out_rows(dataset, data.roles)]
        near, together = data.near_duplicates, data.split.near_duplicates is not None
        if near and (apart := near_apart(dataset, data.roles, near, together)):
            said.append(apart.sentence)
        for sentence in said:
            self.console.print(f"  {sentence}", highlight=False, soft_wrap=True)

    def planned(self, plan: Plan, finished: int) -> None:
        self.plan = plan
        jobs = plural(len(plan.labels), "job")
        self.whole = self.bars.add_task(f"{jobs} in all", total=sum(map(_work, plan.lanes)), epochs="")
        if finished:
            self.console.print(f"{finished} of {len(plan.lanes)} jobs have a result already", highlight=False)

    def baselines_trained(self, baselines: Sequence[BaselineResult], seconds: float) -> None:
        accuracies = [
            f"{each.floor} {percent(each.validation_accuracy)}"
            for each in baselines
            if each.validation_accuracy is not None
        ]
        text = f"  baselines, validation accuracy: {', '.join(accuracies)}, {seconds:.1f} s"
        self.console.print(text, highlight=False, soft_wrap=True)

    def extracted(self, what: str, done: int, images: int) -> None:
        if self.extraction is None:
            self.extraction = self.bars.add_task("", total=images, epochs="")
        text = plain(f"{what}: features of {done:,} of {images:,} images")
        self.bars.update(self.extraction, completed=done, description=text)
        if done == images:
            self.bars.remove_task(self.extraction)
            self.extraction = None

    def search_round_begins(self, model: str, number: int, requests: Sequence[TrialRequest]) -> None:
        epochs = max(request.to_epoch for request in requests)
        trials, reach = plural(len(requests), "trial"), plural(epochs, "epoch")
        self.console.print(f"  {model}: round {number} of its search, {trials} up to {reach}", highlight=False)

    def began(self, lanes: Sequence[Lane], labels: Sequence[str], strategy: PackStrategy) -> None:
        label = labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"
        self._print_strategy(label, strategy)
        if len(lanes) > 1:
            label = f"{label} ({strategy['name']})"
        epochs = max(lane.epochs for lane in lanes)
        self.packs[lanes[0].ids] = _Pack(
            lanes, labels, self.bars.add_task(plain(label), total=epochs, epochs=f"epoch 0/{epochs}"), epochs
        )
        self.switched_to(lanes)

    def _print_strategy(self, label: str, strategy: PackStrategy) -> None:
        """The measured step time, once for all packs that are computed in the same way."""
        step_ms = strategy.get("step_ms")
        if step_ms is None:
            return
        text = f"{strategy['way']}, {_arranged(strategy)}: {step_ms:.3g} ms a step and lane, measured"
        if text not in self.printed:
            self.console.print(f"  {label}: {text}", highlight=False, soft_wrap=True)
        self.printed.add(text)

    def switched_to(self, lanes: Sequence[Lane]) -> None:
        self.pack = self.packs.get(lanes[0].ids)

    def stepped(self, step: int, steps: int) -> None:
        now = time.monotonic()
        if self.pack is None or now - self.shown < REFRESH_SECONDS:
            return
        self.shown, self.pack.done = now, self.pack.epoch + step / steps
        self.bars.update(self.pack.task, completed=self.pack.done)
        self._show_whole()

    def trained(self, place: int, record: EpochRecord) -> None:
        if self.pack is None:
            return
        self.pack.epoch = record["epoch"]
        self.pack.best = max(self.pack.best, record["validation_accuracy"] or 0.0)
        text = f"epoch {self.pack.epoch}/{self.pack.epochs}  best validation accuracy {percent(self.pack.best)}"
        self.bars.update(self.pack.task, completed=self.pack.epoch, epochs=text)
        if self.every_epoch:
            line = _epoch_line(self.pack.labels[place], self.pack.lanes[place].epochs, record)
            self.console.print(f"  {plain(line)}", highlight=False, soft_wrap=True)

    def ended(self, lanes: Sequence[Lane]) -> None:
        ended = self.packs.pop(lanes[0].ids, None)
        if ended is not None:
            self.bars.remove_task(ended.task)
        self.pack = None
        self.work_done += sum(map(_work, lanes))
        self._show_whole()

    def costs_begin(self, models: int, baselines: int) -> None:
        what = plural(models, "model") + (f" and {plural(baselines, 'baseline')}" if baselines else "")
        self.console.print(f"  measuring how long predictions of {what} take", highlight=False)

    def evaluated(self, record: RunRecord, evaluation: Evaluation) -> None:
        print_leaderboard(self.console, record, evaluation)

    def analysis_begins(self, title: str) -> None:
        self.console.print(f"  analysing: {title}", highlight=False)

    def _show_whole(self) -> None:
        if self.whole is not None:
            under_way = sum(sum(map(_work, pack.lanes)) * pack.done / pack.epochs for pack in self.packs.values())
            self.bars.update(self.whole, completed=self.work_done + under_way)

    def result(self, label: str, result: Result) -> None:
        if result.status == "failed":
            self.console.print(Text.assemble("  ", ("failed", "red"), plain(f" {label}: {result.reason}")))
            return
        accuracy = result.reloaded_accuracy
        judged = "" if accuracy is None else f"validation accuracy {percent(accuracy)}, "
        kept = f"epoch {result.kept_epoch} of {result.epochs} kept, "
        self.console.print(f"  {label}: {kept}{judged}{result.seconds:.1f} s", highlight=False)


def _epoch_line(label: str, epochs: int, record: EpochRecord) -> str:
    said = f"{label}: epoch {record['epoch']}/{epochs}, loss {loss(record['loss'])}, "
    said += f"accuracy {percent(record['accuracy'])}"
    if record["validation_loss"] is not None and record["validation_accuracy"] is not None:
        said += f", validation loss {loss(record['validation_loss'])}, "
        said += f"validation accuracy {percent(record['validation_accuracy'])}"
    return f"{said}, {record['seconds']:.2f} s"


def _arranged(strategy: PackStrategy) -> str:
    """How many lanes, or parts of a batch, are computed at the same time."""
    if strategy["width"] > 1:
        return f"at most {strategy['width']} lanes side by side"
    return f"each batch in {strategy['parts']} parts" if strategy["parts"] > 1 else "one lane in a pack"


def _work(lane: Lane) -> float:
    """The cost of a lane in multiplications, for the share of a run that is done."""
    steps = lane.steps * lane.trajectory.batch_size + len(lane.rows["validation"]) / 3
    return lane.epochs * steps * (lane.trajectory.trained.multiply_adds + 1_000)
