"""Outcomes of the analysis `maps` without training: digits on PCA maps, as many points as wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.analysis_result import AnalysisResult
from snellen.report.pages.page_inputs import PageInputs
from snellen.study.analyses import Maps

DIGITS = tuple(str(digit) for digit in range(10))
TRUST = {"value": 0.95, "low": 0.94, "high": 0.96}


def map_leaf(
    rows: int = 1_000, pictures: int = 500, classes: tuple[str, ...] = DIGITS, identity: str = "digits:"
) -> PageInputs:
    """A page's worth of `rows` points on two maps; every tenth is answered wrongly."""
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA

    digits = load_digits()
    chosen = np.arange(rows) % len(digits.target)
    noise = np.random.default_rng(0).normal(0, 0.3, (3, rows))
    places = (PCA(3, random_state=0).fit_transform(digits.data)[chosen].T + noise).astype(np.float32)
    labels = digits.target[chosen]
    predicted = np.where(np.arange(rows) % 10 == 0, (labels + 1) % 10, labels)
    points = {
        "row": np.arange(rows) + 7,
        "id": [f"{identity}{row}" for row in range(rows)],
        "label": [classes[label] for label in labels],
        "predicted": [classes[label] for label in predicted],
        "probability": np.linspace(0.2, 1, rows, dtype=np.float32),
        **{f"tsne_{axis}": 3 * each for axis, each in zip("xy", places)},
        **{f"pca_layer_{axis}": each for axis, each in zip("xyz", places)},
        **{f"pixels_{axis}": each.round() / 40 for axis, each in zip("xy", places)},
    }
    drawn = np.sort(np.random.default_rng(1).permutation(rows)[:pictures])
    images = (digits.images[chosen[drawn]] * 15.9).astype(np.uint8)[..., None]
    arrays = {"picture_rows": drawn + 7, "pictures": images}
    return PageInputs(
        _asked(), AnalysisResult(_facts(rows, classes), {"points": pl.DataFrame(points)}, arrays), _content(classes)
    )


def write_page(path: Path, html: str) -> Path:
    """Writes a page and gives its path."""
    path.write_text(html, encoding="utf-8")
    return path


def _asked() -> PlannedAnalysis:
    return PlannedAnalysis("maps", Maps(), "wide")


def _content(classes: tuple[str, ...]) -> Any:
    return {"study": "digits", "snellen": "0.1.0", "data": {"classes": list(classes)}}


def _facts(rows: int, classes: tuple[str, ...]) -> dict[str, Any]:
    how = {"perplexity": 40, "iterations": 500, "threads": 2}
    trust = {"trustworthiness": TRUST, "kept": {"value": 0.3, "low": 0.29, "high": 0.31}}
    pixels = {"pixels": [[1, 2], [3, 4]], "piled": 0.25}
    pair = {"first": 4, "second": 9, "share": 0.02, "low": 0.01, "high": 0.03, "standard_error": 0.005}
    return {
        "model": "wide",
        "layer": "dense_1",
        "width": 128,
        "rows": rows,
        "of_rows": rows,
        "judged": 300,
        "nearest": 10,
        "seed": 0,
        "wrong": rows // 10,
        "told_apart": True,
        "maps": [
            {"name": "pixels", "of": "pixels", "axes": 2, **pixels, **trust},
            {"name": "pca_layer", "of": "dense_1", "axes": 3, "explained": [0.3, 0.2, 0.1], **trust},
            {"name": "tsne", "of": "dense_1", "axes": 2, "settings": how, "seconds": 40.0, **trust},
        ],
        "closest": [pair],
        "sentences": [f"In `dense_1` of `wide`, `{classes[4]}` and `{classes[9]}` lie closest."],
    }
