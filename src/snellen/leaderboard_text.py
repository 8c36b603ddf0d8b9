"""The leaderboard as text for other documents: Markdown, LaTeX, CSV, each number with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from snellen.errors import unknown

if TYPE_CHECKING:
    import polars as pl

TextFormat = Literal["markdown", "latex", "csv"]
FORMATS: tuple[str, ...] = get_args(TextFormat)
SCORES = {"folds": "over folds", "validation": "validation", "test": "test"}
NOTE = "Accuracy in per cent, with 95 % intervals. Models that share a letter could not be told apart."
LATEX = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


def leaderboard_text(leaderboard: pl.DataFrame, form: str, warning: str | None = None) -> str:
    """The rows of `Run.leaderboard` in one of FORMATS; a score that is missing is left empty.

    csv has the frame's own columns and full precision; the others have a column for each role that has scores. warning:
    what is said of a run with faults on purpose. Raises UnknownName for another format.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form == "csv":
        return (f"# {warning}\n" if warning else "") + leaderboard.write_csv()
    rows = list(leaderboard.iter_rows(named=True))
    roles = [role for role in SCORES if any(row[f"{role}_accuracy"] is not None for row in rows)]
    header = ["model", *["group"] * any(row["group"] for row in rows), *(SCORES[role] for role in roles)]
    cells = [_cells(row, roles, "group" in header) for row in rows]
    notes = [*([warning] if warning else []), NOTE]
    return _markdown(header, cells, notes) if form == "markdown" else _latex(header, cells, notes)


def _cells(row: Mapping[str, Any], roles: Sequence[str], with_group: bool) -> list[str]:
    group = [f"{row['group'] or ''}{' +' if row['may_be_best'] else ''}"] if with_group else []
    return [row["model"], *group, *(_score(row, role) for role in roles)]


def _score(row: Mapping[str, Any], role: str) -> str:
    value, low, high = (row[f"{role}_{name}"] for name in ("accuracy", "low", "high"))
    return "" if value is None else f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    def line(cells: Sequence[str]) -> str:
        return (
            "| " + " | ".join(" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |"
        )

    rule = f"|{'|'.join('---' for _ in header)}|"
    return "\n".join([line(header), rule, *map(line, rows), "", *notes, ""])


def _latex(header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """A tabular that needs no package."""

    def line(cells: Sequence[str]) -> str:
        return (
            "  "
            + " & ".join("".join(LATEX.get(sign, sign) for sign in " ".join(cell.split())) for cell in cells)
            + r" \\"
        )

    columns = "l" * len(header)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"  \hline", line(header), r"  \hline", *map(line, rows), r"  \hline"]
    return "\n".join([*(f"% {note}" for note in notes), *body, r"\end{tabular}", ""])
