"""`snellen compare`: models of different runs on the images that they share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.cli.options import AsJson, DataFolder
from snellen.plain import say

if TYPE_CHECKING:
    from snellen.run.compare import RunComparison, RunsCompared


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...", help="Folders of runs, whose chosen models are compared; or RUN:MODEL for another model."
        ),
    ],
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Compare models of two or more runs, made on different days, on the images that they share.

    Says which images they share by content, compares answers where labels may be read (on test only where both runs
    opened it; each such use is recorded), and lists what differs in study, data and environment. Exits with 1 where
    stored files of a run were changed.
    """
    from snellen.run.compare import compare_runs

    compared = compare_runs(runs, data_dir)
    if as_json:
        say(json.dumps(compared.as_json(), indent=2))
    else:
        _print(compared)
    if compared.changed:
        raise typer.Exit(1)


def _print(compared: RunsCompared) -> None:
    from rich.table import Table

    from snellen.console import console_for

    letters = [chr(ord("A") + place) if place < 26 else str(place + 1) for place in range(len(compared.names))]
    for letter, name in zip(letters, compared.names, strict=True):
        say(f"{letter} is {name}")
    names = dict(zip(compared.names, letters, strict=True))
    for name, files in compared.changed.items():
        some = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
        say(f"Its numbers cannot be believed: stored files of {names[name]} were changed or removed: {some}")
    for (a, b), counts in compared.shared.items():
        parts = [f"{n:,} {one if one == other else f'{one} | {other}'}" for (one, other), n in counts.items()]
        say(f"Images in both {names[a]} and {names[b]} (role in {names[a]} | in {names[b]}): {', '.join(parts)}")
    table = Table(box=None, pad_edge=False)
    for column in ("", *letters):
        table.add_column(column, header_style="dim")
    for role, measures in compared.scores.items():
        for measure, scores in measures.items():
            table.add_row(f"{role} {measure}", *("-" if one is None else f"{one['value']:.4f}" for one in scores))
    for name, rows in compared.differing.items():
        for key, values in rows.items():
            table.add_row(f"{name}: {key}", *(_short(value) for value in values))
    console_for().print(table)
    for one in compared.comparisons:
        _print_comparison(one, names)


def _print_comparison(one: RunComparison, names: dict[str, str]) -> None:
    a, b = names[one.a], names[one.b]
    where = f"{a} against {b} on {one.images:,} shared {one.role} images"
    if one.relabelled:
        where += f" ({one.relabelled:,} more have another label in {b})"
    if one.difference is None or one.verdict is None:
        seen = "" if one.difference is None else f"{100 * one.difference.value:+.1f} points of accuracy, "
        say(f"{where}: {seen}not judged: {one.reason}.")
    else:
        low, high = one.difference.low, one.difference.high
        limits = "" if low is None or high is None else f" ({100 * low:.1f} to {100 * high:.1f})"
        value, of = f"{100 * one.difference.value:+.1f} points of accuracy{limits}", "these two networks"
        about = "recipes, over seeds and images" if one.kind == "recipes" else of
        say(f"{where}: {value}, Holm p = {one.adjusted_p:.3g}: {one.verdict}; about {about}.")
    if one.flips:
        text = one.flips.replace(one.a, a).replace(one.b, b)
        say(f"{text} (shared {one.role} images; an order alone is no claim).")
    if one.opened:
        say("Recorded as one more use of the test labels of each run.")


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
