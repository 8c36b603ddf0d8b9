"""The models of a search: which space a model searches, and the ordinary model that an assignment makes of it."""

from __future__ import annotations

from snellen.errors import StudyError, located
from snellen.study.schema import Model, Train
from snellen.study.space import Assignment, Space


def space_of(model: Model) -> Space | None:
    """What a model searches; None for a model without values to search."""
    return model.search.space if model.search else None


def fill(model: Model, assignment: Assignment) -> Model:
    """The model with these values, without a search. Raises StudyError for a value that lacks, is surplus or wrong."""
    if model.search is None:
        raise StudyError("a model without values to search", found=f"the assignment {dict(assignment)}")
    space = model.search.space
    with located("assignment"):
        complete = space.checked(assignment)
    return type(model).model_validate(space.filled(complete).model)


def last_epochs(model: Model) -> int:
    """Epochs of the longest last phase that the model's search can ask for: rungs count the last phase alone."""
    if model.search is None:
        return model.last_phase.epochs
    return model.search.space.most_epochs(Train.model_fields["epochs"].default)
