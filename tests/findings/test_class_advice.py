"""Protects the advice for a weak class: it follows from the numbers of the class, and `snellen check` accepts it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from runs import edit_json, facts_of

from snellen import cli
from snellen.data.load import read
from snellen.data.reviews import pixel_hashes
from snellen.evaluate.record import RunRecord
from snellen.findings.class_advice import class_advice
from snellen.findings.finding import Facts
from snellen.models.predictions import save_predictions

CHOSEN, WEAK = "dense", 3


def answers(folder: Path, role: str, share: float) -> None:
    """All answers of the chosen network right, but for a share of the weak class."""
    job = RunRecord(folder).job(CHOSEN)
    stored = job.read_predictions(role)
    assert stored is not None and stored.labels is not None
    own, given = np.flatnonzero(stored.labels == WEAK), stored.labels.copy()
    given[own[: round(share * len(own))]] = 8
    save_predictions(
        job.predictions_path(role), replace(stored, probabilities=np.eye(10, dtype=np.float32)[given]), job.path.name
    )


def rare(folder: Path) -> None:
    answers(folder, "train", 0.5)

    def fewer(data: dict[str, Any]) -> dict[str, Any]:
        counts = [{**row, "train": 20} if at == WEAK else row for at, row in enumerate(data["data"]["counts"])]
        return {**data, "data": {**data["data"], "counts": counts}}

    edit_json(folder / "data.json", fewer)


def learned_by_heart(folder: Path) -> None:
    answers(folder, "train", 0.0)


def hard(folder: Path) -> None:
    answers(folder, "train", 0.5)


@pytest.mark.parametrize(
    ("change", "said", "option"),
    [
        (rare, "It is rare, with 20 training images against", "models.dense.train.class_weights=balanced"),
        (learned_by_heart, "100.0 % of its training images are recognised", "augment=[{shift: 0.1}]"),
        (hard, "More images of 3 help most", 'class_weights={"3": 2}'),
    ],
)
def test_the_advice_follows_from_the_numbers_and_is_accepted(
    change: Callable[[Path], None], said: str, option: str, run_copy: Path
) -> None:
    change(run_copy)
    facts = facts_of(run_copy)
    assert facts.evaluation.chosen == CHOSEN
    advice = class_advice(facts, CHOSEN, WEAK, 0.5)
    assert said in advice and option in advice
    checked(run_copy, advice)


def test_many_suspects_are_reviewed_first(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run_copy)
    learned_by_heart(run_copy)
    facts = with_suspects(facts_of(run_copy), 30)
    advice = class_advice(facts, CHOSEN, WEAK, 0.5)
    assert "30 of its labels look wrong: review them on the page `wrong-labels`" in advice
    dataset = read("digits")
    key = pixel_hashes(dataset.images[:1])[0]
    (run_copy / "reviews.csv").write_text(
        f"picture,label,review,correct_label\n{key},{dataset.classes[dataset.labels[0]]},right,\n"
    )
    assert "reviews.csv" in advice and "augment" not in advice
    checked(run_copy, advice)
    assert "augment" in class_advice(with_suspects(facts_of(run_copy), 2), CHOSEN, WEAK, 0.5)


class Asked(SimpleNamespace):
    """Stands for the analysis, as a key."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # SimpleNamespace has none


def with_suspects(facts: Facts, count: int) -> Facts:
    """As if the analysis `wrong_labels` had suspected so many labels of the weak class."""
    found = {"suspects": [{"label": "3"}] * count, "suspected": count, "images": 1000, "groups": [], "model": CHOSEN}
    planned = Asked(options=SimpleNamespace(name="wrong_labels"), key="wrong-labels")
    own = Facts(facts.record, facts.evaluation)
    own.__dict__["outcomes"] = {planned: SimpleNamespace(facts=found)}
    return own


def checked(folder: Path, advice: str) -> None:
    """`snellen check` with the options of the advice; it raises what it refuses."""
    options = shlex.split(advice[advice.index("--set") :])
    cli.app(["check", str(folder / "study.yaml"), *options], standalone_mode=False)
