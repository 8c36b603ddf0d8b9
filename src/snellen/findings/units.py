"""What the hidden units of the analysed models respond to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snellen.explain.phrases import listing
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import only

TOLD = 2
"""Models whose units are told in the sentence; of others it says where to read."""


def hidden_units(facts: Facts) -> Iterator[Finding]:
    """SNL016: of the units of each model, how many respond to classes and are needed; the chosen model first.

    Of more than a few models the sentence names those whose pages tell the same.
    """
    found = {one: outcome.facts for one, outcome in facts.outcomes.items() if "in_short" in outcome.facts}
    if not found:
        return
    first = sorted(found, key=lambda one: one.model != facts.evaluation.chosen)
    about = found[first[0]]
    told = [found[one] for one in first]
    yield Finding(
        "SNL016",
        "result",
        f"What hidden units respond to (an AUC above {about['selective_area']:.2f} on {about['images']:,} "
        f"{about['role']} images): {_in_short(told)}.{_no_evidence(told[:TOLD])}"
        f"{only(facts, [one.model for one in first])}",
        {one.title: found[one]["counts"] for one in first},
        "analyses",
    )


def _in_short(about: Sequence[Mapping[str, Any]]) -> str:
    """What the first models' units respond to, and which other models have a page."""
    told = "; ".join(each["in_short"] for each in about[:TOLD])
    others = [f"`{each['model']}`" for each in about[TOLD:]]
    pages = "a page of its own" if len(others) == 1 else "pages of their own"
    return f"{told}. The units of {listing(others)} have {pages}" if others else told


def _no_evidence(about: Sequence[Mapping[str, Any]]) -> str:
    """What is not shown where silencing made no measurable difference."""
    silent = any(not each["counts"]["needed"] for each in about)
    return " That none was measured is no evidence that single units do nothing." if silent else ""
