"""Protects the drawn pixels: they are the ones that the model sees, with the importances that chose them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.feature_selection import f_classif

import snellen
from snellen.api import Run, Study


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    digits = load_digits()
    data = snellen.from_arrays(digits.images.astype(np.uint8), digits.target, pixel_range=(0, 16))
    models = {
        "pixels": {"features": [{"top_pixels": {"count": 7, "by": "anova"}}], "layers": ["flatten"]},
        "all": {"layers": ["flatten"]},
    }
    study = Study("pixels", data=data, models=models, train={"epochs": 1})
    return study.run(out=tmp_path_factory.mktemp("pixels") / "run", progress=False)


def test_the_map_is_that_of_the_training_rows(run: Run) -> None:
    models = {model["name"]: model for model in json.loads((Path(run.folder) / "report.json").read_text())["models"]}
    drawn = models["pixels"]["pixels"]
    digits, train = load_digits(), run.predictions("pixels", "train")
    assert train is not None and train.labels is not None
    values = digits.data[train.rows] / 16
    varying = np.ptp(values, axis=0) > 0
    expected = np.zeros(64)
    expected[varying] = f_classif(values[:, varying], train.labels)[0]
    np.testing.assert_allclose(drawn["importance"], expected / expected.max(), atol=1e-3)
    assert np.flatnonzero(drawn["chosen"]).tolist() == sorted(np.argsort(-expected)[:7].tolist())
    by_class = [values[train.labels == label].mean(0) for label in range(10)]
    np.testing.assert_allclose(drawn["picture"], np.mean(by_class, 0), atol=1e-3)
    assert models["all"]["pixels"] is None


def test_the_page_draws_both_grids(run: Run) -> None:
    page = run.report.read_text(encoding="utf-8")
    assert page.count('<div class="pixel-map ') == 2 and page.count('<i style="--share') == 128
    assert page.count('class="chosen"></i>') == 7
