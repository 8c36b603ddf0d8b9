"""`snellen compare`: models of different runs on the images that they share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.cli.options import AsJson, DataFolder
from snellen.plain import say

if TYPE_CHECKING:
    from rich.table import Table

    from snellen.run.compare import RunsCompared


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...", help="Folders of runs, whose chosen models are compared; or RUN:MODEL for another model."
        ),
    ],
    data_dir: DataFolder = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a page like the report's to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare models of two or more runs, made on different days, on the images that they share.

    Finds the images that the runs share by content, and compares the answers on these: on the test only if both runs
    opened it (each such use is recorded), and over folds if both have the same. Lists the differences in study, data
    and environment. Exits with 1 if stored files of a run were changed.
    """
    from snellen.run.compare import compare_runs
    from snellen.run.compare_page import content, expect_page, write_page

    if html is not None:
        expect_page(html)
    compared = compare_runs(runs, data_dir)
    if html is not None:
        write_page(html, compared)
    if as_json:
        say(json.dumps(content(compared), indent=2))
    else:
        _print(compared)
        say(f"The page: {html}" if html else "For a page with figures add: --html compare.html")
    if compared.changed:
        raise typer.Exit(1)


def _print(compared: RunsCompared) -> None:
    from snellen.console import console_for, print_table
    from snellen.run import compare_words as words

    for sentence in [*words.changed_sentences(compared), *words.verdict_sentences(compared)]:
        say(sentence)
    for name, letter in compared.letters.items():
        say(f"{letter} is {name}")
    for sentence in words.shared_sentences(compared):
        say(sentence)
    print_table(console_for(), _table(compared))
    for sentence in words.comparison_sentences(compared):
        say(sentence)
    for finding in words.flip_sentences(compared):
        say(f"{finding['code']}: {finding['sentence']}")
    for name, history in compared.histories.items():
        say(words.history_sentence(compared.letters[name], history))
    if opened := words.opened_sentence(compared):
        say(opened)


def _table(compared: RunsCompared) -> Table:
    """The scores of each side on its own images, and the differences."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("", *compared.letters.values()):
        table.add_column(column, header_style="dim")
    for role, measures in compared.scores.items():
        for measure, scores in measures.items():
            if any(scores):
                table.add_row(f"{role} {measure}", *("-" if one is None else f"{one['value']:.4f}" for one in scores))
    for name, rows in compared.differing.items():
        for key, values in rows.items():
            table.add_row(f"{name}: {key}", *(_short(value) for value in values))
    return table


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
