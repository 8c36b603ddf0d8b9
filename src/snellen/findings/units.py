"""The finding about hidden units: what they respond to, and whether they are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import analysed_only
from snellen.phrases import listing

NAMED = 2
"""Models whose units are described in the sentence; the others have a page."""

MANY = 0.5
"""From this share of dead units on it is a warning."""


def hidden_units(facts: Facts) -> Iterator[Finding]:
    """SNL016: how many units of each analysed model respond to classes and are needed; the chosen model first."""
    facts_by_analysis = {one: outcome.facts for one, outcome in facts.outcomes.items() if "in_short" in outcome.facts}
    if not facts_by_analysis:
        return
    first = sorted(facts_by_analysis, key=lambda one: one.model != facts.evaluation.chosen)
    about = facts_by_analysis[first[0]]
    unit_facts = [facts_by_analysis[one] for one in first]
    yield Finding(
        "SNL016",
        "result",
        f"What hidden units respond to (an AUC above {about['selective_area']:.2f} on {about['images']:,} "
        f"{about['role']} images): {_in_short(unit_facts)}.{_no_evidence(unit_facts[:NAMED])}"
        f"{analysed_only(facts, [one.model for one in first])}",
        {one.title: facts_by_analysis[one]["counts"] for one in first},
        "analyses",
    )


def _in_short(about: Sequence[Mapping[str, Any]]) -> str:
    """The units of the first models, and which other models have a page."""
    counts, named = Counter(each["model"] for each in about), about[:NAMED]
    sentences = "; ".join(_of_layer(each, counts) for each in named)
    others = [f"`{name}`" for name in counts if name not in {each["model"] for each in named}]
    pages = "a page of their own" if len(others) == 1 else "pages of their own"
    return f"{sentences}. The units of {listing(others)} have {pages}" if others else sentences


def _of_layer(about: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """In short, with the layer where several of the model were analysed."""
    layer = f"in layer `{about['layer']}`, " if counts[about["model"]] > 1 else ""
    return f"{layer}{about['in_short']}"


def _no_evidence(about: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on what is not shown where removing a unit made no measurable difference."""
    silent = any(not each["counts"]["needed"] for each in about)
    return " That none was measured is no evidence that single units do nothing." if silent else ""


def dead_units(facts: Facts) -> Iterator[Finding]:
    """SNL128: hidden units that give every image the same value, by the analysis `units`; of the chosen model first."""
    known = {one: outcome.facts for one, outcome in facts.outcomes.items() if "in_short" in outcome.facts}
    for one in sorted(known, key=lambda each: each.model != facts.evaluation.chosen):
        about = known[one]
        dead, units = about["counts"]["dead"], about["units"]
        if dead:
            yield Finding(
                "SNL128",
                "warning" if dead >= MANY * units else "notice",
                f"{dead:,} of the {units:,} {about['noun']}s of `{about['layer']}` in `{about['model']}` "
                f"{'is' if dead == 1 else 'are'} dead: the value is the same for all of "
                f"{about['train_images'] + about['images']:,} images. A dead {about['noun']} costs time and memory, "
                f"and tells nothing.{analysed_only(facts, [about['model']])}",
                {"model": about["model"], "layer": about["layer"], "dead": dead, "units": units},
                "analyses",
                "Try a smaller learning_rate, `leaky_relu` in place of `relu`, or fewer units.",
            )
