"""The last statement: what to do next, in few words; the finding SNL015 has the whole sentence."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.findings.advice import NEXT
from snellen.findings.finding import Finding
from snellen.findings.first_screen.statement import Statement
from snellen.phrases import capitalised


def what_next(results: Sequence[Finding], wrong: Statement | None) -> Statement | None:
    """The statement about the next step; None where no model was chosen. wrong: that about what looks wrong, which
    comes first where it is a warning."""
    for finding in results:
        if finding.code == NEXT and finding.steps:
            step = finding.steps[0]
            first = wrong is not None and wrong.values.get("severity") == "warning"
            text = f"First see to the warning above; then {step.text}" if first else capitalised(step.text)
            return Statement("next", text, (NEXT,), {"action": step.action})
    return None
