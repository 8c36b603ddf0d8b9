"""Median stopping (Golovin et al. 2017, section 3.2): a trial that falls behind the others goes no further."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from snellen.errors import RunError
from snellen.search.rounds import Goal, TrialResult
from snellen.study.methods import Median


def falls_behind(told: TrialResult, completed: Sequence[TrialResult], rule: Median, goal: Goal) -> bool:
    """Whether its best score so far is strictly worse than the median of the running averages of completed trials."""
    if told.epoch < rule.warmup_epochs or len(completed) < rule.after_trials:
        return False
    averages = [fmean(_curve(other)[: told.epoch]) for other in completed]
    best = max(_curve(told)) if goal == "highest" else min(_curve(told))
    return best < median(averages) if goal == "highest" else best > median(averages)


def next_check(epoch: int, completed: int, rule: Median, max_epochs: int) -> int:
    """The epoch to go to from `epoch`, where the rule looks at the trial again."""
    if completed < rule.after_trials:
        return max_epochs
    return min(max_epochs, rule.warmup_epochs if epoch < rule.warmup_epochs else epoch + rule.every)


def _curve(told: TrialResult) -> tuple[float, ...]:
    if len(told.curve) != told.epoch:
        found = f"{len(told.curve)} for trial {told.trial}"
        raise RunError("median stopping needs the score of every epoch", found=found, expected=told.epoch)
    return told.curve
