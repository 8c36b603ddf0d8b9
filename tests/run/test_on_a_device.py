"""Protects `--device`: a whole run - searches, folds, phases, analyses, report - with its images on another device
gives what it gives on the CPU, and so does a prediction. The device only pretends, but no tensor of it meets one of the
host by mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pretend_device import DEVICE, PretendDevice
from runs import SEARCH, facts_of, small_study

SEARCHING: dict[str, Any] = {
    "models": {
        "searched": {**SEARCH, "search": {"method": "halving", "factor": 2}},
        "conv": {
            "layers": [{"conv": {"filters": 4, "kernel": 3, "strides": 2}}, "batch_norm", "relu", "flatten"],
            "train": [{"epochs": 1}, {"epochs": 1, "optimizer": "sgd"}],
        },
    },
    "analyses": [{"units": {"models": ["conv"]}}, {"answers": {"models": ["conv"], "images": 2, "cells": 1}}],
    "open_test": "chosen",
}
FOLDED: dict[str, Any] = {"models": {"plain": {"layers": ["flatten", {"dense": 8}]}}, "folds": 2}


@pytest.mark.parametrize("sections", [SEARCHING, FOLDED], ids=["searching", "folded"])
def test_a_run_on_a_device_is_the_run_on_the_cpu(tmp_path: Path, sections: dict[str, Any]) -> None:
    plain = {**sections, "analyses": []}
    small_study(**plain).run(out=tmp_path / "cpu", device="cpu", threads=1, progress=False)
    with PretendDevice().in_use():
        small_study(**sections).run(out=tmp_path / "device", device=DEVICE, threads=1, progress=False)
    expected, found = (facts_of(tmp_path / name) for name in ("cpu", "device"))
    assert found.evaluation.ranked == expected.evaluation.ranked
    assert len(found.outcomes) == len(sections.get("analyses", []))
    measured = [facts.evaluation.scores.filter(pl.col("class").is_null()) for facts in (found, expected)]
    assert measured[0]["measure"].to_list() == measured[1]["measure"].to_list()
    # rounding decides about an image here and there: one of 60 of its class
    ours, theirs = (each["value"].to_numpy() for each in measured)
    np.testing.assert_allclose(ours, theirs, rtol=0.01, atol=0.03)


def test_a_model_predicts_on_a_device(tmp_path: Path) -> None:
    model = small_study(**FOLDED).run(out=tmp_path / "run", device="cpu", threads=1, progress=False).model()
    images = np.random.default_rng(0).uniform(0, 16, (300, 8, 8, 1)).astype(np.float32)
    with PretendDevice().in_use() as device:
        found = model.on(DEVICE).probabilities(images)
    assert device.waits["a copy from the device"] == 1, "all answers come back at once"
    np.testing.assert_allclose(found, model.probabilities(images), atol=1e-6)
