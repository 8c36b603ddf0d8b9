"""Median stopping (Golovin et al. 2017, section 3.2): a trial that falls behind the others is not trained further."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from snellen.errors import RunError
from snellen.search.rounds import Goal, TrialResult
from snellen.study.methods import Median


def falls_behind(result: TrialResult, completed: Sequence[TrialResult], rule: Median, goal: Goal) -> bool:
    """Whether the trial's best score so far is strictly worse than the median of the completed trials' running
    averages."""
    if result.epoch < rule.warmup_epochs or len(completed) < rule.after_trials:
        return False
    averages = [fmean(_curve(other)[: result.epoch]) for other in completed]
    best = max(_curve(result)) if goal == "highest" else min(_curve(result))
    return best < median(averages) if goal == "highest" else best > median(averages)


def next_check(epoch: int, completed: int, rule: Median, max_epochs: int) -> int:
    """The epoch up to which a trial at `epoch` is trained before the rule is applied to it again."""
    if completed < rule.after_trials:
        return max_epochs
    return min(max_epochs, rule.warmup_epochs if epoch < rule.warmup_epochs else epoch + rule.every)


def _curve(result: TrialResult) -> tuple[float, ...]:
    if len(result.curve) != result.epoch:
        found = f"{len(result.curve)} for trial {result.trial}"
        raise RunError("median stopping needs the score of every epoch", found=found, expected=result.epoch)
    return result.curve
