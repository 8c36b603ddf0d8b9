"""One generated sentence for every way in which a study breaks its schema."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from snellen.errors import SnellenError
from snellen.models.layers import LAYERS
from snellen.study.schema import Data, Model, Split, StudyFile, Train
from snellen.train.optimizers import OPTIMIZERS
from snellen.train.schedules import SCHEDULES

Location = tuple[str | int, ...]
BOUNDS = {"greater_than": ("gt", "above"), "greater_than_equal": ("ge", "at least")}
BOUNDS |= {"less_than": ("lt", "below"), "less_than_equal": ("le", "at most")}
UNION_TAGS = {"constrained-int", "constrained-float", "int", "float", "str", "function-after", "tuple[str, ...]"}


@dataclass(frozen=True)
class Complaint:
    """location: keys from the top of the file to the fault."""

    location: Location
    sentence: str
    is_missing: bool

    def written_at(self) -> Location:
        """The key in the file to point at: for a missing key, the one that should hold it."""
        return self.location[:-1] if self.is_missing else self.location


def complaints_of(error: ValidationError, lines: Mapping[Location, int]) -> list[Complaint]:
    """The faults, each told once, in the order of the file.

    A default under `train:` is validated again in every model that inherits it; only the place where it is written
    counts, so faults at keys that the file does not have are told only when there are no others.
    """
    faults = [_complaint(fault) for fault in error.errors()]
    unique = list({fault.location: fault for fault in reversed(faults)}.values())[::-1]
    told = [fault for fault in unique if fault.written_at() in lines] or unique
    return sorted(told, key=lambda fault: lines.get(fault.written_at(), 0))


def _complaint(fault: Any) -> Complaint:
    location = tuple(step for step in fault["loc"] if not (isinstance(step, str) and _is_tag(step)))
    subject = _subject(location)
    return Complaint(location, _sentence(fault, subject, location), is_missing=fault["type"] == "missing")


def _is_tag(step: str) -> bool:
    """Steps that name a branch of a union in the schema, not a key of the file."""
    return step in UNION_TAGS or "[" in step or step.startswith(("constrained-", "function-", "literal"))


def _subject(location: Location) -> str:
    """`learning_rate` of model `lenet5`."""
    if not location:
        return "the study"
    own = f"`{location[-1]}`" if isinstance(location[-1], str) else f"item {int(location[-1]) + 1} of `{location[-2]}`"
    if len(location) > 2 and location[0] == "models":
        return f"{own} of model `{location[1]}`"
    if len(location) == 2 and location[0] == "models":
        return f"model `{location[1]}`"
    return f"{own} of `{location[0]}`" if len(location) > 1 else own


def _sentence(fault: Any, subject: str, location: Location) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key {subject}{_nearest(location)}"
    if kind == "missing":
        return f"{subject} is missing"
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        return f"{subject} must be {words} {context[bound]:g}; got {_shown(fault['input'])}"
    if kind == "value_error":
        inner = context.get("error")
        return f"{subject}: {inner}" if isinstance(inner, SnellenError) else f"{subject}: {fault['msg']}"
    if kind == "literal_error":
        return f"{subject} must be {context['expected']}; got {_shown(fault['input'])}"
    message = fault["msg"].removeprefix("Input ").removeprefix("should ")
    verb = "must " if fault["msg"].startswith("Input should ") else ""
    return f"{subject} {verb}{message}; got {_shown(fault['input'])}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(location: Location) -> str:
    known = _known_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known keys are {', '.join(f'`{key}`' for key in known)}" if known else ""


def _known_keys(parent: Location) -> list[str]:
    """Keys that the schema has at `parent`."""
    sections: dict[Location, type[BaseModel]] = {(): StudyFile, ("data",): Data, ("split",): Split, ("train",): Train}
    if parent in sections:
        return list(sections[parent].model_fields)
    if len(parent) == 2:
        return list(Model.model_fields)
    if parent[-1:] == ("train",):
        return list(Train.model_fields)
    named = {**LAYERS, **OPTIMIZERS, **SCHEDULES}.get(str(parent[-1]))
    return [field for field in named.model_fields if field != "kind"] if named else []
