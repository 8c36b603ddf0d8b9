"""A search space: a model as written, with values to search at some of its places.

A value inside an option of a choice is live only when that option is chosen. The name of a value is its path below the
model, as for `--set`: `layers.5.dense.units`, `train.optimizer.choice.1.sgd.momentum`. Inside a list, an option that is
itself a list is replaced by its items: `{choice: [[], [{dropout: 0.3}]]}` is a layer or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from snellen.errors import StudyError
from snellen.study.values import Choice, Range, Scalar, Value, read_value

Location = tuple[str | int, ...]
Assignment = Mapping[str, Scalar]
Draw = Callable[[str, Value], Scalar]
Live = tuple[tuple[Location, Value], ...]


@dataclass(frozen=True)
class Fault:
    """A mistake in how a value is written. location: below the model."""

    location: Location
    error: StudyError


@dataclass(frozen=True)
class FilledModel:
    """A model without values to search. places: location in the model -> location in the template."""

    model: dict[str, Any]
    places: Mapping[Location, Location]

    def written_at(self, location: Location) -> Location:
        """The location in the template of one in the model, as reported by pydantic; without branches of unions."""
        known: Location = ()
        beyond: Location = ()
        for step in location:
            if (*known, step) in self.places:
                known, beyond = (*known, step), ()
            else:
                beyond = (*beyond, step)
        return (*self.places[known], *beyond)


@dataclass(frozen=True)
class Space:
    """template: the model as written, plain JSON. Raises StudyError at first use if a value to search is malformed."""

    template: Mapping[str, Any]

    @cached_property
    def tree(self) -> Any:
        """The template with its values read."""
        faults: list[Fault] = []
        tree = read_tree(self.template, (), faults)
        if faults:
            raise faults[0].error
        return tree

    @cached_property
    def values(self) -> dict[str, Value]:
        """All values by path, in the order written; conditional ones after the choice they depend on."""
        return {path_of(location): value for location, value in _all(self.tree, ())}

    @cached_property
    def count(self) -> int | None:
        """How many combinations there are; None for any number of them."""
        return _count(_live(self.tree, ()))

    def walk(self, draw: Draw) -> dict[str, Scalar]:
        """Calls draw(path, value) for each live value, in the order written; returns the results by path."""
        drawn: dict[str, Scalar] = {}
        waiting = list(_live(self.tree, ()))
        while waiting:
            location, value = waiting.pop(0)
            label = drawn[path_of(location)] = draw(path_of(location), value)
            waiting[:0] = _opened(location, value, label)
        return drawn

    def combinations(self) -> Iterator[dict[str, Scalar]]:
        """Every assignment of a finite space, in the order written, the last value varying fastest."""
        if self.count is None:
            raise StudyError("a range of numbers without steps has no list of combinations", found=self.endless())
        return _expand(_live(self.tree, ()))

    def endless(self) -> str | None:
        """The path of the first range without steps."""
        return next((path for path, value in self.values.items() if isinstance(value, Range) and not value.step), None)

    def checked(self, assignment: Assignment) -> dict[str, Scalar]:
        """The assignment in the order written. Raises StudyError for a missing, unknown or wrong value."""
        complete = self.walk(lambda path, value: _looked_up(assignment, path, value))
        unknown = [path for path in assignment if path not in complete]
        if unknown:
            raise StudyError("no value to set here", found=unknown[0], expected=f"{', '.join(complete)}")
        return complete

    def filled(self, assignment: Assignment) -> FilledModel:
        """The template with the assignment filled in; where it has no value, the first option or the low end."""
        places: dict[Location, Location] = {}
        return FilledModel(_plain(_resolved(self.tree, (), assignment), (), places), places)

    def probes(self) -> Iterator[dict[str, Scalar]]:
        """Assignments that together contain every option and both ends of every range."""
        yield {}
        yield from _probes(_live(self.tree, ()), {})

    def most_epochs(self, default: int) -> int:
        """The most epochs of a last phase in the space: budgets count these. default: of a phase without `epochs`."""
        return _most_epochs(self.tree.get("train", {}), default)


def path_of(location: Location) -> str:
    """layers.5.dense.units."""
    return ".".join(map(str, location))


def read_tree(node: Any, location: Location, faults: list[Fault]) -> Any:
    """`node` with every value in it read; appends what is wrong to `faults`."""
    try:
        value = read_value(node)
    except StudyError as error:
        faults.append(Fault(location, error))
        return node
    if isinstance(value, Choice):
        inside = (*location, "choice")
        trees = tuple(read_tree(option, (*inside, index), faults) for index, option in enumerate(value.options))
        return Choice(value.labels, trees)
    if value is not None:
        return value
    if isinstance(node, Mapping):
        return {key: read_tree(item, (*location, key), faults) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [read_tree(item, (*location, index), faults) for index, item in enumerate(node)]
    return node


def _children(node: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from enumerate(node)


def _live(node: Any, location: Location) -> Live:
    """Values below `node` that are in no option of a choice."""
    if isinstance(node, Choice | Range):
        return ((location, node),)
    return tuple(live for step, child in _children(node) for live in _live(child, (*location, step)))


def _opened(location: Location, value: Value, label: Scalar) -> Live:
    """Values that become live when `label` is chosen."""
    if isinstance(value, Range):
        value.check(label)
        return ()
    index = value.index(label)
    return _live(value.options[index], (*location, "choice", index))


def _all(node: Any, location: Location) -> Iterator[tuple[Location, Value]]:
    for place, value in _live(node, location):
        yield place, value
        for index, option in enumerate(value.options if isinstance(value, Choice) else ()):
            yield from _all(option, (*place, "choice", index))


def _count(live: Live) -> int | None:
    counts = [_options(location, value) for location, value in live]
    return None if None in counts else prod(count for count in counts if count is not None)


def _options(location: Location, value: Value) -> int | None:
    if isinstance(value, Range):
        return value.count
    inside = [_count(_opened(location, value, label)) for label in value.labels]
    return None if None in inside else sum(count for count in inside if count is not None)


def _labels(value: Value) -> tuple[Scalar, ...]:
    return value.labels if isinstance(value, Choice) else tuple(value.at(index) for index in range(value.count or 0))


def _expand(live: Live) -> Iterator[dict[str, Scalar]]:
    if not live:
        yield {}
        return
    (location, value), rest = live[0], live[1:]
    for label in _labels(value):
        for others in _expand((*_opened(location, value, label), *rest)):
            yield {path_of(location): label, **others}


def _probes(live: Live, context: Assignment) -> Iterator[dict[str, Scalar]]:
    """context: the choices that make these values live."""
    for location, value in live:
        for label in value.probes:
            chosen = {**context, path_of(location): label}
            yield chosen
            yield from _probes(_opened(location, value, label), chosen)


def _looked_up(assignment: Assignment, path: str, value: Value) -> Scalar:
    if path not in assignment:
        raise StudyError("a value is missing", expected=path)
    label = assignment[path]
    try:
        _opened((path,), value, label)
    except StudyError as error:
        error.places.append(path)
        raise
    return label


@dataclass(frozen=True)
class _Placed:
    """A part of a filled model. content: a scalar, or a dict or list of further parts."""

    content: Any
    location: Location


def _resolved(node: Any, location: Location, assignment: Assignment) -> _Placed:
    if isinstance(node, Choice):
        index = node.index(assignment.get(path_of(location), node.first))
        return _resolved(node.options[index], (*location, "choice", index), assignment)
    if isinstance(node, Range):
        return _Placed(assignment.get(path_of(location), node.first), location)
    if isinstance(node, dict):
        return _Placed({key: _resolved(child, (*location, key), assignment) for key, child in node.items()}, location)
    if isinstance(node, list):
        return _Placed(_items(node, location, assignment), location)
    return _Placed(node, location)


def _items(node: list[Any], location: Location, assignment: Assignment) -> list[_Placed]:
    """The items of a list; a chosen option that is a list is replaced by its items."""
    items: list[_Placed] = []
    for index, child in enumerate(node):
        item = _resolved(child, (*location, index), assignment)
        items += item.content if isinstance(child, Choice) and isinstance(item.content, list) else [item]
    return items


def _plain(part: _Placed, at: Location, places: dict[Location, Location]) -> Any:
    """The part as plain JSON; adds the place of each location in the template to `places`."""
    places[at] = part.location
    if isinstance(part.content, dict):
        return {key: _plain(child, (*at, key), places) for key, child in part.content.items()}
    if isinstance(part.content, list):
        return [_plain(child, (*at, index), places) for index, child in enumerate(part.content)]
    return part.content


def _most_epochs(train: Any, default: int) -> int:
    if isinstance(train, Choice):
        return max(_most_epochs(option, default) for option in train.options)
    if isinstance(train, list):
        return _most_epochs(train[-1], default) if train else default
    return _largest(train.get("epochs", default)) if isinstance(train, dict) else default


def _largest(epochs: Any) -> int:
    if isinstance(epochs, Choice):
        return max(_largest(option) for option in epochs.options)
    return int(epochs.high if isinstance(epochs, Range) else epochs)
