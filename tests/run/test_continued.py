"""A study with both kinds of second phase: a matched pair, also over folds, verified and reported as what it is."""

from __future__ import annotations

from typing import Any

import pytest
from runs import facts_of, run_small

from snellen.api import Run
from snellen.evaluate.final_epochs import final_epochs
from snellen.evaluate.trained_networks import phases_of
from snellen.run.verify import verify

LAYERS = ["flatten", {"dense": {"units": 8, "activation": "relu"}}, "batch_norm"]
FIRST = {"epochs": 4, "learning_rate": 0.3, "measure": "loss"}


def model(**later: Any) -> dict[str, Any]:
    return {"layers": LAYERS, "train": [FIRST, {"epochs": 2, "learning_rate": 0.01, **later}]}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("both") / "run"
    models = {"fresh": model(), "continued": model(**{"continue": "last"})}
    return run_small(folder, models=models, folds=3)


def test_they_share_the_first_phase_and_differ_in_one_key(both: Run) -> None:
    facts = facts_of(both.folder)
    one, other = (facts.record.planned[name] for name in ("fresh", "continued"))
    assert one.phases[0] == other.phases[0] and one.phases[1] != other.phases[1]
    compared = facts.evaluation.comparisons.between("fresh", "continued")
    assert compared is not None
    from snellen.evaluate.matched_pairs import side_differences

    key = side_differences(facts.record, compared, ["fresh", "continued"]).only_key
    assert key is not None and key.path == "train.1.continue"
    assert key.factor == "going on with the last weights and the optimizer"


def test_what_was_trained_is_trained_again_to_the_bit(both: Run) -> None:
    assert {check.outcome for check in verify(both.folder, draw=True)} == {"equal"}


def test_the_network_on_all_rows_is_as_long_as_what_was_gone_on_from(both: Run) -> None:
    """Every fold trained four epochs, whichever it kept."""
    record = facts_of(both.folder).record
    jobs = phases_of(record, record.planned["fresh"].folds[0].job)
    result = record.folder_of(jobs[0]).read_result()
    assert result is not None and result.epochs == 4
    assert final_epochs(record, ["continued"])["continued"][0] == 4


def test_the_report_says_what_each_phase_goes_on_from(both: Run) -> None:
    page = (both.folder / "report.html").read_text(encoding="utf-8")
    assert "Phase 2 goes on from the last weights, those of epoch 4, with the state of the optimizer." in page
    assert "with a fresh optimizer." in page
