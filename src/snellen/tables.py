"""Tables on the terminal: leaderboard, plan, predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snellen.evaluate.floors import floor_key
from snellen.evaluate.scores import Estimate, proportion
from snellen.findings.finding import interval

if TYPE_CHECKING:
    import polars as pl

    from snellen.deploy.predict import Scored
    from snellen.run import Finished

PREVIEW = 20


def print_finished(finished: Finished) -> None:
    """The leaderboard, the findings that ask for something, and where the report is."""
    console, evaluation, record = Console(), finished.evaluation, finished.record
    columns = ["model", "parameters", "epoch kept", "validation %", "test %", "time"]
    table = _table(f"{record.study.study}: best validation {record.study.choose_by} first", columns, 1)
    for model in [*evaluation.ranked, *finished.failed]:
        table.add_row(*_standing(finished, model))
    for name in evaluation.floors:
        table.add_row(*_floor(finished, name), style="dim")
    console.print(table)
    for finding in finished.judgement.others:
        console.print(f"{finding.severity} {finding.code}: {escape(finding.sentence)}", highlight=False)
    if evaluation.opened:
        console.print("95 % intervals; they cover other images, not training again.", style="dim", highlight=False)
    print(f"Report: {finished.report}")


def print_check(checked: dict[str, Any]) -> None:
    """The plan with its cost."""
    console = Console()
    data = checked["data"]
    counts = ", ".join(f"{role} {count:,}" for role, count in checked["roles"].items() if count)
    console.print(f"{data['name']}: {data['images']:,} images {data['shape']}, {counts}", highlight=False)
    if checked["near_duplicates"]:
        console.print(
            f"{checked['near_duplicates']:,} images are almost the same as one in another role. To keep such images on "
            "one side of every split: --set data.near_duplicates=together",
            highlight=False,
        )
    columns = ["model", "job", "parameters", "epochs", "steps", "seconds", "MB"]
    table = _table(f"{checked['study']}: the plan; nothing was trained", columns, 2)
    for row in checked["models"]:
        seconds, memory = f"{row['seconds']:.0f}", f"{row['memory_bytes'] / 1e6:.0f}"
        numbers = (f"{row['parameters']:,}", str(row["epochs"]), str(row["steps_an_epoch"]), seconds, memory)
        table.add_row(escape(row["model"]), row["job"], *numbers)
    console.print(table)
    print(
        f"About {checked['seconds']:.0f} s in all on {checked['device']}, without early stopping; "
        f"{checked['data']['bytes'] / 1e6:.0f} MB of pictures."
    )


def print_predictions(table: pl.DataFrame, scored: Scored | None, csv: Path | None) -> None:
    """The first predictions, and the score when there is one."""
    console = Console()
    columns = [name for name in table.columns if name in ("id", "class", "probability", "label")]
    shown = _table(None, columns, 2)
    for row in table.select(columns).head(PREVIEW).iter_rows(named=True):
        values = {**row, "probability": f"{row['probability']:.3f}"}
        shown.add_row(*(escape(str(values[name])) for name in columns))
    console.print(shown)
    if len(table) > PREVIEW:
        more = "" if csv else " Use --csv FILE or --json for all, with the probability of every class."
        print(f"... and {len(table) - PREVIEW:,} more.{more}")
    if csv:
        print(f"Wrote {csv}")
    if scored:
        accuracy = interval(proportion(scored.hits, scored.n, "other images"))
        print(f"Accuracy on {scored.part}, n = {scored.n:,}: {accuracy}; loss {scored.loss:.4f}")


def _standing(finished: Finished, model: str) -> list[str]:
    record, evaluation, result = finished.record, finished.evaluation, finished.record.results[model]
    parameters = f"{record.job(model).read_job().trajectory.network.parameter_count:,}"
    name = f"{escape(model)} *" if model == evaluation.chosen else escape(model)
    if result.status == "failed":
        return [name, parameters, "-", "failed", "-", f"{result.seconds:.1f} s"]
    estimates = (evaluation.estimate(model, role, "accuracy") for role in ("validation", "test"))
    accuracies = [_per_cent(estimate) for estimate in estimates]
    return [name, parameters, f"{result.kept_epoch} of {result.epochs}", *accuracies, f"{result.seconds:.1f} s"]


def _floor(finished: Finished, name: str) -> list[str]:
    """A row of the leaderboard below the models."""
    result, key = finished.record.floor_results[name], floor_key(name)
    estimates = (finished.evaluation.estimate(key, role, "accuracy") for role in ("validation", "test"))
    accuracies = [_per_cent(estimate) for estimate in estimates]
    return [escape(result.label), f"{result.parameters:,}", "floor", *accuracies, f"{result.seconds:.1f} s"]


def _per_cent(estimate: Estimate | None) -> str:
    return interval(estimate).replace(" %", "").replace(" to ", "-") if estimate else "not opened"


def _table(title: str | None, columns: list[str], left: int) -> Table:
    """A plain table whose first `left` columns are aligned left, the rest right; only names may be broken."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(
            column, justify="left" if index < left else "right", style=None, header_style="dim", no_wrap=index > 0
        )
    return table
