"""Protects who opens a table in a spreadsheet: no name of a stranger is computed there, and numbers stay numbers."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest

from snellen.files.spreadsheet import as_csv

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "=", "-", "--1", "+1e"]
TEXTS = ["cat", "a=b", "1-2", "", "'quoted", "a,b", 'say "x"', "-1", "+2.5", "-.5e-3", "007", "é", " =1"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_become_text(cell: str) -> None:
    assert rows(as_csv(pl.DataFrame({"id": [cell], cell: [1]}))) == [["id", f"'{cell}"], [f"'{cell}", "1"]]


def test_other_text_and_numbers_stay_as_they_are() -> None:
    table = pl.DataFrame({"id": TEXTS, "p": [-0.5] * len(TEXTS), "n": [None, *[-3] * (len(TEXTS) - 1)]})
    assert as_csv(table) == table.write_csv()
    assert as_csv(pl.DataFrame({"a": [None, "=1"]})) == "a\n\n'=1\n"
