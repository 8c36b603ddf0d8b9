"""The first statement: how good the chosen model is, on the images that tell most, beside guessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.cross_validation import HELD_OUT, held_out
from snellen.evaluate.networks import networks_on
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Facts
from snellen.findings.first_screen.statement import Statement, fitted, short
from snellen.phrases import percent, plural

FEW = 3
"""Up to so many wrong answers are counted, not given as a rate."""


GUESSING = "majority class"
"""The baseline that always answers the class most frequent in training."""


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
            return Score(model, role, found, _guess(facts, labels))
    return None


def _labels(facts: Facts, model: str, role: str) -> np.ndarray | None:
    """The labels of the images of a role."""
    if role == HELD_OUT:
        folds = held_out(facts.record, model) if model in facts.evaluation.folds else None
        return folds.pooled().labels if folds is not None else None
    networks = networks_on(facts.record, model, role)
    return networks.labels if networks is not None else None


def _guess(facts: Facts, labels: np.ndarray) -> float:
    """The accuracy of always answering the class that is most frequent in training."""
    counts = [int(row["train"]) for row in facts.record.data["data"]["counts"]]
    return float(np.mean(labels == int(np.argmax(counts))))


def how_good(facts: Facts) -> Statement:
    """The statement about the score."""
    found = score(facts)
    if found is None:
        return Statement("score", "No training succeeded: there is no model to judge.", ("SNL101",))
    accuracy = found.accuracy
    several = accuracy.networks > 1 and found.role != HELD_OUT
    images = _images(facts, found)
    mean = f", on average over {accuracy.networks} trainings" if several else ""
    return Statement(
        "score",
        fitted(
            f"`{short(found.model)}` answers {accuracy.in_percent} of {images} correctly{mean}: {verdict}"
            for verdict in (_verdict(facts, found), _short_verdict(facts, found))
        ),
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
        before = facts.evaluation.openings.ever > facts.evaluation.openings.this_run
        return plural(found.accuracy.n, "reused test image" if before else "new image")
    if found.role == HELD_OUT:
        return f"{plural(found.accuracy.n, 'image')} that its fold left out of training"
    return plural(found.accuracy.n, "validation image")


def _verdict(facts: Facts, found: Score) -> str:
    """What the number means: in wrong answers, beside guessing, and whether it is too good."""
    guess, beside = percent(found.guess), _beside_guessing(facts, found)
    if beside:
        return f"{wrong(found.accuracy)}, and always answering the commonest class, {guess}, {beside}."
    always = f"always answering the commonest class gives {guess}."
    if found.role == "validation":
        return f"they also chose it, so expect less on new ones; {always}"
    return f"{wrong(found.accuracy)}; {always}"


def _beside_guessing(facts: Facts, found: Score) -> str:
    """Whether guessing may be as good, or is better; empty where it is neither. The paired comparison on the same
    images decides where there is one, so that no other statement contradicts it; else the interval."""
    one = facts.evaluation.comparisons.between(found.model, baseline_key(GUESSING), found.role)
    if one is not None and one.is_decided:
        return "is better" if one.verdict.worse else ""
    low = found.accuracy.low
    return "may be as good" if low is not None and low <= found.guess else ""


def _short_verdict(facts: Facts, found: Score) -> str:
    """The same in fewer words, for a score whose origin takes many."""
    guess, beside = percent(found.guess), _beside_guessing(facts, found)
    if beside:
        return f"always answering the commonest class, {guess}, {beside}."
    always = f"always answering the commonest class gives {guess}."
    return f"they chose it, so expect less elsewhere; {always}" if found.role == "validation" else always


def wrong(accuracy: Estimate) -> str:
    """Wrong answers in whole numbers: "2 of 71 were wrong", "about 1 in 50 is wrong", "about 28 in 100 are wrong",
    "all are wrong"."""
    share = 1 - (accuracy.value or 0.0)
    few = round(share * accuracy.n)
    if accuracy.networks == 1 and few <= FEW:
        return f"{few or 'none'} of {accuracy.n:,} {'was' if few <= 1 else 'were'} wrong"
    if share > 0.995:
        return "almost all are wrong" if share < 1 else "all are wrong"
    if share >= 0.1:
        return f"about {round(100 * share)} in 100 are wrong"
    return f"about 1 in {float(f'{1 / share:.2g}'):,.0f} is wrong" if share else "none was wrong"
