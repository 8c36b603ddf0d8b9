"""The registry of rules by finding code, and the findings that they make for a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict

from snellen.explain.analysis_result import reading
from snellen.files import hashes
from snellen.files.atomic import write_json
from snellen.findings import (
    backbones,
    baselines,
    chosen_model,
    class_mix,
    comparisons,
    confidence,
    controls,
    cost,
    data,
    folds,
    images,
    integrity,
    labels,
    mistakes,
    next_steps,
    no_single_factor,
    rank_flips,
    robustness,
    searches,
    slices,
    test_as_validation,
    training,
    units,
    weak_classes,
)
from snellen.findings.advice import composed
from snellen.findings.claims import claim as claim_of
from snellen.findings.finding import WORST_FIRST, Facts, Finding, FindingJson, Rule
from snellen.findings.first_screen import statements
from snellen.findings.first_screen.statement import Statement, StatementJson
from snellen.study.finding_codes import Severity
from snellen.study.on_purpose import warning

RULES: dict[str, Rule] = {
    # which model, how good
    "SNL001": chosen_model.chosen,
    "SNL012": folds.cross_validated,
    "SNL002": chosen_model.test_accuracy,
    "SNL016": units.hidden_units,  # only where a study asks for it: then it is the question
    "SNL003": chosen_model.other_tests,
    "SNL018": confidence.thresholds,
    # how sure
    "SNL009": comparisons.undecided,
    "SNL005": comparisons.no_comparison,
    "SNL013": searches.optimism,
    "SNL004": chosen_model.test_evaluations,
    # better than what
    "SNL010": comparisons.compared,
    "SNL011": comparisons.compared_on_test,
    "SNL014": controls.factors,
    "SNL180": no_single_factor.no_single_factor,
    "SNL008": baselines.best_baseline,
    "SNL170": cost.which_to_use,
    # where it fails, what it looks at, what to do next
    "SNL006": mistakes.worst_confusion,
    "SNL121": weak_classes.weak,
    "SNL007": weak_classes.lowest,  # where no class is weak
    "SNL017": slices.what_it_looks_at,
    "SNL019": robustness.mean_drop,
    "SNL141": labels.reviews_applied,
    "SNL015": next_steps.what_next,
    # what looks wrong
    "SNL101": training.failed_jobs,
    "SNL102": training.under_trained,
    "SNL117": data.reading,
    "SNL103": data.in_official_test,
    "SNL104": data.duplicates,
    "SNL105": data.conflicting_labels,
    "SNL106": data.few_test_images,
    "SNL107": training.one_class_only,
    "SNL108": data.tested_before,
    "SNL109": data.near_duplicates,
    "SNL110": baselines.not_better_than_baseline,
    "SNL111": searches.at_the_edge,
    "SNL112": searches.never_halved,
    "SNL113": controls.no_control,
    "SNL114": folds.disagrees,
    "SNL115": training.over_fitting,
    "SNL116": slices.weak_slice,
    "SNL118": confidence.too_sure,
    "SNL119": confidence.not_exchangeable,
    "SNL120": robustness.brittle,
    "SNL122": mistakes.both_ways,
    "SNL123": class_mix.imbalance,
    "SNL124": images.constant,
    "SNL125": images.repeated_part,
    "SNL126": test_as_validation.test_as_validation,
    "SNL127": class_mix.another_mix,
    "SNL128": units.dead_units,
    "SNL129": baselines.slower_than_baseline,
    "SNL171": cost.slower_than_undecided,
    "SNL130": images.unscaled,
    "SNL131": images.unreadable,
    "SNL160": backbones.skipped,
    "SNL161": backbones.unlike_its_weights,
    "SNL140": labels.suspected,
    "SNL150": rank_flips.depends_on_the_measure,
    # what cannot be believed
    "SNL901": integrity.not_reproduced,
    "SNL902": integrity.changed_files,
    "SNL903": integrity.shared_rows,
    # what cannot be checked
    "SNL904": integrity.not_covered,
    "SNL905": integrity.without_weights,
}
"""Conclusions first, in the order of a reader's questions; then warnings and notices; then problems of stored files."""
OF_ANALYSES = ("SNL016", "SNL017", "SNL019", "SNL116", "SNL120", "SNL128", "SNL140")
"""Rules that read the stored results of analyses: a damaged file raises an error that names the rule."""
LAST_RESULT = "SNL099"
"""Codes up to this are conclusions; those after it look for what may be wrong."""


class FindingsFile(TypedDict):
    """findings.json. statements: the first screen. answer: findings of severity result. findings: the others. claim:
    what may be claimed. not_raised: codes that the study acknowledges, but that this run did not raise."""

    statements: list[StatementJson]
    answer: list[FindingJson]
    findings: list[FindingJson]
    claim: str
    not_raised: NotRequired[list[str]]


@dataclass(frozen=True)
class Judgement:
    """The findings of a run. statements: the first screen. results: findings of severity result, in the order of RULES.
    others: the others, most severe first, those that the study acknowledges last. claim: the paragraph "What you may
    claim". not_raised: codes that the study acknowledges, but that were not raised."""

    statements: tuple[Statement, ...]
    results: tuple[Finding, ...]
    others: tuple[Finding, ...]
    claim: str
    not_raised: tuple[str, ...] = ()

    @property
    def has_errors(self) -> bool:
        """True when any finding has severity error."""
        return any(finding.severity == "error" for finding in self.others)

    def at_least(self, severity: Severity) -> list[str]:
        """The codes of findings that are at least as severe and not acknowledged, each once."""
        open_ones = [one for one in self.others if one.acknowledged is None]
        return list(dict.fromkeys(one.code for one in open_ones if WORST_FIRST[one.severity] <= WORST_FIRST[severity]))

    def as_json(self) -> FindingsFile:
        """The contents of findings.json."""
        stored: FindingsFile = {
            "statements": [statement.as_json() for statement in self.statements],
            "answer": [finding.as_json() for finding in self.results],
            "findings": [finding.as_json() for finding in self.others],
            "claim": self.claim,
        }
        return {**stored, "not_raised": list(self.not_raised)} if self.not_raised else stored


def judge(facts: Facts) -> Judgement:
    """Applies all rules to the stored facts of a run. With any error among the findings, nothing may be claimed."""
    findings = composed([finding for code in RULES for finding in _findings_of_rule(code, facts)])
    results = tuple(finding for finding in findings if finding.severity == "result")
    reasons = facts.record.study.acknowledge
    others = [_acknowledged(finding, reasons) for finding in findings if finding.severity != "result"]
    others.sort(key=lambda each: (each.acknowledged is not None, WORST_FIRST[each.severity]))
    broken = any(finding.severity == "error" for finding in others)
    faults = facts.record.study.on_purpose
    claim = warning(faults) if faults else claim_of(facts)
    claim = "Nothing: see the errors among the findings." if broken else claim
    first = statements(facts, results, others, sum(code > LAST_RESULT for code in RULES))
    raised = {finding.code for finding in others}
    return Judgement(first, results, tuple(others), claim, tuple(code for code in reasons if code not in raised))


def _acknowledged(finding: Finding, reasons: Mapping[str, str]) -> Finding:
    """The finding with the reason that the study gives; an error has none, whatever the study says."""
    return finding if finding.severity == "error" else replace(finding, acknowledged=reasons.get(finding.code))


def _findings_of_rule(code: str, facts: Facts) -> list[Finding]:
    with reading(f"analyses, for {code}") if code in OF_ANALYSES else nullcontext():
        return list(RULES[code](facts))


def save(facts: Facts, judgement: Judgement) -> None:
    """Writes findings.json."""
    path = facts.record.folder / "findings.json"
    with hashes.rewriting(facts.record.folder, [path]):
        write_json(path, judgement.as_json())
