"""Separates a model with values to search into a model without them and its search; all options are validated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, to_jsonable_python

from snellen.errors import StudyError
from snellen.study.methods import METHOD, Method, default_method, with_method_key
from snellen.study.space import Fault, FilledModel, Location, Space, read_tree
from snellen.study.values import Choice, Range

Validate = Callable[[Any], Any]
Details = list[InitErrorDetails]


def separate(written: Any, validate: Validate, default_epochs: int) -> Any:
    """The model with the first of each value, and its complete search; unchanged where there is nothing to search.

    validate: a model without values to search. Raises ValidationError, with locations as written, for every mistake in
    every option and at both ends of every range.
    """
    if not isinstance(written, Mapping):
        return written
    plain = {key: item for key, item in written.items() if key != "search"}
    search = _as_json(written.get("search"))
    template = search.get("template") if isinstance(search, Mapping) else None
    if template:
        return _from_resolved(plain, search, template, validate, default_epochs)
    faults: list[Fault] = []
    tree = read_tree(plain, (), faults)
    _raise(_detail_of(fault.location, fault.error, plain) for fault in faults)
    if not _has_values(tree):
        if search is not None:
            error = StudyError("nothing to search: no value of this model is a `choice`, a `log` or a `range`")
            _raise([_detail_of(("search",), error, search)])
        return written
    return _with_search(Space(_as_json(plain)), search, validate, default_epochs, ())


def with_defaults(train: Any, defaults: Any) -> Any:
    """The `train` of a model over the study's, inside every option of a choice and every phase of a list.

    A list of phases is not used as a default where a model has its own `train`.
    """
    if train is None:
        return defaults
    if not isinstance(defaults, Mapping):
        return train
    if isinstance(train, list | tuple):
        return [with_defaults(phase, defaults) for phase in train]
    if not isinstance(train, Mapping):
        return train
    if _is_choice(train):
        return {"choice": [with_defaults(option, defaults) for option in train["choice"]]}
    if _is_choice(defaults):
        return {"choice": [with_defaults(train, option) for option in defaults["choice"]]}
    return {**defaults, **train}


def with_first_values(written: Any, validate: Validate) -> Any:
    """`written` with the first of each value, after all options were validated."""
    faults: list[Fault] = []
    tree = read_tree(written, (), faults)
    _raise(_detail_of(fault.location, fault.error, written) for fault in faults)
    if not _has_values(tree):
        return written
    space = Space(_as_json(written))
    _raise(_faults_of(space, validate, ()))
    return space.filled({}).model


def _is_choice(written: Mapping[str, Any]) -> bool:
    return set(written) == {"choice"} and isinstance(written["choice"], list | tuple)


def _from_resolved(
    plain: dict[str, Any], search: Mapping[str, Any], template: Any, validate: Validate, default_epochs: int
) -> dict[str, Any]:
    """From a resolved study, which has the model beside its template."""
    place: Location = ("search", "template")
    faults: list[Fault] = []
    tree = read_tree(template, (), faults)
    _raise(_detail_of((*place, *fault.location), fault.error, template) for fault in faults)
    if not isinstance(template, Mapping) or not _has_values(tree):
        _raise([_detail_of(place, StudyError("nothing to search in this template"), template)])
    separated = _with_search(Space(template), search, validate, default_epochs, place)
    if validate(plain) != validate({key: item for key, item in separated.items() if key != "search"}):
        hint = "Change the values in the template, or write them in the model and leave the template out."
        _raise([_detail_of(place, StudyError("the model is not the first of its template", hint=hint), template)])
    return separated


def _with_search(space: Space, search: Any, validate: Validate, default_epochs: int, place: Location) -> dict[str, Any]:
    _raise(_faults_of(space, validate, place))
    with _located(("search",), search):
        written = with_method_key(search if search is not None else default_method(space))
        settings = METHOD.validate_python({**written, "template": dict(space.template)})
        settings.check(space)
    with _located(("search", "epochs"), settings.epochs):
        _can_finish_one(settings, space.most_epochs(default_epochs))
    return {**space.filled({}).model, "search": settings}


def _can_finish_one(settings: Method, most_epochs: int) -> None:
    if settings.epochs is not None and settings.epochs < most_epochs:
        raise StudyError(
            "a budget that cannot finish one trial", found=settings.epochs, expected=f"at least {most_epochs} epochs"
        )


def _faults_of(space: Space, validate: Validate, place: Location) -> Details:
    """The mistakes in all options, each once."""
    collected: dict[Any, InitErrorDetails] = {}
    for assignment in space.probes():
        filled_model = space.filled(assignment)
        try:
            validate(filled_model.model)
        except ValidationError as error:
            for details in _moved(error, filled_model, place):
                collected.setdefault((details["loc"], str(details["type"])), details)
    return list(collected.values())


def _moved(error: ValidationError, filled_model: FilledModel, place: Location) -> Details:
    """The mistakes in a filled model, at their places in the template."""
    return [
        _details(fault, (*place, *filled_model.written_at(fault["loc"]))) for fault in error.errors(include_url=False)
    ]


def _details(fault: Any, location: Location) -> InitErrorDetails:
    return {"type": fault["type"], "loc": location, "input": fault["input"], "ctx": fault.get("ctx", {})}


def _detail_of(location: Location, error: StudyError, found: Any) -> InitErrorDetails:
    return {"type": "value_error", "loc": location, "input": found, "ctx": {"error": error}}


def _raise(details: Iterable[InitErrorDetails]) -> None:
    collected = list(details)
    if collected:
        raise ValidationError.from_exception_data("Model", collected)


@contextmanager
def _located(location: Location, found: Any) -> Any:
    """Gives errors raised in the block this place in the model."""
    try:
        yield
    except StudyError as error:
        _raise([_detail_of(location, error, found)])
    except ValidationError as error:
        _raise(_details(fault, (*location, *fault["loc"])) for fault in error.errors(include_url=False))


def _has_values(node: Any) -> bool:
    if isinstance(node, Choice | Range):
        return True
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(_has_values(child) for child in children)


def _as_json(written: Any) -> Any:
    """Plain values; layers and methods built in Python become JSON."""
    return written.model_dump(mode="json") if isinstance(written, BaseModel) else to_jsonable_python(written)
