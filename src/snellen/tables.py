"""Tables on the terminal: leaderboard, plan, predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snellen.evaluate.floors import floor_key
from snellen.evaluate.scores import Estimate, proportion
from snellen.findings.finding import interval
from snellen.findings.words import share

if TYPE_CHECKING:
    import polars as pl

    from snellen.deploy.predict import Scored
    from snellen.run import Finished

PREVIEW = 20
NAME = 8
"""Characters that the first column keeps on a narrow terminal."""
FIRST = {"network": "best validation {}", "seeds": "best mean validation {}", "folds": "best mean {} over the folds"}
GROUPS = "Models that share a letter cannot be told apart; + may be the best."


def print_finished(finished: Finished) -> None:
    """The leaderboard, the findings that ask for something, and where the report is."""
    console, evaluation, record = Console(), finished.evaluation, finished.record
    columns = _columns(finished)
    first = FIRST[evaluation.by].format(record.study.choose_by)
    seeds = f", {record.study.seeds} seeds each" if record.study.seeds > 1 else ""
    table = _table(f"{record.study.study}: {first} first{seeds}", columns, 1)
    for model in [*evaluation.ranked, *finished.failed]:
        table.add_row(*(_standing(finished, model)[column] for column in columns))
    for name in evaluation.floors:
        table.add_row(*(_floor(finished, name).get(column, "") for column in columns), style="dim")
    console.print(table)
    if "group" in columns:
        console.print(GROUPS, style="dim", highlight=False)
    for finding in finished.judgement.others:
        console.print(f"{finding.severity} {finding.code}: {escape(finding.sentence)}", highlight=False)
    console.print(_covered(finished), style="dim", highlight=False)
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


def _columns(finished: Finished) -> list[str]:
    """What the study gives reason to show, within 80 characters: groups of several models, folds."""
    evaluation = finished.evaluation
    group = ["group"] if len(evaluation.ranked) > 1 else []
    if evaluation.folds:
        return ["model", *group, "over folds %", "validation %", "test %", "time"]
    return ["model", *group, "parameters", "epoch", "validation %", "test %", "time"]


def _standing(finished: Finished, model: str) -> dict[str, str]:
    """A row of the leaderboard, by column. Times are of the network that stands for the model."""
    record, evaluation, result = finished.record, finished.evaluation, finished.record.results[model]
    row = {
        "model": f"{escape(model)} *" if model == evaluation.chosen else escape(model),
        "group": "",
        "parameters": f"{record.job(model).read_job().trajectory.network.parameter_count:,}",
        "epoch": "-",
        "validation %": "failed",
        "over folds %": "-",
        "test %": "-",
        "time": f"{result.seconds:.1f} s",
    }
    if result.status == "failed":
        return row
    return row | {
        "group": _group(finished, model),
        "epoch": f"{result.kept_epoch}/{result.epochs}",
        "validation %": _per_cent(evaluation.standing(model, "validation")),
        "over folds %": _per_cent(evaluation.over_folds(model)),
        "test %": _per_cent(evaluation.standing(model, "test")),
    }


def _group(finished: Finished, model: str) -> str:
    """The letters of a model, and whether it may be the best."""
    pairs = finished.evaluation.comparisons
    best = pairs.best.get(model)
    return pairs.groups.get(model, "") + (" +" if best and best.not_worse else "")


def _floor(finished: Finished, name: str) -> dict[str, str]:
    """A row of the leaderboard below the models, by column."""
    result, key = finished.record.floor_results[name], floor_key(name)
    return {
        "model": escape(result.label),
        "parameters": f"{result.parameters:,}",
        "epoch": "floor",
        "validation %": _per_cent(finished.evaluation.standing(key, "validation")),
        "test %": _per_cent(finished.evaluation.standing(key, "test")),
        "time": f"{result.seconds:.1f} s",
    }


def _covered(finished: Finished) -> str:
    """What the intervals of the leaderboard cover."""
    evaluation = finished.evaluation
    if any(evaluation.recipe(model, "validation") for model in evaluation.ranked):
        return "95 % intervals; of several seeds they cover other images and training again, of one only other images."
    return "95 % intervals; they cover other images, not training again."


def _per_cent(estimate: Estimate | None) -> str:
    return share(estimate).replace(" %", "").replace(" to ", "-") if estimate else "not opened"


def _table(title: str | None, columns: list[str], left: int) -> Table:
    """A plain table whose first `left` columns are aligned left, the rest right; only names may be broken."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        justify: Literal["left", "right"] = "left" if index < left else "right"
        least = NAME if index == 0 else None
        table.add_column(column, justify=justify, header_style="dim", no_wrap=index > 0, min_width=least)
    return table
