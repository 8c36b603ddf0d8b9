"""What the findings of a report advise, all together: of two things that exclude each other, one is advised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from snellen.findings.finding import Ask, Finding, Step

ALL = ""
"""Stands for all models, in an advice that names none."""

RULES_OUT: Mapping[Ask, frozenset[Ask]] = {
    # over-fitting is measured on the losses of the epochs that more epochs would only repeat
    "stop earlier": frozenset({"longer", "larger"}),
    # a comparison at equal steps is what the study is about; patience only saves time
    "equal steps": frozenset({"stop earlier"}),
    "regularise": frozenset({"longer", "larger"}),
    "larger": frozenset({"smaller", "smallest"}),
    # what still improves is not judged yet, by its size least of all
    "longer": frozenset({"smaller", "smallest", "open the test"}),
    "tune": frozenset({"smallest", "open the test"}),
    "search on": frozenset({"smallest", "open the test"}),
    "seeds": frozenset({"smallest", "open the test"}),
}
"""What is not advised of a model beside each of these. Of each pair that exclude each other one rules out the other,
and no chain of them leads back to its beginning."""

BY_CODE: Mapping[str, Ask] = {"SNL005": "seeds", "SNL112": "search on", "SNL114": "tune"}
"""What the advice of findings asks for that have one text whatever they found."""
LARGEST = "the largest of"
"""In the sentence of SNL111: at which end of its range the best value is."""
SIZES = ("units", "filters", "depth", "width", "layers")
"""Last words of the paths of `--set` that say how large a network is."""


NEXT = "SNL015"
"""The finding that says what to do next: the first of its steps that the others leave."""


def composed(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with their advice: the steps that no step of another finding about the same model rules out.

    A step that is itself ruled out rules out nothing. What to do next is chosen last, and yields to all others.
    """
    wanted = [
        (subject, step.ask)
        for each in findings
        if each.code != NEXT
        for subject in subjects(each)
        for step in steps_of(each)
    ]
    return [_with_advice(each, wanted) for each in findings]


def allowed(ask: Ask, models: Sequence[str], wanted: Sequence[tuple[str, Ask]]) -> bool:
    """Whether something may be advised of models (ALL: of every one) beside what is wanted of models."""
    about = [other for model, other in wanted if ALL in (model, *models) or model in models]
    return not any(ask in RULES_OUT.get(other, ()) and _stands(other, about) for other in about)


def _stands(ask: Ask, about: Sequence[Ask]) -> bool:
    """Whether an ask is not itself ruled out by one that stands."""
    return not any(ask in RULES_OUT.get(other, ()) and _stands(other, about) for other in about)


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


def _edge(finding: Finding) -> Ask:
    """What it means to search beyond the end of a range: more or less of what the network is made of, or longer."""
    named = str(finding.values.get("path", "")).rpartition(".")[2]
    upwards = LARGEST in finding.sentence
    if named == "epochs":
        return "longer" if upwards else "stop earlier"
    if named in SIZES:
        return "larger" if upwards else "smaller"
    return "search on"


def _with_advice(finding: Finding, wanted: Sequence[tuple[str, Ask]]) -> Finding:
    steps = steps_of(finding)
    if not steps:
        return finding
    kept = tuple(step for step in steps if allowed(step.ask, subjects(finding), wanted))
    if finding.code == NEXT:
        return replace(finding, sentence=f"What to do next: {kept[0].text}", steps=kept[:1])
    return replace(finding, advice=" ".join(step.text for step in kept) or None, steps=kept)
