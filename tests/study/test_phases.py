"""What `continue` of a training phase may be, and which jobs it makes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from snellen.study.schema import Model


def model(*train: dict[str, Any], layers: Any = "linear") -> Model:
    return Model.model_validate({"layers": layers, "train": list(train)})


def test_a_phase_goes_on_from_kept_weights_unless_it_says_otherwise() -> None:
    found = model({"epochs": 2}, {"epochs": 3}, {"epochs": 4, "continue": "last"})
    assert [phase.continue_ for phase in found.train] == ["kept", "kept", "last"]
    assert [phase["continue"] for phase in found.model_dump(mode="json")["train"]] == ["kept", "kept", "last"]
    assert Model.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([{"continue": "last"}], "first phase has none before it"),
        ([{"continue": "last"}, {}], "first phase has none before it"),
        ([{}, {"continue": "last", "optimizer": "sgd"}], "train.1.continue.*another optimizer|another optimizer"),
        ([{}, {}, {"continue": "last", "optimizer": {"adam": {"beta_1": 0.8}}}], "another optimizer"),
        ([{}, {"continue": "first"}], "'kept' or 'last'"),
    ],
)
def test_what_cannot_go_on_is_refused(train: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model(*train)


def test_a_part_of_a_backbone_that_was_frozen_has_no_state_to_go_on_with() -> None:
    layers = [{"backbone": {"name": "vgg16"}}, "flatten"]
    with pytest.raises(ValidationError, match="none of weights that were frozen"):
        model({}, {"continue": "last", "unfreeze": "block5"}, layers=layers)


def test_another_learning_rate_and_batch_size_go_on() -> None:
    assert model({}, {"continue": "last", "learning_rate": 1e-4, "batch_size": 64, "augment": ["flip"]})
