"""Tables on the terminal: the leaderboard, the plan, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table

from snellen.console import PlainConsole, console_for, print_table
from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.faulty_numbers import FaultyNumber, faulty_numbers
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate, proportion
from snellen.findings.first_screen.statement import LABELS, Statement
from snellen.models.frozen_part import trained_count
from snellen.phrases import listing, loss, megabytes, plural, seconds, times
from snellen.plain import say
from snellen.run.backbone_costs import backbone_sentences
from snellen.study.on_purpose import warning

if TYPE_CHECKING:
    import polars as pl

    from snellen.deploy.answers import Answers
    from snellen.deploy.predict import Scored
    from snellen.run import FinishedRun

PREVIEW, NEXT = 20, 2
"""Images in a table of predictions, and classes beside the most probable one."""
NAME = 8
"""Characters that the first column keeps on a narrow terminal."""
LONGEST_BASELINE = 19
"""Characters of `logistic regression`: longer names are broken before a column is left out for them."""
SPARED = ("parameters", "time")
"""Columns that are left out on a narrow terminal, in this order; the report has both."""
FIRST = {"network": "best validation {}", "seeds": "best mean validation {}", "folds": "best mean {} over the folds"}
GROUPS = "Models that share a letter could not be told apart; + marks those that may be the best."
NOT_TESTED = "not evaluated"


def print_leaderboard(console: PlainConsole, record: RunRecord, evaluation: Evaluation) -> None:
    """Models and baselines with their scores."""
    failed = [model for model, result in record.results.items() if result.status == "failed"]
    rows = [_model_row(record, evaluation, model) for model in [*evaluation.ranked, *failed]]
    baselines = [_baseline_row(record, evaluation, name) for name in evaluation.baselines]
    trained = [
        trained_count(record.job(model).read_job().trajectory.network) for model in [*evaluation.ranked, *failed]
    ]
    every = with_trained(_columns(evaluation), [*rows, *baselines], trained, console.width)
    rows, baselines = every[: len(rows)], every[len(rows) :]
    columns = fitting(_columns(evaluation), every, console.width)
    first = FIRST[evaluation.by].format(record.study.choose_by)
    seeds = f", {record.study.seeds} seeds each" if record.study.seeds > 1 else ""
    table = _table(f"{record.study.study}: {first} first{seeds}", columns, 1)
    for row in rows:
        table.add_row(*(row[column] for column in columns))
    for row in baselines:
        table.add_row(*(row.get(column, "") for column in columns), style="dim")
    print_table(console, table)
    if "group" in columns:
        console.print(GROUPS, style="dim", highlight=False)
    console.print(_covered(record, evaluation), style="dim", highlight=False)


def print_finished(finished: FinishedRun) -> None:
    """What is known at the end, after the leaderboard: the statements of the report's first screen, where it is."""
    console = console_for()
    faults = finished.record.study.on_purpose
    if faults:
        print_faults(faults, faulty_numbers(finished.record, finished.evaluation))
    for one in finished.judgement.statements:
        console.print(f"{LABELS[one.part]}: {one.sentence.replace('`', '')}{_where_to_read(one)}", highlight=False)
    for one in finished.judgement.statements:
        if "judged" in one.values:
            console.print(one.values["judged"], style="dim", highlight=False)
    reasons = {one.code: one.acknowledged for one in finished.judgement.others if one.acknowledged is not None}
    for code, reason in reasons.items():
        console.print(f"{code} acknowledged: {reason}", highlight=False)
    if finished.judgement.not_raised:
        say(f"Acknowledged, but not raised: {listing(finished.judgement.not_raised)}.")
    say(f"Report: {finished.report}")


def _where_to_read(one: Statement) -> str:
    """The code that `snellen finding` explains, of what looks wrong; how many more the report has."""
    if one.part not in ("error", "look at") or not one.codes:
        return ""
    more = one.values.get("more", 0)
    return f" ({', '.join(one.codes)}; {more:,} more in the report)" if more else f" ({', '.join(one.codes)})"


def print_faults(faults: Sequence[str], numbers: Sequence[FaultyNumber] = ()) -> None:
    """The warning of a study that commits faults on purpose; each faulty number and the honest one beside it."""
    say(warning(faults))
    for one in numbers:
        found = [f"{each.in_percent if each else NOT_TESTED} ({of})" for each, of in _both(one)]
        say(f"{one.fault}, {one.model}: {found[0]}; honest: {found[1]}")


def _both(one: FaultyNumber) -> tuple[tuple[Estimate | None, str], tuple[Estimate | None, str]]:
    return (one.faulty, one.faulty_of), (one.honest, one.honest_of)


def print_check(checked: dict[str, Any]) -> None:
    """The plan with its cost."""
    console = console_for()
    if checked["on_purpose"]:
        print_faults(checked["on_purpose"])
    data = checked["data"]
    counts = ", ".join(f"{role} {count:,}" for role, count in checked["roles"].items() if count)
    counts += f", left out {checked['left_out']:,}" if checked["left_out"] else ""
    console.print(f"{data['name']}: {data['images']:,} images {data['shape']}, {counts}", highlight=False)
    said = [*data["remarks"], *(each["sentence"] for each in checked["left_out_rows"])]
    if checked["near_duplicates"]:
        said.append(checked["near_duplicates"]["sentence"])
    said += checked["backbones"]
    for sentence in said:
        console.print(sentence, highlight=False, soft_wrap=True)
    columns = ["model", "parameters", "jobs", "trajectories", "epochs", "time", "memory", "disk"]
    table = _table(f"{checked['study']}: the plan; nothing was trained", columns, 1)
    rows = [_plan_row(row) for row in checked["models"]]
    for row in with_trained(columns, rows, [each["trained_parameters"] for each in checked["models"]], console.width):
        table.add_row(*(row[column] for column in columns))
    print_table(console, table)
    for sentence in plan_sentences(checked):
        say(sentence)


def _plan_row(row: dict[str, Any]) -> dict[str, str]:
    """A row of the plan, by column."""
    return {
        "model": row["model"],
        "parameters": f"{row['parameters']:,}",
        "jobs": f"{row['jobs']:,}",
        "trajectories": f"{row['trajectories']:,}",
        "epochs": f"{row['all_epochs']:,}",
        "time": seconds(row["seconds"]),
        "memory": megabytes(row["memory_bytes"]),
        "disk": megabytes(row["disk_bytes"]),
    }


def plan_sentences(checked: dict[str, Any]) -> list[str]:
    """The sentences below the plan: searches, seeds and folds, what is shared, and the whole cost."""
    said = backbone_sentences(checked["backbone_costs"])
    searches = [_searches(row["model"], row["search"]) for row in checked["models"] if row["search"]]
    if searches:
        said += searches
        said.append("Until a search is finished, the plan assumes the most expensive of its values.")
    if checked["seeds"] > 1 or checked["folds"]:
        said.append(_networks(checked))
    said += [
        f"{row['model']} is searched by the mean over seeds, but the study has only one seed: the mean is one network, "
        "without a spread. For more: --set seeds=3"
        for row in checked["models"]
        if checked["seeds"] == 1 and row["search"] and row["search"]["mean_over"] == "seeds"
    ]
    for curve in checked["curves"]:
        over = curve["over"].replace("_", " ")
        said.append(
            f"The curve of {curve['model']} over {over}: {plural(curve['points'], 'point')}, for which "
            f"{plural(curve['jobs'], 'job')} are trained after the others, about {seconds(curve['seconds'])}."
            + (" One seed gives no spread and no comparisons." if curve["seeds"] == 1 else "")
        )
    if checked["saved_epochs"]:
        said.append(
            "Jobs that differ only in when they stop are trained once, as one trajectory, which saves "
            f"{plural(checked['saved_epochs'], 'epoch')}."
        )
    for name, each in checked["extra"].items():
        what = {"without reviews": "the tested models", "without faults": "the whole study"}[name]
        said.append(
            f"For comparison {what} {name}: {plural(each['jobs'], 'job')} and {plural(each['epochs'], 'epoch')} more, "
            f"about {seconds(each['seconds'])}."
        )
    said.append(
        f"At most {plural(checked['jobs'], 'job')} and {plural(checked['epochs'], 'epoch')}, about "
        f"{seconds(checked['seconds'])} in all on {checked['device']} without early stopping, "
        f"{listing(_besides_training(checked))}."
    )
    analyses = {"exploration of the data": checked["exploration_seconds"], **checked["analyses"]}
    said.append(f"Analyses: {listing([f'{title} {seconds(took)}' for title, took in analyses.items()])}.")
    said.append(
        f"{megabytes(checked['disk_bytes'])} of results, up to {megabytes(checked['checkpoint_bytes'])} of checkpoints "
        f"while training; {megabytes(checked['data']['bytes'])} of images in memory."
    )
    return said


def _besides_training(checked: dict[str, Any]) -> list[str]:
    """How long what is no training takes."""
    return [
        f"{seconds(checked['floor_seconds'])} of it for baselines",
        *([f"{seconds(checked['extraction_seconds'])} for features"] if checked["extraction_seconds"] else []),
        f"{seconds(checked['measuring_seconds'])} to time predictions",
    ]


def _searches(model: str, search: dict[str, Any]) -> str:
    """One search: its largest cost, and its rungs."""
    limits = [plural(search[each], each[:-1]) for each in ("trials", "epochs") if search[each] is not None]
    limits += [seconds(search["seconds"])] if search["seconds"] else []
    full = f" of {search['in_full']:,}" if search["in_full"] and search["in_full"] > (search["epochs"] or 0) else ""
    several_each = f", {search['networks']} networks a trial" if search["networks"] > 1 else ""
    rungs = "; ".join(
        ", ".join(f"{rung['trials']:,} to epoch {rung['epochs']:,}" for rung in bracket) for bracket in search["rungs"]
    )
    folds = search["inside_folds"]
    inside = f"; and again inside each of {plural(folds, 'fold')}" if folds else ""
    return f"{model} searches by {search['method']}: at most {listing(limits)}{full}{several_each}" + (
        f": {rungs}{inside}." if rungs else f"{inside}."
    )


def _networks(checked: dict[str, Any]) -> str:
    """Seeds and folds: how many networks of one model they mean."""
    seeds, folds, repeats = checked["seeds"], checked["folds"] or 0, checked["repeats"] or 1
    parts = [plural(seeds, "seed")] if seeds > 1 else []
    parts += [plural(folds, "fold") + (f" {times(repeats)}" if repeats > 1 else "")] if folds else []
    final = f", and {plural(checked['final_networks'], 'network')} on all rows" if checked["final_networks"] else ""
    return f"{listing(parts)}: {plural(seeds * (1 + folds * repeats), 'network')} a model{final}."


def print_predictions(answers: Answers, table: pl.DataFrame, every: bool, csv: Path | None) -> None:
    """The first predictions with the most probable classes, or `every` class."""
    console, first = console_for(), table.head(PREVIEW)
    classes, rows = answers.classes, [_prediction(row) for row in first.iter_rows(named=True)]
    for row, values in zip(rows, answers.probabilities[: len(rows)], strict=True):
        order = (-values).argsort(kind="stable")
        if every:
            row |= {f"p({name})": f"{value:.3f}" for name, value in zip(classes, values)}
        else:
            row["next"] = ", ".join(f"{classes[index]} {values[index]:.3f}" for index in order[1 : 1 + NEXT])
    columns = list(rows[0])
    if every and sum(max(len(column), *(len(row[column]) for row in rows)) + 2 for column in columns) > console.width:
        columns, rows = ["id", "class", "probability"], _a_row_a_class(rows, answers)
    shown = _table(None, columns, 2 if every else len(columns))
    for row in rows:
        shown.add_row(*(row[column] for column in columns))
    print_table(console, shown)
    if not every and len(classes) > 1 + NEXT:
        say(f"... and {plural(len(classes) - 1 - NEXT, 'more class')}: --all")
    if len(table) > PREVIEW:
        more = "" if csv else " Use --csv FILE or --json for all, with the probability of every class."
        say(f"... and {len(table) - PREVIEW:,} more.{more}")
    if csv:
        say(f"Wrote {csv}")


def _prediction(row: dict[str, Any]) -> dict[str, str]:
    """The columns of an image before those of other classes."""
    columns = [name for name in ("id", "class", "probability", "unfamiliar", "label") if name in row]
    shown = {**row, "probability": f"{row['probability']:.3f}", "unfamiliar": "yes" if row.get("unfamiliar") else ""}
    if row.get("answered") is False:
        shown["class"] = f"abstains ({row['class']})"
    return {name: str(shown[name] or "") for name in columns}


def _a_row_a_class(rows: list[dict[str, str]], answers: Answers) -> list[dict[str, str]]:
    """For terminals too narrow for a column a class: a row for each class of each image, the most probable first."""
    return [
        {"id": row["id"], "class": answers.classes[index], "probability": f"{values[index]:.3f}"}
        for row, values in zip(rows, answers.probabilities[: len(rows)], strict=True)
        for index in (-values).argsort(kind="stable")
    ]


def print_score(scored: Scored) -> None:
    """Accuracy with its interval, and loss."""
    accuracy = proportion(scored.hits, scored.n, "other images").in_percent
    say(f"Accuracy on {scored.part}, n = {scored.n:,}: {accuracy}; loss {loss(scored.loss)}")
    if scored.answered is not None and scored.answered_hits is not None:
        of_answers = proportion(scored.answered_hits, scored.answered, "other images").in_percent
        coverage = proportion(scored.answered, scored.n, "other images").in_percent
        say(f"Answered, by the thresholds of the model: {coverage}; of the answers {of_answers} are right")


def _columns(evaluation: Evaluation) -> list[str]:
    """The columns for this study: groups only of several models, folds only where there are some."""
    group = ["group"] if len(evaluation.ranked) > 1 else []
    if evaluation.folds:
        return ["model", *group, "over folds %", "validation %", "test %", "time"]
    return ["model", *group, "parameters", "epoch", "validation %", "test %", "time"]


def fitting(columns: list[str], rows: list[dict[str, str]], width: int) -> list[str]:
    """The columns that fit into so many characters: those of SPARED are left out where they do not."""
    for spared in SPARED:
        if _width(columns, rows) > width:
            columns = [column for column in columns if column != spared]
    return columns


def with_trained(
    columns: list[str], rows: list[dict[str, str]], trained: Sequence[int | None], width: int
) -> list[dict[str, str]]:
    """The rows, which say how many of the parameters are trained where a backbone keeps the others and there is room.

    trained: of the first rows; None where all are.
    """
    fuller = [
        {**row, "parameters": f"{count:,} of {row['parameters']} trained"} if count is not None else row
        for row, count in zip_longest(rows, trained)
    ]
    return fuller if _width(columns, fuller) <= width else rows


def _width(columns: list[str], rows: list[dict[str, str]]) -> int:
    """Characters of a line of the table, with two between columns."""
    widest = {column: max(map(len, [column, *(row.get(column, "") for row in rows)])) for column in columns}
    return sum(widest.values()) - max(0, widest["model"] - LONGEST_BASELINE) + 2 * (len(columns) - 1)


def _model_row(record: RunRecord, evaluation: Evaluation, model: str) -> dict[str, str]:
    """A row of the leaderboard, by column. Times are of the network that represents the model."""
    result = record.results[model]
    row = {
        "model": f"{model} *" if model == evaluation.chosen else model,
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
        "group": _group(evaluation, model),
        "epoch": f"{result.kept_epoch}/{result.epochs}",
        "validation %": _per_cent(evaluation.standing(model, "validation")),
        "over folds %": _per_cent(evaluation.over_folds(model)),
        "test %": _per_cent(evaluation.standing(model, "test")),
    }


def _group(evaluation: Evaluation, model: str) -> str:
    """The letters of a model, and whether it may be the best."""
    pairs = evaluation.comparisons
    best = pairs.best.get(model)
    return pairs.groups.get(model, "") + (" +" if best and best.not_worse else "")


def _baseline_row(record: RunRecord, evaluation: Evaluation, name: str) -> dict[str, str]:
    """A row of a baseline, by column."""
    result, key = record.baseline_results[name], baseline_key(name)
    return {
        "model": result.label,
        "parameters": f"{result.parameters:,}",
        "epoch": "baseline",
        "validation %": _per_cent(evaluation.standing(key, "validation")),
        "test %": _per_cent(evaluation.standing(key, "test")),
        "time": f"{result.seconds:.1f} s",
    }


def _covered(record: RunRecord, evaluation: Evaluation) -> str:
    """What the intervals in the leaderboard cover."""
    if any(evaluation.recipe(model, "validation") for model in evaluation.ranked):
        seed = record.study.seed
        return (
            "95 % intervals; for several seeds they cover other images and training again, for one only other images. "
            f"Epochs and times are of the networks of seed {seed}."
        )
    return "95 % intervals; they cover other images, not training again."


def _per_cent(estimate: Estimate | None) -> str:
    return estimate.in_percent.replace(" %", "").replace(" to ", "-") if estimate else NOT_TESTED


def _table(title: str | None, columns: list[str], left: int) -> Table:
    """A plain table whose first `left` columns are aligned left, the rest right; only names may be broken."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        justify: Literal["left", "right"] = "left" if index < left else "right"
        name = index == 0
        table.add_column(
            column,
            justify=justify,
            header_style="dim",
            no_wrap=not name,
            overflow="fold" if name else "ellipsis",
            min_width=NAME if name else None,
        )
    return table
