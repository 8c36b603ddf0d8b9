"""Protects the schema: shipped studies are valid, defaults are inherited, and the JSON Schema says the same."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from validation_cases import BASE, END, MISTAKES

from snellen.errors import StudyError
from snellen.study.document import from_values, open_document, parse, shipped_studies
from snellen.study.schema import StudyFile
from snellen.train.optimizers import OPTIMIZERS

SCHEMA = StudyFile.model_json_schema()
EDITOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_json_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sorted(shipped_studies()))
def test_shipped_studies_are_valid(name: str) -> None:
    document = open_document(name)
    assert document.study().study == name
    EDITOR.validate(document.values)


VALID: list[dict[str, Any]] = [
    {"layers": "mlp-128"},
    {"layers": ["flatten", {"dense": 3}, {"dense": {"units": 3, "activation": "relu"}}, {"dropout": 0.2}]},
    {"layers": [{"skip": ["relu", {"batch_norm": {"momentum": 0.9}}]}, {"max_pool": {"size": 2}}, "flatten"]},
    {"layers": ["flatten"], "train": {"optimizer": {"sgd": {"momentum": 0.9}}, "schedule": "cosine"}},
    {"layers": ["flatten"], "train": {"optimizer": "adam", "schedule": {"cosine": {"final": 0.1}}, "patience": 3}},
    {"layers": "cnn-fast", "features": [{"whiten_patches": {"kernel": 2, "keep": 4}}], "views": ["flip", "shift"]},
]


@pytest.mark.parametrize("model", VALID)
def test_valid_models_are_valid_in_both(model: dict[str, Any]) -> None:
    study = {"study": "s", "data": {"source": "digits"}, "models": {"m": model}}
    StudyFile.model_validate(study)
    EDITOR.validate(study)


KNOWN_TO_PYTHON_ALONE = ("lenet5", "[a, b]", ".nan", "a/b")
"""Zoo names, names of models and not-a-number: JSON Schema says nothing of them."""


@pytest.mark.parametrize(("old", "new"), dict.fromkeys((old, new) for old, new, *_ in MISTAKES))
def test_an_editor_marks_the_same_mistakes(old: str, new: str) -> None:
    values = parse(BASE + new + "\n" if old == END else BASE.replace(old, new, 1), "f").values
    if any(word in new for word in KNOWN_TO_PYTHON_ALONE):
        EDITOR.validate(values)
        return
    with pytest.raises(jsonschema.ValidationError):
        EDITOR.validate(values)


def study_of(train: str = "", **models: str) -> StudyFile:
    written = "".join(f"  {name}: {{layers: linear, train: {value}}}\n" for name, value in models.items())
    return parse(f"study: s\ndata: digits\n{train}models:\n{written}", "f").study()


def test_training_defaults_are_inherited_key_by_key() -> None:
    study = study_of("train: {epochs: 7, batch_size: 64, optimizer: sgd}\n", a="{}", b="{epochs: 2, optimizer: adam}")
    a, b = (study.models[name].last_phase for name in "ab")
    assert (a.epochs, a.batch_size, a.optimizer.name, a.learning_rate) == (7, 64, "sgd", 0.01)
    assert (b.epochs, b.batch_size, b.optimizer.name, b.learning_rate) == (2, 64, "adam", 0.001)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rate_and_decay_default_to_those_of_the_optimizer(name: str) -> None:
    train = study_of(a=f"{{optimizer: {name}}}").models["a"].last_phase
    assert train.learning_rate == OPTIMIZERS[name].default_learning_rate
    assert train.weight_decay == OPTIMIZERS[name].default_weight_decay
    given = study_of(a=f"{{optimizer: {name}, learning_rate: 0.5, weight_decay: 0}}").models["a"].last_phase
    assert (given.learning_rate, given.weight_decay) == (0.5, 0)


def test_a_model_without_training_has_the_defaults() -> None:
    plain = parse("study: s\ndata: digits\ntrain: {epochs: 4}\nmodels: {a: {layers: linear}}\n", "f").study()
    assert plain.models["a"].last_phase.epochs == 4


def test_data_may_be_a_name() -> None:
    short, long = (parse(BASE.replace("digits", each), "f").study() for each in ("digits", "{source: digits}"))
    assert short == long


NAMES = ("CON", "nul", "Com1", "LPT9", "ends with a space ", "a/b", "a.", "..", "é", "a\n", "a" * 65, "")


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("place", ["study", "model"])
def test_a_name_that_no_folder_can_have_everywhere_is_refused(name: str, place: str) -> None:
    with pytest.raises(StudyError) as caught:
        named(**{place: name})
    assert name in str(caught.value) or repr(name) in str(caught.value)


def test_two_models_that_share_a_folder_somewhere_are_refused() -> None:
    with pytest.raises(StudyError, match="two models with the same folder on Windows and macOS; found `A` and `a`"):
        models = {"A": {"layers": "linear"}, "a": {"layers": "linear"}}
        from_values({"study": "s", "data": "digits", "models": models}).study()


@pytest.mark.parametrize("name", ["a", "console", "com10", "A b_c+d-e", "a" * 64])
def test_usual_names_stay(name: str) -> None:
    assert named(study=name, model=name).study == name


def named(study: str = "s", model: str = "m") -> StudyFile:
    return from_values({"study": study, "data": "digits", "models": {model: {"layers": "linear"}}}).study()
