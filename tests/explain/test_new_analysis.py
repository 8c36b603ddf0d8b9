"""Protects the two places of a new analysis: its folder in explain/, and its options in the registry of the study.

With these alone a study plans it, runs it, stores its result and draws a page of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

OPTIONS_AND_REGISTRY = """
import sys, types
from typing import Literal
import polars as pl
import snellen.study.analyses as registry
from snellen.models.named import one_of

class Confidence(registry.Analysis):
    kind: Literal["confidence"] = "confidence"
    role: str = "validation"

registry.ANALYSES["confidence"] = Confidence
registry.AnyAnalysis = one_of(registry.ANALYSES, "analysis")
"""
FOLDER = """
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.method import Method

def make(model, options):
    values = model.predictions[options.role].probabilities.max(1)
    sentence = f"`{model.name}` is {100 * values.mean():.1f} % sure on average."
    return AnalysisResult({"sentences": [sentence]}, {"confidence": pl.DataFrame({"confidence": values})})

module = types.ModuleType("snellen.explain.confidence.analysis")
module.METHOD = Method("model", make)
sys.modules["snellen.explain.confidence"] = types.ModuleType("snellen.explain.confidence")
sys.modules[module.__name__] = module
"""
STUDY = """
import snellen
study = snellen.Study("new", data="digits", split={"test": 200, "validation": 200, "seed": 1}, models={
    "linear": {"layers": "linear"}}, train={"epochs": 1}, analyses=["confidence"])
study.run(out=sys.argv[1], device="cpu", threads=1, progress=False)
"""


def test_a_new_analysis_is_its_folder_and_its_options(tmp_path: Path) -> None:
    script = OPTIONS_AND_REGISTRY + FOLDER + STUDY
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=True, timeout=300, cwd=tmp_path)
    [shown] = json.loads((tmp_path / "run/report.json").read_text("utf-8"))["analyses"]
    assert shown["title"] == "confidence of linear" and "sure on average" in shown["sentences"][0]
    page = (tmp_path / "run" / shown["page"]).read_text("utf-8")
    assert "sure on average" in page and page.count("<tr>") == 201
    assert len(list((tmp_path / "run/analyses").glob("*/confidence-*/confidence.parquet"))) == 1
