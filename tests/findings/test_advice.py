"""Protects the advice of a report from contradicting itself, whatever findings come together."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import facts_of, set_in_json

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.evaluate.search_results import Edge
from snellen.findings.advice import NEXT, RULES_OUT, composed, same_model
from snellen.findings.finding import Action, Facts, Finding, Step
from snellen.findings.rules import judge
from snellen.findings.searches import at_the_edge
from snellen.statistics.results import Mean
from snellen.train.overfitting import Losses

ASKS: tuple[Action, ...] = get_args(Action)
EXCLUSIVE: set[frozenset[Action]] = {
    frozenset(pair)
    for pair in (
        ("longer", "stop earlier"), ("longer", "regularise"), ("larger", "smaller"), ("larger", "stop earlier"),
        ("larger", "regularise"), ("larger", "smallest"), ("longer", "smaller"), ("longer", "smallest"),
        ("longer", "evaluate on test"), ("equal steps", "stop earlier"), ("tune", "smallest"),
        ("tune", "evaluate on test"), ("search on", "smallest"), ("search on", "evaluate on test"),
        ("seeds", "smallest"), ("seeds", "evaluate on test"),
    )
}  # fmt: skip
"""Written out beside the table of the code: what nobody may be told at once of one model."""

steps = st.builds(lambda ask: Step(ask, f"Do {ask}."), st.sampled_from(ASKS))
models = st.one_of(
    st.sampled_from([{"model": "a"}, {"model": "b"}, {}]), st.just({"models": ["a", "b"]}), st.just({"models": ["b"]})
)
findings = st.lists(
    st.builds(
        lambda code, values, asked: Finding(code, "notice", "Something.", values, "data", steps=tuple(asked)),
        st.sampled_from(["SNL102", "SNL110", "SNL115"]), models, st.lists(steps, min_size=1, max_size=2),
    ),
    max_size=6,
)  # fmt: skip


def consistent(asked: list[Step]) -> list[Step]:
    """One finding never asks for two things that exclude each other."""
    kept: list[Step] = []
    for step in asked:
        if not any(frozenset({step.action, other.action}) in EXCLUSIVE for other in kept):
            kept.append(step)
    return kept


def exclusive(said: list[Finding]) -> list[tuple[str, str]]:
    return [
        (one.action, other.action)
        for first, second in combinations(said, 2)
        if same_model(first, second)
        for one in first.steps
        for other in second.steps
        if frozenset({one.action, other.action}) in EXCLUSIVE
    ]


def test_the_table_rules_out_one_of_every_two_that_exclude_each_other() -> None:
    ruled = [frozenset({ask, other}) for ask, others in RULES_OUT.items() for other in others]
    assert set(ruled) == EXCLUSIVE and len(ruled) == len(EXCLUSIVE)
    assert all(ASKS.index(ask) < ASKS.index(other) for ask, others in RULES_OUT.items() for other in others)


@given(findings)
def test_whatever_is_found_no_two_advices_exclude_each_other(found: list[Finding]) -> None:
    wanted = [each for each in found if each.steps == tuple(consistent(list(each.steps)))]
    after = composed(wanted)
    assert not exclusive(after)
    assert [each.sentence for each in after] == [each.sentence for each in wanted], (
        "what was found is said all the same"
    )
    for before, now in zip(wanted, after, strict=True):
        assert now.advice == (" ".join(step.text for step in now.steps) or None)
        gone = [step for step in before.steps if step not in now.steps]
        others = [step for each in after if same_model(each, now) for step in each.steps]
        for step in gone:
            assert any(step.action in RULES_OUT.get(other.action, ()) for other in others), "dropped for nothing"


@given(findings)
def test_what_to_do_next_yields_to_all_others(found: list[Finding]) -> None:
    wanted = [each for each in found if each.steps == tuple(consistent(list(each.steps)))]
    asks: tuple[Action, ...] = ("tune", "seeds", "smallest", "evaluate on test", "look")
    next_one = Finding(NEXT, "result", "", {"model": "a"}, "model-a", steps=tuple(Step(ask, f"{ask}.") for ask in asks))
    *_, last = after = composed([*wanted, next_one])
    assert not exclusive(after) and len(last.steps) == 1 and last.advice is None
    assert last.sentence == f"What to do next: {last.steps[0].text}"


def test_longer_is_not_advised_beside_over_fitting(seeds_run: Run, tmp_path: Path) -> None:
    """Two seeds of three kept their last epoch, the third over-fitted: both are said, and one thing is advised."""
    folder = Path(shutil.copytree(seeds_run.folder, tmp_path / "run"))
    record = RunRecord.open(folder)
    jobs = list(record.planned["plain"].seeds.values())
    for place, job in enumerate(jobs):
        files = record.folder_of(job)
        course = [3 - 0.2 * epoch for epoch in range(8)]
        if place == 2:
            course[-1] = 2.0
            wobble = np.linspace(-0.05, 0.05, 200, dtype=np.float32)
            kept = dict.fromkeys(("train", "validation"), np.full(200, 0.5, np.float32))
            Losses(kept, {"train": 0.4 + wobble, "validation": 0.6 + wobble}).save(files.losses, job)
        known = files.read_history()[-1]
        records = [{**known, "epoch": at + 1, "validation_loss": loss} for at, loss in enumerate(course)]
        (files.path / "history.json").write_text(json.dumps(records), encoding="utf-8")
        set_in_json(files.path / "result.json", kept_epoch=int(np.argmin(course)) + 1, epochs=8)
    text = (folder / "resolved.yaml").read_text(encoding="utf-8")
    (folder / "resolved.yaml").write_text(text.replace("epochs: 3", "epochs: 8"), encoding="utf-8")
    said = {
        each.code: each
        for each in judge(facts_of(folder)).others
        if each.values.get("model") == "plain" and each.code in ("SNL102", "SNL115")
    }
    assert set(said) == {"SNL102", "SNL115"}
    assert said["SNL102"].advice is None and "let it train longer" in str(said["SNL115"].advice)


@pytest.mark.parametrize(
    ("path", "end", "action"),
    [
        ("layers.1.dense.units", "largest", "larger"),
        ("layers.1.dense.units", "smallest", "smaller"),
        ("train.epochs", "largest", "longer"),
        ("train.epochs", "smallest", "stop earlier"),
        ("train.learning_rate", "largest", "search on"),
    ],
)
def test_the_edge_of_a_range_asks_for_what_lies_beyond(search_run: Run, path: str, end: str, action: str) -> None:
    facts = facts_of(search_run.folder)
    better = Mean(0.02, 0.01, 0.03, 0.005, 9.0, 0.01, "other images", "crossed t")
    search = replace(facts.evaluation.searches["dense"], edges=(Edge(path, 32, 16, end, 3, 3, better),))
    [found] = at_the_edge(Facts(facts.record, replace(facts.evaluation, searches={"dense": search})))
    assert [step.action for step in found.steps] == [action]
    assert f"is 32, the {end} of the 3 tried" in found.sentence and "2.0 points (1.0 to 3.0" in found.sentence
