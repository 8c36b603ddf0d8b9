"""Of a model with a search: the space it searches, and the model without a search that an assignment makes of it."""

from __future__ import annotations

from snellen.errors import StudyError, located
from snellen.study.schema import Model
from snellen.study.space import Assignment, Space
from snellen.study.train_section import Train


def space_of(model: Model) -> Space | None:
    """The space that a model searches; None for one without values to search."""
    return model.search.space if model.search else None


def apply_assignment(model: Model, assignment: Assignment) -> Model:
    """The model with these values, without a search. Raises StudyError for a missing, unknown or wrong value."""
    if model.search is None:
        raise StudyError("a model without values to search", found=f"the assignment {dict(assignment)}")
    space = model.search.space
    with located("assignment"):
        complete = space.checked(assignment)
    return type(model).model_validate(space.filled(complete).model)


def last_epochs(model: Model) -> int:
    """Epochs of the longest last phase in the search of a model: rungs count the epochs of the last phase alone."""
    if model.search is None:
        return model.last_phase.epochs
    return model.search.space.most_epochs(Train.model_fields["epochs"].default)
