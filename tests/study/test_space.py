"""Protects values to search and the space they make: what is live, in which order, how many, and what fills it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from snellen.errors import StudyError
from snellen.study.space import Space, read_tree
from snellen.study.values import Choice, Range, Scalar, Value, read_value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"choice": [128, 256]}, Choice((128, 256), (128, 256))),
        ({"choice": ["adam", None, 0.5]}, Choice(("adam", None, 0.5), ("adam", None, 0.5))),
        ({"choice": [{"sgd": {}}, "adam"]}, Choice(("sgd", "adam"), ({"sgd": {}}, "adam"))),
        ({"choice": [[], ["relu"]]}, Choice(("option 1", "option 2"), ([], ["relu"]))),
        (
            {"choice": [{"sgd": {"momentum": 0.1}}, {"sgd": {"momentum": 0.9}}]},
            Choice(("option 1", "option 2"), ({"sgd": {"momentum": 0.1}}, {"sgd": {"momentum": 0.9}})),
        ),
        ({"log": [1e-4, 1e-2]}, Range(1e-4, 1e-2, None, "log")),
        ({"log": [8, 512]}, Range(8, 512, 1, "log")),
        ({"range": [0.0, 0.5]}, Range(0.0, 0.5, None, "linear")),
        ({"range": [2, 5]}, Range(2, 5, 1, "linear")),
        ({"range": {"low": 0.0, "high": 0.3, "step": 0.1}}, Range(0.0, 0.3, 0.1, "linear")),
        ({"range": {"low": 0, "high": 1}}, Range(0, 1, 1, "linear")),
        ({"dense": 3}, None),
        ("choice", None),
        (["choice"], None),
        ({}, None),
    ],
)
def test_what_is_written_is_read(written: Any, value: Value | None) -> None:
    assert read_value(written) == value


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"choice": []}, "`choice` takes a list of one or more options"),
        ({"choice": 3}, "`choice` takes a list of one or more options; found 3"),
        ({"choice": [1, 2, 1]}, "`choice` has the same option twice; found 1"),
        ({"choice": list(range(1001))}, "too many options; found 1001; expected at most 1000"),
        ({"choice": [1], "log": [1, 2]}, "a value to search stands alone; found the keys 'choice', 'log'"),
        ({"range": [1, 1]}, "`range` needs low below high; found 1 and 1"),
        ({"range": [0.5, 0.1]}, "`range` needs low below high"),
        ({"range": [0, "x"]}, "`range` takes numbers; found 'x'"),
        ({"range": [0, True]}, "`range` takes numbers; found True"),
        ({"range": [0, float("inf")]}, "`range` takes numbers; found inf"),
        ({"range": [1, 2, 3]}, "`range` takes [low, high] or {low:, high:, step:}; found [1, 2, 3]"),
        ({"range": {"low": 1}}, "`range` takes [low, high]"),
        ({"range": {"low": 1, "high": 2, "steps": 1}}, "`range` takes [low, high]"),
        ({"range": {"low": 0.0, "high": 1.0, "step": 0.3}}, "does not lead from low to high"),
        ({"range": {"low": 0, "high": 1, "step": 0}}, "`step` of `range` must be above 0; found 0"),
        ({"log": [0, 1.0]}, "`log` needs numbers above 0; found 0"),
        ({"log": [-1.0, 1.0]}, "`log` needs numbers above 0; found -1.0"),
        ({"log": {"low": 1, "high": 8, "step": 1}}, "`log` has no step"),
    ],
)
def test_values_with_a_mistake(written: Any, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_value(written)
    assert message in str(caught.value)


def test_steps_are_exact_in_decimals() -> None:
    tenths = Range(0.0, 0.5, 0.1, "linear")
    assert [tenths.at(index) for index in range(tenths.count or 0)] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert [tenths.index(number) for number in (0.0, 0.3, 0.5)] == [0, 3, 5]


NESTED: dict[str, Any] = {
    "layers": [
        "flatten",
        {"choice": [[], [{"dropout": {"choice": [0.2, 0.4]}}, "relu"]]},
        {"dense": {"units": {"choice": [8, 16]}}},
    ],
    "train": {
        "optimizer": {"choice": ["adam", {"sgd": {"momentum": {"range": {"low": 0.0, "high": 0.9, "step": 0.9}}}}]}
    },
}
BLOCK, DROP, UNITS = "layers.1", "layers.1.choice.1.0.dropout", "layers.2.dense.units"
OPTIMIZER, MOMENTUM = "train.optimizer", "train.optimizer.choice.1.sgd.momentum"


def test_combinations_are_in_the_order_written_with_the_last_varying_fastest() -> None:
    blocks: list[dict[str, Scalar]] = [{BLOCK: "option 1"}]
    blocks += [{BLOCK: "option 2", DROP: 0.2}, {BLOCK: "option 2", DROP: 0.4}]
    ends: list[dict[str, Scalar]] = [{OPTIMIZER: "adam"}]
    ends += [{OPTIMIZER: "sgd", MOMENTUM: 0.0}, {OPTIMIZER: "sgd", MOMENTUM: 0.9}]
    expected = [{**b, UNITS: u, **e} for b, u, e in itertools.product(blocks, (8, 16), ends)]
    assert [list(found.items()) for found in Space(NESTED).combinations()] == [list(each.items()) for each in expected]
    assert Space(NESTED).count == len(expected) == 18


def test_a_filled_model_is_the_template_with_the_chosen_options() -> None:
    chosen: dict[str, str | float] = {BLOCK: "option 2", DROP: 0.4, UNITS: 16, OPTIMIZER: "sgd", MOMENTUM: 0.9}
    assert Space(NESTED).filled(chosen).model == {
        "layers": ["flatten", {"dropout": 0.4}, "relu", {"dense": {"units": 16}}],
        "train": {"optimizer": {"sgd": {"momentum": 0.9}}},
    }
    assert Space(NESTED).filled({}).model == {
        "layers": ["flatten", {"dense": {"units": 8}}],
        "train": {"optimizer": "adam"},
    }


def test_a_place_in_a_filled_model_is_found_in_the_template() -> None:
    """Items that follow a list of options move; branches of unions, as pydantic reports them, are no places."""
    filling = Space(NESTED).filled({BLOCK: "option 2", OPTIMIZER: "sgd"})
    second, sgd = ("layers", 1, "choice", 1), ("train", "optimizer", "choice", 1, "sgd")
    assert filling.written_at(("layers", 3, "dense", "unit")) == ("layers", 2, "dense", "unit")
    assert filling.written_at(("layers", 3, "dense", "units")) == ("layers", 2, "dense", "units", "choice", 0)
    assert filling.written_at(("layers", 1, "dropout", "rate")) == (*second, 0, "dropout", "choice", 0, "rate")
    assert filling.written_at(("layers", 2, "relu")) == (*second, 1, "relu")
    assert filling.written_at(("train", 0, "optimizer", "sgd", "momentum")) == (*sgd, "momentum")
    assert filling.written_at(("nothing",)) == ("nothing",)


def test_a_walk_asks_only_for_what_is_live() -> None:
    asked: list[str] = []

    def draw(path: str, value: Value) -> Scalar:
        asked.append(path)
        return value.first

    assert Space(NESTED).walk(draw) == {BLOCK: "option 1", UNITS: 8, OPTIMIZER: "adam"}
    assert asked == [BLOCK, UNITS, OPTIMIZER]
    assert list(Space(NESTED).values) == [BLOCK, DROP, UNITS, OPTIMIZER, MOMENTUM]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ({BLOCK: "option 1", UNITS: 8}, "a value is missing; expected train.optimizer"),
        ({BLOCK: "option 1", UNITS: 9, OPTIMIZER: "adam"}, "layers.2.dense.units: no such option; found 9"),
        ({BLOCK: "option 1", UNITS: 8, OPTIMIZER: "adam", MOMENTUM: 0.9}, "no value to set here; found train.opt"),
        ({BLOCK: "option 1", UNITS: 8, OPTIMIZER: "sgd", MOMENTUM: 0.5}, "not in the range; found 0.5"),
        ({BLOCK: "option 1", UNITS: 8, OPTIMIZER: "sgd", MOMENTUM: "x"}, "not in the range; found 'x'"),
        ({BLOCK: "option 1", UNITS: 8, OPTIMIZER: "sgd", MOMENTUM: True}, "not in the range; found True"),
    ],
)
def test_assignments_that_cannot_be(assignment: dict[str, Scalar], message: str) -> None:
    with pytest.raises(StudyError) as caught:
        Space(NESTED).checked(assignment)
    assert message in str(caught.value)


def test_an_assignment_in_any_order_is_put_in_that_of_the_file() -> None:
    shuffled: dict[str, Scalar] = {OPTIMIZER: "adam", UNITS: 16, BLOCK: "option 1"}
    assert list(Space(NESTED).checked(shuffled)) == [BLOCK, UNITS, OPTIMIZER]


def test_a_space_with_a_range_of_numbers_is_endless() -> None:
    space = Space({"a": {"choice": [1, {"log": [0.1, 1.0]}]}})
    assert (space.count, space.endless()) == (None, "a.choice.1")
    with pytest.raises(StudyError, match="no list of combinations"):
        space.combinations()


def test_probes_have_every_option_and_both_ends_once_each() -> None:
    template = {"a": {"choice": [1, {"x": {"range": [0.0, 10.0]}}]}, "b": {"range": [3, 9]}}
    seen = {item for probe in Space(template).probes() for item in probe.items()}
    inside = "a.choice.1.x"
    assert {("a", 1), ("a", "x"), (inside, 0.0), (inside, 10.0), ("b", 3), ("b", 4), ("b", 9)} <= seen
    assert any(path == inside and number not in (0.0, 10.0) and number % 1 for path, number in seen)  # type: ignore


@pytest.mark.parametrize(
    ("train", "most"),
    [
        ({}, 10),
        ({"epochs": 4}, 4),
        ({"epochs": {"choice": [5, 15, 10]}}, 15),
        ({"epochs": {"range": [5, 8]}}, 8),
        ([{"epochs": {"choice": [2, 3]}}, {}], 10),
        ([{}, {"epochs": {"choice": [2, 3]}}], 3),
        ({"choice": [{"epochs": 3}, [{"epochs": 8}, {"epochs": 7}]]}, 7),
    ],
)
def test_the_longest_training_of_a_space(train: Any, most: int) -> None:
    assert Space({"train": train}).most_epochs(10) == most


def test_every_mistake_is_found_and_located() -> None:
    faults: list[Any] = []
    read_tree({"a": {"choice": []}, "b": [{"choice": [1, {"log": [0, 1]}]}]}, (), faults)
    assert [fault.location for fault in faults] == [("a",), ("b", 0, "choice", 1)]


plain = some.one_of(some.integers(-5, 5), some.sampled_from(["relu", "x"]))
trees = some.recursive(
    plain,
    lambda inner: some.one_of(
        some.dictionaries(some.sampled_from(["a", "b", "c"]), inner, max_size=2),
        some.lists(inner, max_size=2),
        some.lists(inner, min_size=1, max_size=3, unique_by=repr).map(lambda options: {"choice": options}),
        some.just({"range": [0, 2]}),
    ),
    max_leaves=8,
)


@given(some.dictionaries(some.sampled_from(["p", "q"]), trees, max_size=2))
def test_all_combinations_differ_and_are_as_many_as_counted(template: dict[str, Any]) -> None:
    faults: list[Any] = []
    read_tree(template, (), faults)
    if faults:
        return
    space = Space(template)
    if (space.count or 0) > 300:
        return
    found = [tuple(each.items()) for each in space.combinations()]
    assert len(set(found)) == len(found) == space.count
    for assignment in found:
        assert space.checked(dict(assignment)) == dict(assignment)
        assert "choice" not in repr(space.filled(dict(assignment)).model)
