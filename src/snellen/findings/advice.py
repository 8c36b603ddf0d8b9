"""The advice of all findings together: of two actions that exclude each other, only one is advised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from snellen.findings.finding import Action, Finding, Step

ALL = ""
"""All models, in an advice that names none."""

RULES_OUT: Mapping[Action, frozenset[Action]] = {
    # a comparison at equal steps is what the study is about; patience only saves time
    "equal steps": frozenset({"stop earlier"}),
    # more epochs or a larger network would only over-fit more
    "stop earlier": frozenset({"larger", "longer"}),
    "regularise": frozenset({"larger", "longer"}),
    "larger": frozenset({"smaller", "smallest"}),
    # a network that still improves is not judged yet
    "longer": frozenset({"smaller", "smallest", "evaluate on test"}),
    "tune": frozenset({"smallest", "evaluate on test"}),
    "search on": frozenset({"smallest", "evaluate on test"}),
    "seeds": frozenset({"smallest", "evaluate on test"}),
}
"""The actions that are not advised for the same model beside each of these; they are later in the list of `Action`."""

NEXT = "SNL015"
"""The finding about what to do next: the first of its steps that no other advice rules out."""


def composed(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with their advice: the steps that no other advice about the same model rules out.

    What to do next is chosen last, and excludes none of the others.
    """
    standing: list[tuple[int, Step]] = []
    for action in get_args(Action):
        for place, each in enumerate(findings):
            wanted = [step for step in each.steps if step.action == action and each.code != NEXT]
            others = [step.action for at, step in standing if same_model(each, findings[at])]
            standing += [
                (place, step) for step in wanted if not any(action in RULES_OUT.get(one, ()) for one in others)
            ]
    settled = [
        _with_advice(each, tuple(step for step in each.steps if (place, step) in standing))
        for place, each in enumerate(findings)
    ]
    return [_next(each, settled) if each.code == NEXT else each for each in settled]


def same_model(one: Finding, other: Finding) -> bool:
    """Whether two findings advise on a model that both are about."""
    a, b = subjects(one), subjects(other)
    return ALL in (*a, *b) or not set(a).isdisjoint(b)


def subjects(finding: Finding) -> tuple[str, ...]:
    """The models that the advice of a finding is about."""
    models, model = finding.values.get("models"), finding.values.get("model")
    if isinstance(model, str):
        return (model,)
    return tuple(models) if isinstance(models, (list, tuple)) else (ALL,)


def _with_advice(finding: Finding, kept: tuple[Step, ...]) -> Finding:
    if finding.code == NEXT or not finding.steps:
        return finding
    return replace(finding, advice=" ".join(step.text for step in kept) or None, steps=kept)


def _next(finding: Finding, settled: Sequence[Finding]) -> Finding:
    """The first of its steps that neither excludes an advice nor is excluded by one."""
    others = [step.action for each in settled if each.code != NEXT and same_model(finding, each) for step in each.steps]
    step = next(step for step in finding.steps if not any(_exclude(step.action, other) for other in others))
    return replace(finding, sentence=f"What to do next: {step.text}", steps=(step,))


def _exclude(one: Action, other: Action) -> bool:
    return other in RULES_OUT.get(one, ()) or one in RULES_OUT.get(other, ())
