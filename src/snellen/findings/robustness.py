"""Findings of the analysis `robustness`: how much accuracy corrupted images cost, and which corruption costs most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from snellen.explain.robustness.facts import RobustModelJson, RobustnessFacts
from snellen.explain.robustness.words import brittle_sentence, drop_sentence, trained_with, worst_first
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import analysed_only


def mean_drop(facts: Facts) -> Iterator[Finding]:
    """SNL019: the accuracy that the chosen model loses on average over all corruptions."""
    for about, model in _chosen(facts):
        sentence = " ".join(filter(None, [drop_sentence(about, model), trained_with(model)]))
        values = {"model": model["model"], "role": model["role"], "clean": model["clean"], "drop": model["drop"]}
        only = analysed_only(facts, [model["model"]])
        yield Finding("SNL019", "result", sentence + only, values, "analyses")


def brittle(facts: Facts) -> Iterator[Finding]:
    """SNL120: the chosen model loses more under one corruption than under the others, beyond the margin."""
    for about, model in _chosen(facts):
        found = worst_first(model)
        if found:
            yield Finding(
                "SNL120",
                "notice",
                brittle_sentence(about, model, found) + analysed_only(facts, [model["model"]]),
                {"model": model["model"], "corruptions": {one["name"]: one["beyond"] for one in found}},
                "analyses",
                "Look at them on the page `robustness`. Where such images will come, train with them: `augment`.",
            )


def _chosen(facts: Facts) -> Iterator[tuple[RobustnessFacts, RobustModelJson]]:
    """The chosen model in the first analysis that has it."""
    for one, outcome in facts.outcomes.items():
        if one.options.name == "robustness":
            about = cast(RobustnessFacts, outcome.facts)
            own = [model for model in about["models"] if model["model"] == facts.evaluation.chosen]
            if own:
                yield about, own[0]
                return
