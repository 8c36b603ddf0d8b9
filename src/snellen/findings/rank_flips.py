"""Findings about orders that depend on the measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from snellen.evaluate.rank_flips import Flip, MeasureDifference, RunFlip, flips_of_run
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import ROLES
from snellen.metrics.scores import is_percentage
from snellen.phrases import key_words, listing, loss, loss_limits, percent, plural, points, points_limits

CODE = "SNL150"


def depends_on_the_measure(facts: Facts) -> Iterator[Finding]:
    """SNL150: the chosen model is ahead of another in one measure and behind in another, each beyond noise."""
    for one in flips_of_run(facts.record, facts.evaluation.ranked, facts.evaluation.opened):
        if one.flip.beyond_noise:
            yield Finding(
                CODE,
                "notice",
                _sentence(one),
                {
                    "a": one.a,
                    "b": one.b,
                    "role": one.role,
                    "confidence": one.confidence,
                    "measures": {name: asdict(each) for name, each in one.measures.items()},
                },
                "leaderboard",
                "Decide by the measure that the use needs: accuracy for answers, macro F1 where rare classes matter, "
                "loss where the probabilities are used.",
            )


def flip_words(a: str, b: str, measures: Mapping[str, MeasureDifference], flip: Flip) -> str:
    """Which of two is ahead by which measures, with the numbers: a sentence without its end."""
    sides = ((a, flip.a_first, False), (b, flip.b_first, True))
    return "; ".join(f"{side} by {listing(_by(name, measures[name], swap) for name in by)}" for side, by, swap in sides)


def _sentence(one: RunFlip) -> str:
    images = plural(one.images, f"{ROLES[one.role]} image")
    return (
        f"Whether `{one.a}` or `{one.b}` is ahead depends on the measure: on {images} "
        f"{flip_words(f'`{one.a}`', f'`{one.b}`', one.measures, one.flip)}."
    )


def _by(name: str, one: MeasureDifference, swap: bool) -> str:
    """Accuracy, 97.1 % against 95.0 %: 2.1 points (1.2 to 3.1). Of the side that is ahead first."""
    mine, other, value, low, high = one.a, one.b, one.value, one.low, one.high
    if swap:
        mine, other, value = other, mine, -value
        low, high = (None if end is None else -end for end in (one.high, one.low))
    shares = is_percentage(name)
    write, limits = (percent, points_limits) if shares else (loss, loss_limits)
    difference = points(value) if shares else loss(value)
    interval = "" if low is None or high is None else f" ({limits(low, high)})"
    return f"{key_words(name)}, {write(mine)} against {write(other)}: {difference}{interval}"
