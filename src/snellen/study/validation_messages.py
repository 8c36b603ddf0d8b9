"""One sentence for each way in which a study can violate its schema."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from snellen.errors import SnellenError
from snellen.models.backbones.layer import READ_PATTERN, TRAIN_PATTERN
from snellen.models.features import FEATURES
from snellen.models.named import Named
from snellen.models.parts import MODEL_LAYERS
from snellen.study.methods import SETTINGS, STOPS
from snellen.study.schema import Data, Folds, Model, StudyFile
from snellen.study.split_section import FromTest, Split
from snellen.study.thresholds import Abstain, Threshold
from snellen.study.train_section import Train
from snellen.train.augment.registry import AUGMENTATIONS
from snellen.train.optimizers import OPTIMIZERS
from snellen.train.schedules import SCHEDULES

Location = tuple[str | int, ...]
BOUNDS = {"greater_than": ("gt", "above"), "greater_than_equal": ("ge", "at least")}
BOUNDS |= {"less_than": ("lt", "below"), "less_than_equal": ("le", "at most")}
AMOUNTS = ("test", "validation", "calibration")
WORDS = {
    "model_type": "be a mapping of keys",
    "dict_type": "be a mapping of keys",
    "tuple_type": "be a list",
    "too_short": "have {min_length} or more items",
    "string_pattern_mismatch": "be up to 64 letters, digits, spaces and _+-, a letter or digit first and no space last",
}
PATTERNS = {
    READ_PATTERN: "be `last`, or `block1`, `block2` and so on",
    TRAIN_PATTERN: "be `none`, `all`, or the first block that is trained: `block1`, `block2` and so on",
}
"""Of texts that are no names."""
UNION_TAGS = {"count-or-share", "from-test"}
UNION_TAGS |= {"constrained-int", "constrained-float", "int", "float", "str", "function-after", "tuple[str, ...]"}


@dataclass(frozen=True)
class ValidationMessage:
    """location: keys from the top of the file to the mistake."""

    location: Location
    sentence: str
    is_missing: bool

    def written_at(self) -> Location:
        """The key in the file to point at: for a missing key, the one that should contain it."""
        return self.location[:-1] if self.is_missing else self.location


def validation_messages(error: ValidationError, lines: Mapping[Location, int]) -> list[ValidationMessage]:
    """One message for each mistake, in the order of the file.

    A default under `train:` is validated again in every model that inherits it; only the place where it is written is
    reported, so mistakes at keys that the file does not have are reported only when there are no others.
    """
    faults = [_message(fault, lines) for fault in error.errors() if not _is_echo(fault)]
    unique = list({fault.location: fault for fault in reversed(faults)}.values())[::-1]
    in_file = [fault for fault in unique if _is_in_file(fault.written_at(), lines)]
    return sorted(in_file or unique, key=lambda fault: _line(fault.written_at(), lines))


def _line(location: Location, lines: Mapping[Location, int]) -> int:
    """The line of the nearest key around it."""
    known = (location[:length] for length in range(len(location), 0, -1) if location[:length] in lines)
    return lines.get(next(known, ()), 0)


def _is_in_file(location: Location, lines: Mapping[Location, int]) -> bool:
    """At its own key, or, as in `{dense: 0}`, at the name of the thing whose main argument it is."""
    if location in lines:
        return True
    holder = _section(_without_options(location)[:-1])
    return location[:-1] in lines and holder is not None and issubclass(holder, Named | Folds)


def _is_echo(fault: Any) -> bool:
    """Whether a list is too short only because its items have mistakes."""
    return bool(fault["type"] == "too_short" and len(fault["input"]) >= fault["ctx"]["min_length"])


def _message(fault: Any, lines: Mapping[Location, int]) -> ValidationMessage:
    keys = tuple(step for step in fault["loc"] if not (isinstance(step, str) and _is_tag(step)))
    location = _without_phase(keys, lines)
    named = _without_options(location)
    sentence = _sentence(fault, _subject(named), named)
    return ValidationMessage(_without_method(location), sentence, is_missing=fault["type"] == "missing")


def _without_phase(location: Location, lines: Mapping[Location, int]) -> Location:
    """Without the number of the phase, where the file has one phase without a list."""
    for index, step in enumerate(location[:-1], 1):
        if step == "train" and type(location[index]) is int and location[: index + 1] not in lines:
            return (*location[:index], *location[index + 1 :])
    return location


def _without_options(location: Location) -> Location:
    """Without options of a `choice`: the sentence names the key that they are options for."""
    steps = [index for index, step in enumerate(location[:-1]) if step == "choice" and type(location[index + 1]) is int]
    return tuple(step for index, step in enumerate(location) if index not in steps and index - 1 not in steps)


def _without_method(location: Location) -> Location:
    """Without the method, for which the schema has a branch and the file no key."""
    is_branch = location[2:3] == ("search",) and location[3:4] and location[3] in SETTINGS
    return (*location[:3], *location[4:]) if is_branch else location


def _is_tag(step: str) -> bool:
    """Whether a step names a branch of a union in the schema, not a key of the file."""
    return step in UNION_TAGS or "[" in step or step.startswith(("constrained-", "function-", "literal"))


def _subject(location: Location) -> str:
    """`learning_rate` of model `lenet5`."""
    if not location:
        return "the study"
    own = f"`{location[-1]}`" if isinstance(location[-1], str) else f"item {int(location[-1]) + 1} of `{location[-2]}`"
    if len(location) > 3 and location[0] == "models" and location[2] == "search":
        return f"{own} of the search of model `{location[1]}`"
    if len(location) > 2 and location[0] == "models":
        return f"{own} of model `{location[1]}`"
    if len(location) == 2 and location[0] == "models":
        return f"model `{location[1]}`"
    inside = len(location) > (2 if isinstance(location[-1], int) else 1)
    return f"{own} of `{location[0]}`" if inside else own


def _sentence(fault: Any, subject: str, location: Location) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key {subject}{_nearest(location)}"
    if kind == "missing":
        return f"{subject} is missing"
    if location[:1] == ("split",) and location[-1] in AMOUNTS:
        return f"{subject} must be a count of at least 1 or a fraction between 0 and 1; got {_shown(fault['input'])}"
    if kind in BOUNDS:
        return f"{subject} must be {_range(location) or _bound(kind, context)}; got {_shown(fault['input'])}"
    if kind == "value_error":
        inner = context.get("error")
        return f"{subject}: {inner}" if isinstance(inner, SnellenError) else f"{subject}: {fault['msg']}"
    if kind == "literal_error":
        return f"{subject} must be {context['expected']}; got {_shown(fault['input'])}"
    message = (
        PATTERNS.get(context.get("pattern", ""))
        or WORDS.get(kind)
        or fault["msg"].partition(" should ")[2]
        or fault["msg"]
    )
    return f"{subject} must {message.format(**context)}; got {_shown(fault['input'])}"


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    """at least 1."""
    bound, words = BOUNDS[kind]
    return f"{words} {context[bound]:g}"


def _range(location: Location) -> str | None:
    """in (0, 10], as declared on the field, where it has both ends."""
    section = _section(location[:-1])
    field = section.model_fields.get(str(location[-1])) if section else None
    declared = field.metadata if field else ()
    ends = {end: getattr(each, end) for end in ("gt", "ge", "lt", "le") for each in declared if hasattr(each, end)}
    low, high = ends.get("gt", ends.get("ge")), ends.get("lt", ends.get("le"))
    if low is None or high is None:
        return None
    return f"in {'(' if 'gt' in ends else '['}{low}, {high}{')' if 'lt' in ends else ']'}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(location: Location) -> str:
    known = _known_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known keys are {', '.join(f'`{key}`' for key in known)}" if known else ""


def _known_keys(parent: Location) -> list[str]:
    """Keys that the schema has at `parent`."""
    section = _section(parent)
    fields = section.model_fields.items() if section else ()
    return [field.alias or name for name, field in fields if name != "kind"]


def _section(location: Location) -> type[BaseModel] | None:
    """The model that validates `location`: a section of the file, or something with arguments."""
    sections: dict[Location, type[BaseModel]] = {(): StudyFile, ("data",): Data, ("split",): Split, ("folds",): Folds}
    sections[("split", "validation")] = FromTest
    if location in sections:
        return sections[location]
    if len(location) == 2 and location[0] == "models":
        return Model
    if location[:1] == ("thresholds",):
        return Abstain if location[-1] == "abstain" else Threshold
    if location[-1:] == ("train",) or (location[-2:-1] == ("train",) and type(location[-1]) is int):
        return Train
    named = {**MODEL_LAYERS, **FEATURES, **SETTINGS, **STOPS, **OPTIMIZERS, **SCHEDULES, **AUGMENTATIONS}
    return named.get(str(location[-1]))
