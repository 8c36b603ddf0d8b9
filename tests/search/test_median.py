"""Protects median stopping: worked by hand after Golovin et al. 2017, section 3.2."""

from __future__ import annotations

import pytest

from snellen.errors import RunError
from snellen.search.median import falls_behind, next_check
from snellen.search.rounds import TrialResult
from snellen.study.methods import Median


def results(*curve: float) -> TrialResult:
    return TrialResult(trial=1, epoch=len(curve), score=max(curve), curve=curve)


OTHERS = [results(0.1, 0.3, 0.8), results(0.2, 0.6, 0.9), results(0.5, 0.5, 0.5)]
"""Running averages after two epochs: 0.2, 0.4, 0.5, of which the median is 0.4; after one: 0.1, 0.2, 0.5."""
RULE = Median(after_trials=3)


@pytest.mark.parametrize(
    ("curve", "is_behind"),
    [
        ((0.3, 0.39), True),
        ((0.39, 0.1), True),
        ((0.3, 0.4), False),
        ((0.41, 0.0), False),
        ((0.19,), True),
        ((0.2,), False),
    ],
)
def test_the_best_so_far_against_the_median_of_running_averages(curve: tuple[float, ...], is_behind: bool) -> None:
    assert falls_behind(results(*curve), OTHERS, RULE, "highest") is is_behind


def test_of_losses_the_lowest_is_best() -> None:
    assert falls_behind(results(0.6, 0.41), OTHERS, RULE, "lowest")
    assert not falls_behind(results(0.6, 0.39), OTHERS, RULE, "lowest")


def test_nothing_stops_before_the_warm_up_or_without_enough_others() -> None:
    assert not falls_behind(results(0.0, 0.0), OTHERS, Median(after_trials=4), "highest")
    assert not falls_behind(results(0.0, 0.0), OTHERS, Median(after_trials=3, warmup_epochs=3), "highest")
    assert falls_behind(results(0.0, 0.0), OTHERS, Median(after_trials=3, warmup_epochs=2), "highest")


def test_a_trial_that_ended_earlier_counts_with_what_it_has() -> None:
    assert falls_behind(results(0.1, 0.1), [results(0.2)], Median(after_trials=1), "highest")


def test_epochs_at_which_trials_are_looked_at() -> None:
    rule = Median(warmup_epochs=3, every=4, after_trials=2)
    assert [next_check(epoch, 2, rule, 10) for epoch in (0, 3, 7)] == [3, 7, 10]
    assert next_check(0, 1, rule, 10) == 10


def test_scores_of_every_epoch_are_needed() -> None:
    with pytest.raises(RunError, match="needs the score of every epoch; found 0 for trial 1; expected 2"):
        falls_behind(TrialResult(trial=1, epoch=2, score=0.5), OTHERS, RULE, "highest")
