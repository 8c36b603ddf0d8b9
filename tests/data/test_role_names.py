"""Protects which names mean the training, validation or test part of a publisher."""

from __future__ import annotations

import pytest

from snellen.data.readers.role_names import role_of


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("train", "train Train TRAINING training_set train-set trainset tr train_data Training"),
        ("validation", "val valid Validation validation_set dev dev_set PublicTest valset"),
        ("test", "test Testing test_set testset test-data PrivateTest"),
    ],
)
def test_names_of_parts(role: str, names: str) -> None:
    assert {name: role_of(name) for name in names.split()} == dict.fromkeys(names.split(), role)


@pytest.mark.parametrize("name", ["", "set", "data", "eval", "cat", "trains", "tested", "trainer", "0", "valley"])
def test_other_names(name: str) -> None:
    assert role_of(name) is None
