"""`acknowledge:` of a study: findings that were looked at, each with the reason why nothing was changed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from snellen.errors import StudyError, unknown
from snellen.study.finding_codes import FINDING_CODES

LONGEST_REASON = 500


def _expect_acknowledgeable(code: str) -> str:
    """The code of a notice or warning. Raises UnknownName for one that no finding has, StudyError for another kind."""
    if code not in FINDING_CODES:
        raise unknown("finding", code, FINDING_CODES)
    if FINDING_CODES[code] == ("error",):
        hint = f"`snellen finding {code}` says what to do."
        raise StudyError("an error cannot be acknowledged: numbers of the report cannot be believed", hint=hint)
    if FINDING_CODES[code] == ("result",):
        raise StudyError("a conclusion, not something to acknowledge", expected="a notice or warning")
    return code


def _expect_reason(reason: str) -> str:
    """The reason, on one line. Raises StudyError where it is empty or too long."""
    words = " ".join(reason.split())
    if not words:
        raise StudyError("a finding is acknowledged with a reason", found=repr(reason), expected="a sentence")
    if len(words) > LONGEST_REASON:
        found, expected = f"{len(words):,} characters", f"at most {LONGEST_REASON}"
        raise StudyError("a reason that is too long", found=found, expected=expected)
    return words


Acknowledged = Annotated[
    dict[
        Annotated[str, AfterValidator(_expect_acknowledgeable)],
        Annotated[str, Field(strict=True), AfterValidator(_expect_reason)],
    ],
    Field(description="findings that were looked at, with the reason why nothing was changed: {SNL110: the reason}"),
]
"""Code of a notice or warning -> reason."""
