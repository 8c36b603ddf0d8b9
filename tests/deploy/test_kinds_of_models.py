"""Protects that models of every kind of study warn of images that are nothing like the training images."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import LINEAR, run_small
from sklearn.datasets import load_digits

from snellen import cli
from snellen.api import Run

DIGITS = load_digits().images[..., None].astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 17, (40, 8, 8, 1), dtype=np.uint8)
DENSE: list[Any] = ["flatten", {"dense": {"units": 8, "activation": "relu"}}]
STUDIES: dict[str, dict[str, Any]] = {
    "views": {"models": {"a": {"layers": DENSE, "views": ["shift"]}}},
    "PCA": {"models": {"a": {"features": [{"pca": 10}], "layers": [{"dense": 8}]}}},
    "PCA alone": {"models": {"a": {"features": [{"pca": 10}], "layers": "linear"}}},
    "seeds": {"models": {"a": {"layers": DENSE}}, "seeds": 2},
    "folds": {"models": {"a": {"layers": DENSE}}, "folds": 3},
    "folds with views": {"models": {"a": {"layers": DENSE, "views": ["shift"]}}, "folds": 3},
    "skip and pool": {
        "models": {"a": {"layers": [{"conv": {"filters": 4, "kernel": 3}}, "relu", {"max_pool": 2}, "flatten"]}}
    },
}


def expect_warned(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    np.save(folder / "mixed.npy", np.concatenate([DIGITS[:60], NOISE]))
    for model in run.record.models:
        monkeypatch.setattr(sys, "argv", ["snellen", "predict", str(run.folder / "models" / model), *command(folder)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        printed = capsys.readouterr()
        said = json.loads(printed.out)
        unfamiliar = [row["unfamiliar"] for row in said["predictions"]]
        assert sum(unfamiliar[:60]) <= 5 and all(unfamiliar[60:])
        assert "images are unlike the training images" in printed.err and said["remarks"] == printed.err.splitlines()
        with pytest.warns(UserWarning, match="images are unlike the training images"):
            answers = run.model(model).predict(folder / "mixed.npy")
        found = [max(value for name, value in row.items() if name.startswith("p(")) for row in said["predictions"]]
        np.testing.assert_array_equal(answers.max(1), np.array(found, np.float32))
        text = run.report.read_text(encoding="utf-8")
        card = (run.folder / "models" / model / "card.md").read_text(encoding="utf-8")
        assert "Mahalanobis distance" in card and "Mahalanobis distance" in text


def command(folder: Path) -> list[str]:
    return [str(folder / "mixed.npy"), "--json"]


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_it_warns(
    study: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_user: Path,
) -> None:
    expect_warned(run_small(tmp_path / "run", **study), monkeypatch, capsys, tmp_path)


def test_a_searched_model_warns(
    search_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_user: Path
) -> None:
    expect_warned(search_run, monkeypatch, capsys, tmp_path)


def test_names_of_files_are_harmless_in_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_user: Path
) -> None:
    """LINEAR on digits; the warning names the unlike file without what a terminal would obey."""
    run = run_small(tmp_path / "run", models={"linear": LINEAR})
    name = 'a\u202e\x1b[31m<script>"x".npy' if sys.platform != "win32" else "a\u202e.npy"
    np.save(tmp_path / name, NOISE)
    monkeypatch.setattr(sys, "argv", ["snellen", "predict", str(run.folder), str(tmp_path / name)])
    with pytest.raises(SystemExit):
        cli.main()
    printed = capsys.readouterr()
    assert "\x1b[31m" not in printed.out + printed.err and "\u202e" not in printed.out + printed.err
