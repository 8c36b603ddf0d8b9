"""The first screen: what a reader should know before anything else, in at most five short statements."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.findings.finding import Facts, Finding
from snellen.findings.first_screen import comparison, next_step, problems, score, weakness
from snellen.findings.first_screen.statement import Statement

MOST = 5
"""Statements on the first screen."""


def statements(
    facts: Facts, results: Sequence[Finding], others: Sequence[Finding], num_checks: int
) -> tuple[Statement, ...]:
    """The statements of a run. results, others: its findings, the most severe of `others` first. num_checks: rules that
    look for what may be wrong.

    Errors stand before all; then how good, better than what, where it fails, what looks wrong and what to do next. The
    last ones make room for errors.
    """
    broken = problems.errors(others)
    wrong = None if broken else problems.what_looks_wrong(others, facts.evaluation.chosen, num_checks)
    rest = [
        score.how_good(facts),
        comparison.better_than_what(facts, others),
        weakness.where_it_fails(facts, results),
        wrong,
        next_step.what_next(results, wrong),
    ]
    return tuple([*broken, *(one for one in rest if one is not None)][:MOST])
