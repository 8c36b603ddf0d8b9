"""Protects what the bench says of a frozen network: which seconds are compared, beside which target."""

from __future__ import annotations

from pathlib import Path

import backbone
import numpy as np
from needs import needs

OURS = {"training_seconds": 20.0, "head_seconds": 2.0, "whole_seconds": 25.0}
KERAS = {"epoch_seconds": 44.0, "features_seconds": 24.0, "head_seconds": 8.0, "tool": "Keras"}


def test_all_epochs_of_keras_are_compared_with_one_reading_of_ours() -> None:
    ours, fit, cached = backbone.lines(10_000, OURS, KERAS)
    assert "20 s, 18 s of them features (target for 10,000: under 30 s); 25 s with data and report" in ours
    assert "`fit` through the frozen network: 440 s, 22.0 times as long (target 20)" in fit
    assert "features once: 32 s, 1.60 times as long (target 1.5)" in cached


def test_without_keras_there_is_one_line() -> None:
    assert len(backbone.lines(100, OURS, None)) == 1


@needs("fashion-mnist")
def test_images_are_those_of_fashion_mnist(tmp_path: Path) -> None:
    with np.load(backbone.write_images(tmp_path, 50, None)) as arrays:
        assert arrays["x_train"].shape == (50 + backbone.HELD_OUT, 28, 28)
        assert arrays["x_train"].dtype == np.uint8 and arrays["y_train"].max() == 9
