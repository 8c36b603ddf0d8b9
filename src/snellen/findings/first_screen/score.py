"""The first statement: how good the chosen model is, on the images that tell most, beside guessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.cross_validation import HELD_OUT, held_out
from snellen.evaluate.networks import networks_on
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Facts
from snellen.findings.first_screen.statement import Statement, short
from snellen.phrases import percent, plural

OFTEN_WRONG = 0.95
"""Where even the upper limit of the accuracy is below this, more than 1 answer in 20 is wrong: said to be too many to
use the answers unchecked."""
GUESSING = "majority class"
"""The baseline that always answers the most frequent class of the training images."""


@dataclass(frozen=True)
class Score:
    """The accuracy that the first screen gives. role: test where the model was evaluated there, else held_out with
    folds, else validation. guess: the accuracy of always answering the most frequent class, on the same images."""

    model: str
    role: str
    accuracy: Estimate
    guess: float


def score(facts: Facts) -> Score | None:
    """The accuracy of the chosen model on the images that tell most; None where no training succeeded."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return None
    roles = ("test", HELD_OUT, "validation") if model in evaluation.opened else (HELD_OUT, "validation")
    for role in roles:
        found = evaluation.over_folds(model) if role == HELD_OUT else evaluation.standing(model, role)
        labels = _labels(facts, model, role)
        if found is not None and found.value is not None and labels is not None and len(labels):
            return Score(model, role, found, _guess(facts, role, labels))
    return None


def _labels(facts: Facts, model: str, role: str) -> np.ndarray | None:
    """The labels of the images of a role."""
    if role == HELD_OUT:
        folds = held_out(facts.record, model) if model in facts.evaluation.folds else None
        return folds.pooled().labels if folds is not None else None
    networks = networks_on(facts.record, model, role)
    return networks.labels if networks is not None else None


def _guess(facts: Facts, role: str, labels: np.ndarray) -> float:
    """The accuracy of the baseline on the role; where it was not evaluated there, the share of the largest class."""
    known = facts.evaluation.estimate(baseline_key(GUESSING), role, "accuracy")
    if known is not None and known.value is not None:
        return known.value
    return float(np.bincount(labels).max() / len(labels))


def how_good(facts: Facts) -> Statement:
    """The statement about the score."""
    found = score(facts)
    if found is None:
        return Statement("score", "No training succeeded: there is no model to judge.", ("SNL101",))
    accuracy = found.accuracy
    mean = f", the mean of {accuracy.networks} networks" if accuracy.networks > 1 and found.role != HELD_OUT else ""
    return Statement(
        "score",
        f"`{short(found.model)}` answers {accuracy.in_percent} of {_images(facts, found)} correctly{mean}: "
        f"{_verdict(found)}",
        ("SNL002", "SNL004") if found.role == "test" else ("SNL012",) if found.role == HELD_OUT else ("SNL001",),
        {
            "model": found.model,
            "role": found.role,
            "value": accuracy.value,
            "low": accuracy.low,
            "high": accuracy.high,
            "n": accuracy.n,
            "guess": found.guess,
            "baseline": _best_baseline(facts, found.role),
        },
    )


def _best_baseline(facts: Facts, role: str) -> dict[str, object] | None:
    """The best baseline and its accuracy on the same role, else on validation; None without baselines."""
    best = facts.evaluation.best_baseline
    if best is None:
        return None
    same = facts.evaluation.estimate(baseline_key(best[0]), role, "accuracy")
    accuracy = same or best[1]
    label = facts.record.baseline_results[best[0]].label
    known = {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high}
    return {"name": label, "role": role if same else "validation", **known}


def _images(facts: Facts, found: Score) -> str:
    if found.role == "test":
        return plural(found.accuracy.n, "new image")
    if found.role == HELD_OUT:
        return f"{plural(found.accuracy.n, 'image')} that its fold left out of training"
    return plural(found.accuracy.n, "validation image")


def _verdict(found: Score) -> str:
    """What the number means: beside guessing, in answers, and whether it is too good."""
    value, low, high = found.accuracy.value or 0.0, found.accuracy.low, found.accuracy.high
    guess = f"guessing gives {percent(found.guess)}."
    if low is not None and low <= found.guess:
        return f"not shown to be better than guessing the most frequent class, {percent(found.guess)}."
    if found.role == "validation":
        return f"these images also chose it, so expect less on new ones; {guess}"
    unchecked = ", too many to use unchecked" if high is not None and high < OFTEN_WRONG else ""
    return f"{wrong(1 - value)}{unchecked}; {guess}"


def wrong(share: float) -> str:
    """A share of wrong answers in whole numbers: "about 1 in 50 is wrong", "about 3 in 10 are wrong"."""
    if share <= 0:
        return "none is wrong"
    if share >= 0.095:
        return f"about {round(10 * share)} in 10 {'are' if round(10 * share) > 1 else 'is'} wrong"
    return f"about 1 in {float(f'{1 / share:.2g}'):,.0f} is wrong"
