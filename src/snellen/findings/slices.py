"""Findings of the analyses `answers` and `errors`: what a model looks at, and kinds of images it is weaker on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from snellen.explain.answers.foreground_sensitivity import differs, sensitivity_sentence
from snellen.explain.errors.facts import ErrorsFacts, WeakSliceJson
from snellen.explain.errors.words import weak_sentence
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import analysed_only

CLEARLY = 0.02
"""A weakness is a warning where its whole interval is beyond 2 points, else a notice."""


def what_it_looks_at(facts: Facts) -> Iterator[Finding]:
    """SNL017: of the chosen model, where its sensitivity to figures differs from its sensitivity to all pixels."""
    for one, outcome in facts.outcomes.items():
        sensitivity = outcome.facts.get("looks") if one.options.name == "answers" else None
        if one.model == facts.evaluation.chosen and sensitivity and differs(sensitivity):
            values = {"model": one.model, **sensitivity}
            sentence = sensitivity_sentence(one.model, sensitivity) + analysed_only(facts, [one.model])
            yield Finding("SNL017", "result", sentence, values, "analyses")
            return


def weak_slice(facts: Facts) -> Iterator[Finding]:
    """SNL116: the clearest slice on which the chosen model is weaker than its mix of classes explains."""
    for one, outcome in facts.outcomes.items():
        weak = cast(ErrorsFacts, outcome.facts)["weak"] if one.options.name == "errors" else []
        own = [each for each in weak if each["model"] == facts.evaluation.chosen and each["within"]]
        if own:
            yield _finding(facts, min(own, key=lambda each: each["difference"]["high"]), len(own))
            return


def _finding(facts: Facts, weak: WeakSliceJson, count: int) -> Finding:
    others = (
        f" {count - 1} other kinds of images are too." if count > 2 else " Another kind is too." if count == 2 else ""
    )
    return Finding(
        "SNL116",
        "warning" if weak["difference"]["high"] < -CLEARLY else "notice",
        weak_sentence(weak) + others + analysed_only(facts, [weak["model"]]),
        {
            "model": weak["model"],
            "name": weak["name"],
            "inside": weak["inside"],
            "outside": weak["outside"],
            "difference": weak["difference"],
            "adjusted_p": weak["adjusted_p"],
            "by_classes": weak["by_classes"],
        },
        "analyses",
        "Look at these images on the page `errors`.",
    )
