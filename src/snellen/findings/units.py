"""What the hidden units of the analysed models respond to."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.findings.finding import Facts, Finding


def hidden_units(facts: Facts) -> Iterator[Finding]:
    """SNL016: of the units of each model, how many respond to classes and are needed; the chosen model first."""
    found = {one: outcome.facts for one, outcome in facts.outcomes.items() if "in_short" in outcome.facts}
    if not found:
        return
    first = sorted(found, key=lambda one: one.model != facts.evaluation.chosen)
    about = found[first[0]]
    yield Finding(
        "SNL016",
        "result",
        f"What hidden units respond to (an AUC above {about['selective_area']:.2f} on {about['images']:,} "
        f"{about['role']} images): {'; '.join(found[one]['in_short'] for one in first)}.",
        {one.title: found[one]["counts"] for one in first},
        "analyses",
    )
