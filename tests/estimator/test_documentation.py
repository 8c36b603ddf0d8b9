"""Protects docs/scikit-learn.md: its code runs from top to bottom, its study is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from snellen.study.document import parse

TEXT = (Path(__file__).parents[2] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")


def test_the_code_runs() -> None:
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert names["scores"].mean() > 0.5 and names["search"].best_score_ > 0.3


def test_the_study_is_valid() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert parse(text, "docs").study().models["small"].search is not None
