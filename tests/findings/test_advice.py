"""Protects the advice of a report from contradicting itself, whatever findings come together."""

from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from runs import edit_json, facts_of

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.findings.advice import NEXT, RULES_OUT, composed, same_model, steps_of
from snellen.findings.finding import Finding, Step, TrialRequest
from snellen.findings.rules import judge
from snellen.train.overfitting import Losses

ASKS: tuple[TrialRequest, ...] = get_args(TrialRequest)
EXCLUSIVE: set[frozenset[TrialRequest]] = {
    frozenset(pair)
    for pair in (
        ("longer", "stop earlier"), ("longer", "regularise"), ("larger", "smaller"), ("larger", "stop earlier"),
        ("larger", "regularise"), ("larger", "smallest"), ("longer", "smaller"), ("longer", "smallest"),
        ("longer", "open the test"), ("equal steps", "stop earlier"), ("tune", "smallest"), ("tune", "open the test"),
        ("search on", "smallest"), ("search on", "open the test"), ("seeds", "smallest"), ("seeds", "open the test"),
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
        if not any(frozenset({step.ask, other.ask}) in EXCLUSIVE for other in kept):
            kept.append(step)
    return kept


def exclusive(said: list[Finding]) -> list[tuple[str, str]]:
    return [
        (one.ask, other.ask)
        for first, second in combinations(said, 2)
        if same_model(first, second)
        for one in steps_of(first)
        for other in steps_of(second)
        if frozenset({one.ask, other.ask}) in EXCLUSIVE
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
            assert any(step.ask in RULES_OUT.get(other.ask, ()) for other in others), "dropped for nothing"


@given(findings)
def test_what_to_do_next_yields_to_all_others(found: list[Finding]) -> None:
    wanted = [each for each in found if each.steps == tuple(consistent(list(each.steps)))]
    asks: tuple[TrialRequest, ...] = ("tune", "seeds", "smallest", "open the test", "look")
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
        edit_json(files.path / "history.json", lambda _, records=records: records)
        best = int(np.argmin(course)) + 1
        edit_json(files.path / "result.json", lambda old, best=best: {**old, "kept_epoch": best, "epochs": 8})
    text = (folder / "resolved.yaml").read_text(encoding="utf-8")
    (folder / "resolved.yaml").write_text(text.replace("epochs: 3", "epochs: 8"), encoding="utf-8")
    said = {
        each.code: each
        for each in judge(facts_of(folder)).others
        if each.values.get("model") == "plain" and each.code in ("SNL102", "SNL115")
    }
    assert set(said) == {"SNL102", "SNL115"}
    assert said["SNL102"].advice is None and "let it learn longer" in str(said["SNL115"].advice)


def test_the_edge_of_a_range_of_sizes_asks_for_a_larger_network(search_run: Run) -> None:
    found = Finding(
        "SNL111",
        "notice",
        "The best `layers.1.dense.units` of `dense` is 32, the largest of the 3 tried",
        {"model": "dense", "path": "layers.1.dense.units"},
        "model-dense",
        "Search beyond 32.",
    )
    assert [step.ask for step in steps_of(found)] == ["larger"]
    for each in (*judge(facts_of(search_run.folder)).others,):
        if each.code == "SNL111" and each.values["path"].endswith("units"):
            assert [step.ask for step in steps_of(each)] in (["larger"], ["smaller"], [])
