"""The section of a run that commits faults on purpose: which, and what they do to the numbers."""

from __future__ import annotations

from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.faulty_numbers import FaultyNumber, faulty_numbers
from snellen.evaluate.record import RunRecord
from snellen.report.sections.estimates import estimate_json
from snellen.report.types import FaultyNumberJson, OnPurposeJson
from snellen.study.on_purpose import FAULTS, warning


def on_purpose_section(record: RunRecord, evaluation: Evaluation) -> OnPurposeJson | None:
    """None for a study without faults."""
    faults = record.study.on_purpose
    if not faults:
        return None
    return {
        "warning": warning(faults),
        "faults": [{"fault": fault, "what": FAULTS[fault]} for fault in faults],
        "numbers": [_number(each) for each in faulty_numbers(record, evaluation)],
    }


def _number(one: FaultyNumber) -> FaultyNumberJson:
    return {
        "fault": one.fault,
        "model": one.model,
        "faulty_of": one.faulty_of,
        "faulty": estimate_json(one.faulty) if one.faulty else None,
        "honest_of": one.honest_of,
        "honest": estimate_json(one.honest) if one.honest else None,
    }
