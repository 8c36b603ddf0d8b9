"""Protects matched pairs: one key is one key, whatever its value; two are two."""

from __future__ import annotations

from typing import Any

import pytest

from snellen.study.differences import differences
from snellen.study.document import open_document
from snellen.study.schema import Model

BASE: dict[str, Any] = {"layers": ["flatten", {"dense": {"units": 16}}], "train": {"optimizer": "adam"}}


def model(**changes: Any) -> Model:
    return Model.model_validate({**BASE, **changes})


@pytest.mark.parametrize(
    ("changes", "path", "factor", "keeps_steps"),
    [
        ({"train": {"optimizer": "adam", "augment": [{"shift": 0.1}]}}, "train.augment", "the augmentation", True),
        ({"layers": ["flatten", {"dense": {"units": 8}}]}, "layers.1.dense.units", "`layers.1.dense.units`", True),
        ({"layers": ["flatten", {"dense": {"units": 16}}, {"dropout": 0.2}]}, "layers", "the layer `dropout`", True),
        ({"layers": [{"max_pool": 2}, "flatten", {"dense": {"units": 16}}]}, "layers", "the layer `max_pool`", True),
        ({"features": [{"pca": 0.9}]}, "features", "the step `pca`", True),
        ({"train": {"optimizer": "adam", "learning_rate": 0.1}}, "train.learning_rate", "the learning rate", True),
        ({"train": {"optimizer": "adam", "epochs": 3}}, "train.epochs", "`train.epochs`", False),
        ({"train": {"optimizer": "adam", "patience": 3}}, "train.patience", "`train.patience`", False),
        ({"train": {"optimizer": "adam", "batch_size": 8}}, "train.batch_size", "`train.batch_size`", False),
    ],
)
def test_one_key(changes: dict[str, Any], path: str, factor: str, keeps_steps: bool) -> None:
    for pair in ((model(), model(**changes)), (model(**changes), model())):
        [found] = differences(*pair)
        assert (found.path, found.factor, found.keeps_steps) == (path, factor, keeps_steps)


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": ["flatten", {"dense": {"units": 8}}, {"dropout": 0.2}]},
        {"layers": ["flatten", {"dense": {"units": 16}}, {"dropout": 0.2}, {"dense": {"units": 8}}]},
        {"layers": ["flatten", {"dense": {"units": 8, "activation": "relu"}}]},
        {"train": {"optimizer": "sgd"}},  # whose own learning rate is another
        {"train": {"optimizer": "adam", "epochs": 3, "learning_rate": 0.1}},
    ],
)
def test_several_keys(changes: dict[str, Any]) -> None:
    assert len(differences(model(), model(**changes))) > 1


def test_equal_models_differ_in_nothing_and_searches_do_not_count() -> None:
    searched = {"layers": ["flatten", {"dense": {"units": {"choice": [16, 8]}}}], "search": "grid"}
    assert differences(model(), model()) == [] == differences(model(), model(**searched))


def test_the_shipped_pair_is_matched() -> None:
    models = open_document("cifar10-cnn").study([]).models
    [found] = differences(models["with-augmentation"], models["plain"])
    assert (found.path, found.factor) == ("train.1.augment", "the augmentation")


def test_patience_of_a_schedule_keeps_the_steps() -> None:
    pair = [model(train={"schedule": {"reduce_on_plateau": {"patience": each}}}) for each in (3, 5)]
    [found] = differences(*pair)
    assert found.path == "train.schedule.reduce_on_plateau.patience" and found.keeps_steps
    pair = [model(train={"patience": 3, "min_delta": each}) for each in (0.0, 0.1)]
    [found] = differences(*pair)
    assert found.path == "train.min_delta" and not found.keeps_steps
