"""Protects the appendix: posteriors over folds stand there, as they are stored, and decide nothing."""

from __future__ import annotations

import json
from typing import Any

import html5lib
import numpy as np
import pytest
from runs import facts_of
from scipy.stats import t

from snellen.api import Run


def section(run: Run) -> Any:
    tree = html5lib.parse(run.report.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    return tree.find(".//section[@id='appendix']")


def test_every_pair_over_folds_has_its_posterior(folds_run: Run) -> None:
    stored = json.loads((folds_run.folder / "report.json").read_text(encoding="utf-8"))["posteriors"]
    facts = facts_of(folds_run.folder)
    [one] = stored["pairs"]
    a, b = (facts.evaluation.folds[name] for name in (one["a"], one["b"]))
    d = np.array(a.by_split) - np.array(b.by_split)
    law = t(len(d) - 1, d.mean(), np.sqrt((1 / len(d) + a.num_held_out / a.num_train) * d.var(ddof=1)))
    assert stored["margin"] == facts.evaluation.comparisons.margin > 0
    assert (one["better"], one["worse"]) == pytest.approx((law.sf(stored["margin"]), law.cdf(-stored["margin"])))
    shown = " ".join("".join(section(folds_run).itertext()).split())
    for share in (one["better"], one["equivalent"], one["worse"]):
        assert f"{100 * share:.1f} %" in shown
    assert "no second road" in shown and one["a"] in shown


def test_it_says_nothing_among_the_findings(folds_run: Run) -> None:
    findings = json.loads((folds_run.folder / "findings.json").read_text(encoding="utf-8"))
    assert "Bayesian" not in json.dumps(findings) and "posterior" not in json.dumps(findings)


def test_without_folds_there_is_no_appendix(small_run: Run) -> None:
    assert json.loads((small_run.folder / "report.json").read_text(encoding="utf-8"))["posteriors"] is None
    assert section(small_run) is None
