"""What the findings of a report advise, all together: of two things that exclude each other, one is advised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from snellen.findings.finding import Finding, Step, TrialRequest

ALL = ""
"""Stands for all models, in an advice that names none."""

RULES_OUT: Mapping[TrialRequest, frozenset[TrialRequest]] = {
    # a comparison at equal steps is what the study is about; patience only saves time
    "equal steps": frozenset({"stop earlier"}),
    # over-fitting is measured on the very epochs that more of them would only repeat
    "stop earlier": frozenset({"larger", "longer"}),
    "regularise": frozenset({"larger", "longer"}),
    "larger": frozenset({"smaller", "smallest"}),
    # what still improves is not judged yet, by its size least of all
    "longer": frozenset({"smaller", "smallest", "open the test"}),
    "tune": frozenset({"smallest", "open the test"}),
    "search on": frozenset({"smallest", "open the test"}),
    "seeds": frozenset({"smallest", "open the test"}),
}
"""What is not advised of a model beside each of these; all of it stands later in `Ask`."""

BY_CODE: Mapping[str, TrialRequest] = {"SNL005": "seeds", "SNL112": "search on", "SNL114": "tune"}
"""What the advice of findings asks for that have one text whatever they found."""
LARGEST = "the largest of"
"""In the sentence of SNL111: at which end of its range the best value is."""
SIZES = ("units", "filters", "depth", "width", "layers")
"""Last words of the paths of `--set` that say how large a network is."""


NEXT = "SNL015"
"""The finding that says what to do next: the first of its steps that the others leave."""


def composed(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with their advice: the steps that none which stands, of a finding about the same model, rules out.

    What to do next is chosen last, and excludes none of the others.
    """
    standing: list[tuple[int, Step]] = []
    for ask in get_args(TrialRequest):
        for place, each in enumerate(findings):
            wanted = [step for step in steps_of(each) if step.ask == ask and each.code != NEXT]
            others = [step.ask for at, step in standing if same_model(each, findings[at])]
            standing += [(place, step) for step in wanted if not any(ask in RULES_OUT.get(one, ()) for one in others)]
    settled = [
        _with_advice(each, tuple(step for step in steps_of(each) if (place, step) in standing))
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


def steps_of(finding: Finding) -> tuple[Step, ...]:
    """What a finding asks for; of an advice that is one text, what that text asks."""
    if finding.steps or finding.advice is None:
        return finding.steps
    ask = _edge(finding) if finding.code == "SNL111" else BY_CODE.get(finding.code)
    return (Step(ask, finding.advice),) if ask else ()


def _edge(finding: Finding) -> TrialRequest:
    """What it means to search beyond the end of a range: more or less of what the network is made of, or longer."""
    named = str(finding.values.get("path", "")).rpartition(".")[2]
    upwards = LARGEST in finding.sentence
    if named == "epochs":
        return "longer" if upwards else "stop earlier"
    if named in SIZES:
        return "larger" if upwards else "smaller"
    return "search on"


def _with_advice(finding: Finding, kept: tuple[Step, ...]) -> Finding:
    if finding.code == NEXT or not steps_of(finding):
        return finding
    return replace(finding, advice=" ".join(step.text for step in kept) or None, steps=kept)


def _next(finding: Finding, settled: Sequence[Finding]) -> Finding:
    """The first of its steps that excludes nothing that is advised, nor is excluded by it."""
    others = [step.ask for each in settled if each.code != NEXT and same_model(finding, each) for step in each.steps]
    step = next(step for step in finding.steps if not any(_exclude(step.ask, other) for other in others))
    return replace(finding, sentence=f"What to do next: {step.text}", steps=(step,))


def _exclude(one: TrialRequest, other: TrialRequest) -> bool:
    return other in RULES_OUT.get(one, ()) or one in RULES_OUT.get(other, ())
