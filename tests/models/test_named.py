"""Protects the ids of jobs that are stored: an argument added later does not change them, at any depth."""

from __future__ import annotations

from typing import Any

import pytest

from snellen.models.build import parse_layers
from snellen.models.named import identity_of

RELU: dict[str, dict[str, Any]] = {"relu": {}}
CONV = {
    "conv": {
        **{"filters": 2, "kernel": 3, "strides": 1, "padding": "valid"},
        **{"activation": "linear", "use_bias": True, "initializer": "glorot_uniform"},
    }
}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"skip": ["relu"]}, {"skip": {"layers": [RELU]}}),
        ({"skip": [{"skip": ["relu"]}]}, {"skip": {"layers": [{"skip": {"layers": [RELU]}}]}}),
        (
            {"skip": {"layers": ["relu"], "shortcut": [{"skip": ["relu"]}]}},
            {"skip": {"layers": [RELU], "shortcut": [{"skip": {"layers": [RELU]}}]}},
        ),
        ({"zero_pad": [[0, 1], [2, 3]]}, {"zero_pad": {"padding": [[0, 1], [2, 3]]}}),
        ({"conv": {"filters": 2, "kernel": 3}}, CONV),
        ({"conv": {"filters": 2, "kernel": [3, 3], "strides": [1, 1], "dilation": [1, 1], "groups": 1}}, CONV),
        ({"max_pool": 3}, {"max_pool": {"size": 3, "strides": None, "padding": "valid"}}),
    ],
)
def test_values_that_are_as_before_the_argument_are_left_out(written: Any, expected: Any) -> None:
    (layer,) = parse_layers([written])
    assert identity_of(layer) == expected
