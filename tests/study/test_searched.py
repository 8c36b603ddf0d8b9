"""Protects searches in a study: all that a model could be is valid before anything runs, and reads back as itself."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from snellen.errors import StudyError
from snellen.study.assignments import fill, last_epochs, space_of
from snellen.study.document import parse, to_yaml
from snellen.study.methods import SETTINGS, Halving, Random
from snellen.study.schema import Model, StudyFile
from snellen.study.searched import with_defaults

EDITOR = jsonschema.Draft202012Validator(StudyFile.model_json_schema())
BASE = """study: s
data: digits
models:
  a:
    layers:
      - flatten
      - dense: {units: {choice: [128, 256]}, activation: relu}
      - {choice: [[], [{dropout: {range: [0.0, 0.5]}}]]}
      - dense: {choice: [32, 64]}
    train:
      epochs: 10
      learning_rate: {log: [1e-4, 1e-2]}
      optimizer: {choice: [adam, {sgd: {momentum: {choice: [0.0, 0.9]}}}]}
    search: {method: tpe, trials: 30}
"""
FINITE = """study: s
data: digits
models:
  a:
    layers: {choice: [linear, [flatten, {dense: 8}], mlp-128]}
    train: {batch_size: {choice: [16, 32]}}
    search: halving
"""


def model_of(text: str) -> Model:
    return parse(text, "f").study().models["a"]


def test_the_model_itself_has_the_first_of_every_value() -> None:
    model = model_of(BASE)
    assert [layer.detail() for layer in model.layers] == ["", "128 units, relu", "32 units, linear"]
    assert (model.train[0].learning_rate, model.train[0].optimizer.name) == (1e-4, "adam")


@pytest.mark.parametrize("text", [BASE, FINITE])
def test_a_resolved_study_reads_back_as_itself(text: str) -> None:
    study = parse(text, "f").study()
    resolved = to_yaml(study.model_dump(mode="json"))
    again = parse(resolved, "resolved").study()
    assert again == study
    assert to_yaml(again.model_dump(mode="json")) == resolved
    assert list(again.models["a"].search.space.values) == list(study.models["a"].search.space.values)  # type: ignore
    EDITOR.validate(parse(resolved, "resolved").values)


def test_a_model_that_does_not_fit_its_template_is_refused() -> None:
    resolved = to_yaml(parse(FINITE, "f").study().model_dump(mode="json")).replace("epochs: 10", "epochs: 11")
    with pytest.raises(StudyError, match=r"`template` .*the model is not the first of its template"):
        parse(resolved, "resolved").study()


def test_fill_is_the_study_written_with_those_values() -> None:
    chosen: dict[str, str | float] = {
        "layers.1.dense.units": 256,
        "layers.2": "option 2",
        "layers.2.choice.1.0.dropout": 0.25,
        "layers.3.dense": 64,
        "train.learning_rate": 0.002,
        "train.optimizer": "sgd",
        "train.optimizer.choice.1.sgd.momentum": 0.9,
    }
    written = BASE.replace("{choice: [128, 256]}", "256").replace("{log: [1e-4, 1e-2]}", "0.002")
    written = written.replace("{choice: [[], [{dropout: {range: [0.0, 0.5]}}]]}", "dropout: 0.25")
    written = written.replace("{choice: [32, 64]}", "64").replace("{choice: [0.0, 0.9]}", "0.9")
    written = written.replace("{choice: [adam, {sgd: {momentum: 0.9}}]}", "{sgd: {momentum: 0.9}}")
    written = written.replace("    search: {method: tpe, trials: 30}\n", "")
    assert fill(model_of(BASE), chosen) == model_of(written)


def test_an_assignment_that_does_not_fit_is_refused() -> None:
    with pytest.raises(StudyError, match=r"assignment: a value is missing; expected layers\.1\.dense\.units"):
        fill(model_of(BASE), {})
    with pytest.raises(StudyError, match="a model without values to search"):
        fill(Model.model_validate({"layers": "linear"}), {})


def test_a_model_without_values_has_no_space() -> None:
    model = Model.model_validate({"layers": "linear"})
    assert (model.search, space_of(model), last_epochs(model)) == (None, None, 10)


def test_the_longest_trial_of_a_model() -> None:
    assert last_epochs(model_of(FINITE.replace("train: {", "train: {epochs: {choice: [5, 15, 10]}, "))) == 15


def test_models_of_python_objects_may_have_values() -> None:
    layers = Model.model_validate({"layers": "mlp-128"}).layers
    written = {"layers": layers, "train": {"batch_size": {"choice": [8, 16]}}, "search": Random(trials=3)}
    model = Model.model_validate(written)
    assert model.layers == layers and model.search is not None
    assert fill(model, {"train.batch_size": 16}).train[0].batch_size == 16
    assert Model.model_validate(model) == Model.model_validate(model.model_dump(mode="json")) == model


def test_few_combinations_are_all_tried_and_many_are_drawn_from_when_the_study_does_not_say() -> None:
    few = model_of(FINITE.replace("    search: halving\n", "")).search
    many = model_of(BASE.replace("    search: {method: tpe, trials: 30}\n", "")).search
    assert few is not None and (few.method, few.trials) == ("grid", None)
    assert many is not None and (many.method, many.trials) == ("random", 20)


def test_settings_are_read() -> None:
    written = FINITE.replace("halving", "{method: halving, factor: 2, trials: 4, objective: loss, mean_over: seeds}")
    search = model_of(written).search
    assert isinstance(search, Halving)
    assert (search.factor, search.trials, search.objective, search.mean_over) == (2, 4, "loss", "seeds")


@pytest.mark.parametrize("name", SETTINGS)
def test_every_method_has_a_short_form(name: str) -> None:
    study = FINITE.replace("halving", name)
    search = model_of(study).search
    assert search is not None and search.method == name
    EDITOR.validate(parse(study, "f").values)


def test_a_search_that_acts_between_rounds_has_rounds() -> None:
    short = model_of(FINITE.replace("halving", "grid")).search
    timed = model_of(FINITE.replace("halving", "{method: grid, seconds: 60.0}")).search
    assert short is not None and short.model_dump()["round_size"] is None
    assert timed is not None and timed.model_dump()["round_size"] == 10


MISTAKES = [
    # what is replaced, by what, the line, the sentence
    ("[128, 256]", "[128, 0]", 7, "`units` of model `a` must be in [1, 65536]; got 0"),
    ("[128, 256]", "[]", 7, "`units` of model `a`: `choice` takes a list of one or more options; found []"),
    ("{choice: [128, 256]}", "{range: [1.0, 64.0]}", 7, "`units` of model `a` must be a valid integer"),
    ("[0.0, 0.5]", "[0.0, 1.0]", 8, "`rate` of model `a` must be in [0, 1); got 1.0"),
    ("[0.0, 0.5]", "[0.5, 0.0]", 8, "`dropout` of model `a`: `range` needs low below high; found 0.5 and 0.0"),
    ("{range: [0.0, 0.5]}", "0.1, rate: 2", 8, "a layer is written as a name or as one name with arguments"),
    ("[[], [{dropout", "[[], [{dropot", 8, "unknown layer 'dropot'"),
    ("{choice: [32, 64]}", "{choice: [32], units: 3}", 9, "`dense` of model `a`: a value to search stands alone"),
    ("1e-4, 1e-2", "0, 1.0", 12, "`learning_rate` of model `a`: `log` needs numbers above 0; found 0"),
    ("1e-4, 1e-2", "1e-4, 100", 12, "`learning_rate` of model `a` must be in (0, 10]; got 100"),
    ("momentum:", "momentm:", 13, "unknown key `momentm` of model `a`; did you mean `momentum`?"),
    ("choice: [0.0, 0.9]", "choice: [0.0, 1.5]", 13, "`momentum` of model `a` must be in [0, 1); got 1.5"),
    ("choice: [adam", "choice: [adm", 13, "`optimizer` of model `a`: unknown optimizer 'adm'"),
    ("method: tpe", "method: tp", 14, "unknown method 'tp'; expected one of gp, grid"),
    ("{method: tpe, trials: 30}", "3", 14, "`search` of model `a`: a search is written as a method; found 3"),
    ("{method: tpe, trials: 30}", "grid", 14, "`grid` needs a finite number of combinations; found any number of va"),
    ("{method: tpe, trials: 30}", "halving", 14, "`halving` of a range of numbers without steps needs `trials` or"),
    ("trials: 30", "trials: 0", 14, "`trials` of the search of model `a` must be in [1, 100000]; got 0"),
    ("trials: 30", "trial: 3", 14, "unknown key `trial` of the search of model `a`; did you mean `trials`?"),
    ("trials: 30", "objective: f2", 14, "`objective` of the search of model `a` must be 'loss' or 'accuracy'"),
    (
        "trials: 30",
        "epochs: 9",
        14,
        "`epochs` of the search of model `a`: a budget that cannot finish one trial; found",
    ),
    ("trials: 30", "stop: mean", 14, "`stop` of the search of model `a`: unknown stop 'mean'"),
    ("trials: 30", "stop: {median: {evry: 2}}", 14, "unknown key `evry` of the search of model `a`"),
    ("method: tpe", "method: hyperband, stop: median", 14, "unknown key `stop` of the search of model `a`"),
]
KNOWN_TO_PYTHON_ALONE = (
    "0.5, 0.0",
    "0, 1.0",
    "epochs: 9",
    "grid",
    "halving",
    "[1.0, 64.0]",
    "1.0]",
    "100",
    "method: tp,",
)
"""What depends on more than one value; JSON Schema says nothing of it."""


def message_of(text: str) -> str:
    with pytest.raises(StudyError) as caught:
        parse(text, "f").study()
    return str(caught.value)


@pytest.mark.parametrize(("old", "new", "line", "sentence"), MISTAKES)
def test_a_mistake_has_its_sentence_and_its_line(old: str, new: str, line: int, sentence: str) -> None:
    assert old in BASE
    told = message_of(BASE.replace(old, new, 1)).splitlines()
    assert [each for each in told if sentence in each and each.endswith(f"(f line {line})")], told


def test_every_fault_of_every_option_is_told_once() -> None:
    faulty = BASE.replace("[128, 256]", "[0, 256, -1]").replace("[32, 64]", "[32, 0]")
    told = message_of(faulty).splitlines()
    assert [each.rpartition("got ")[2] for each in told] == ["0 (f line 7)", "-1 (f line 7)", "0 (f line 9)"]


def test_a_search_without_anything_to_search() -> None:
    text = "study: s\ndata: digits\nmodels:\n  a:\n    layers: linear\n    search: grid\n"
    told = message_of(text)
    assert told.startswith("`search` of model `a`: nothing to search: no value of this model is a `choice`, a `log`")
    assert told.endswith("(f line 6)")


def test_values_anywhere_in_a_model_are_valid_for_an_editor() -> None:
    for text in (BASE, FINITE):
        EDITOR.validate(parse(text, "f").values)
    values = parse(FINITE, "f").values
    for written in (
        {"layers": ["flatten", {"dense": {"choice": [3, {"units": {"range": [1, 9]}}]}}]},
        {"layers": ["flatten"], "train": {"choice": [{"epochs": 3}, [{"epochs": 1}, {"epochs": 2}]]}},
        {"layers": ["flatten"], "features": {"choice": [[], [{"pca": {"choice": [0.9, 0.95]}}]]}},
        {"layers": ["flatten"], "train": [{"learning_rate": {"log": {"low": 1e-3, "high": 1e-2}}}, {"epochs": 2}]},
        {"layers": [{"skip": [{"choice": ["relu", {"leaky_relu": {"range": [0.0, 1.0]}}]}]}, "flatten"]},
    ):
        study = copy.deepcopy(values) | {"models": {"a": written}}
        StudyFile.model_validate(study)
        EDITOR.validate(study)


@pytest.mark.parametrize("value", [{"choice": []}, {"choice": [0]}, {"choices": [1]}, {"log": [1]}, {"range": "x"}, 0])
def test_an_editor_marks_values_with_a_mistake(value: Any) -> None:
    study = {"study": "s", "data": "digits", "models": {"a": {"layers": ["flatten"], "train": {"batch_size": value}}}}
    with pytest.raises(jsonschema.ValidationError):
        EDITOR.validate(study)
    with pytest.raises(ValueError):
        StudyFile.model_validate(study)


SHARED = """study: s
data: digits
train: {epochs: 4, batch_size: {choice: [16, 32]}}
models:
  a: {layers: linear}
  b: {layers: linear, train: {batch_size: 8}}
  c: {layers: linear, train: {choice: [{learning_rate: 0.1}, [{epochs: 1}, {epochs: 2}]]}}
"""


def test_values_in_the_training_of_the_study_are_searched_by_every_model_without_its_own() -> None:
    study = parse(SHARED, "f").study()
    assert study.train is not None and study.train[0].batch_size == 16
    a, b, c = (space_of(study.models[name]) for name in "abc")
    assert a is not None and list(a.values) == ["train.batch_size"] and b is None and c is not None
    assert list(next(c.combinations()).values()) == ["option 1", 16] and c.count == 2 + 4
    assert parse(to_yaml(study.model_dump(mode="json")), "resolved").study() == study
    EDITOR.validate(parse(SHARED, "f").values)


def test_a_mistake_in_the_training_of_the_study_is_told_where_it_is_written() -> None:
    for wrong in ("{choice: [0, 32]}", "{choice: [16, 0]}", "{choice: []}", "{range: [5, 5]}"):
        told = message_of(SHARED.replace("{choice: [16, 32]}", wrong)).splitlines()
        assert len(told) == 1 and told[0].endswith("(f line 3)"), told


def test_defaults_go_under_every_option_and_every_phase() -> None:
    assert with_defaults({"choice": [{"a": 1}, [{"b": 2}, {}]]}, {"a": 0}) == {
        "choice": [{"a": 1}, [{"a": 0, "b": 2}, {"a": 0}]]
    }
