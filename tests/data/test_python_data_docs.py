"""Protects the examples of docs/python-data.md: each is run, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import image_cases
import numpy as np
import polars as pl
import pytest
import sklearn.datasets
import torch
from torch.utils.data import TensorDataset

import snellen
from snellen.data.dataset import Dataset

PAGE = Path(__file__).parents[2] / "docs" / "python-data.md"


def test_every_example_runs(own_user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names, kinds = [f"{row}.png" for row in range(12)], ["cat", "dog", "eel"] * 4
    for row, name in enumerate(names):
        image_cases.save(tmp_path / "photos" / name, image_cases.COLOUR ^ row)
    parts = [TensorDataset(torch.rand(30, 3, 8, 8), torch.arange(30) % 3) for _ in range(2)]
    given: dict[str, Any] = {"np": np, "pl": pl, "torch": torch, "snellen": snellen, "sklearn": sklearn}
    given |= {"TensorDataset": TensorDataset, "names": names, "kinds": kinds}
    given |= {"train_set": parts[0], "test_set": parts[1]}
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(examples) == 6
    for example in examples:
        exec(example, given)
        assert isinstance(given["dataset"], Dataset)
    assert given["study"].dataset.shape == (8, 8, 1)
