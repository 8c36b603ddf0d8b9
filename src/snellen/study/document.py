"""A study as text: YAML 1.2 with the line of every key, overrides, and errors with file and line."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.representer import RepresenterError

from snellen.errors import StudyError, unknown
from snellen.limits import MAX_STUDY_BYTES, MAX_STUDY_VALUES
from snellen.study.schema import StudyFile
from snellen.study.validation_messages import ValidationMessage, validation_messages

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A study file as read. name: for messages. values: plain dicts, lists and scalars. lines: line of each key."""

    name: str
    text: str
    values: dict[str, Any]
    lines: Mapping[Location, int]

    def study(self, overrides: Sequence[str] = ()) -> StudyFile:
        """The validated study. overrides: `models.cnn.train.epochs=3`. Raises StudyError that lists every mistake."""
        values = self.values
        for override in overrides:
            values = _overridden(values, override)
        try:
            return StudyFile.model_validate(values)
        except ValidationError as error:
            messages = validation_messages(error, self.lines)
            raise StudyError("\n".join(map(self._with_line, messages))) from None

    def _with_line(self, message: ValidationMessage) -> str:
        line = next((self.lines[loc] for loc in _outwards(message.location) if loc in self.lines), None)
        return f"{message.sentence} ({self.name} line {line})" if line else f"{message.sentence} ({self.name})"


def shipped_studies() -> dict[str, str]:
    """The text of each study that comes with the package, by name."""
    folder = files("snellen") / "studies"
    return {
        item.name.removesuffix(".yaml"): item.read_text(encoding="utf-8")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".yaml")
    }


def open_document(source: str) -> Document:
    """The document at a path, or of a shipped study by name."""
    path = Path(source)
    if path.is_file():
        if path.stat().st_size > 4 * MAX_STUDY_BYTES:  # UTF-8 has at most 4 bytes a character
            raise StudyError("too large for a study file", found=f"{path.stat().st_size:,} bytes", where=source)
        try:
            return parse(path.read_bytes().decode("utf-8"), path.name)
        except UnicodeDecodeError as error:
            raise StudyError("not UTF-8 text", where=f"{source}: byte {error.start}") from None
    shipped = shipped_studies()
    if source in shipped:
        return parse(shipped[source], f"{source}.yaml")
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise StudyError("no such file", where=source, hint=f"Shipped studies: {', '.join(shipped)}.")
    raise unknown("study", source, shipped)


def parse(text: str, name: str) -> Document:
    """YAML text as a document. Raises StudyError with the line for what is not YAML, a repeated key or a tag, and for
    text that is too long."""
    expect_short(text, name)
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise StudyError(f"{error.problem or error.context}", where=f"{name} line {line}") from None
    except (YAMLError, ValueError) as error:
        raise StudyError(f"not YAML ({error})", where=name) from None
    except RecursionError:
        raise StudyError("nested too deep", where=name) from None
    if not isinstance(tree, Mapping):
        found = "nothing" if tree is None else "a list" if isinstance(tree, list) else repr(tree)
        raise StudyError("a study file is a mapping of keys", found=found, where=name)
    lines: dict[Location, int] = {}
    try:
        return Document(name, text, _plain(tree, (), lines, name), lines)
    except RecursionError:  # an alias inside its own anchor
        raise StudyError("nested too deep", where=name) from None


def expect_short(text: str, name: str) -> None:
    """Raises StudyError for a study that is longer than the longest text that is read."""
    if len(text) > MAX_STUDY_BYTES:
        found, expected = f"{len(text):,} characters", f"at most {MAX_STUDY_BYTES:,}"
        raise StudyError("too large for a study file", found=found, expected=expected, where=name)


def to_yaml(values: Any) -> str:
    """Plain values as YAML text. Raises StudyError for values that YAML cannot hold."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # keeps the order of the keys
    stream = io.StringIO()
    try:
        yaml.dump(values, stream)
    except RepresenterError as error:
        raise StudyError(f"a value that a study cannot have: {error}") from None
    return stream.getvalue()


def from_values(values: Mapping[str, Any], name: str = "study") -> Document:
    """A document of a study that was built in Python."""
    plain = _as_written(values)
    return Document(name, to_yaml(plain), plain, {})


def _as_written(value: Any) -> Any:
    """Values built in Python as a file has them: numbers of NumPy as numbers, whole numbers as keys as text."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {_as_key(key): _as_written(item) for key, item in value.items()}
    return [_as_written(item) for item in value] if isinstance(value, list | tuple) else value


def _as_key(key: Any) -> Any:
    return str(key) if isinstance(key, int | np.integer) and not isinstance(key, bool) else key


def _plain(node: Any, location: Location, lines: dict[Location, int], name: str) -> Any:
    """The node as plain Python; adds the line of every key and item to `lines`."""
    if len(lines) > MAX_STUDY_VALUES:
        expected, hint = f"at most {MAX_STUDY_VALUES:,}", "An alias counts as all values that it repeats."
        raise StudyError("too many values", expected=expected, where=_place(location, lines, name), hint=hint)
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag:
        raise StudyError("a YAML tag, which a study cannot have", found=tag, where=_place(location, lines, name))
    if isinstance(node, Mapping):
        texts: dict[Any, str] = {}
        for key in node:
            line = _line(node, key)
            texts[key] = _key_text(key, f"{name} line {line}")
            if (*location, texts[key]) in lines:
                raise StudyError("a key given twice", found=repr(texts[key]), where=f"{name} line {line}")
            lines[(*location, texts[key])] = line
        return {texts[key]: _plain(value, (*location, texts[key]), lines, name) for key, value in node.items()}
    if isinstance(node, list):
        for index in range(len(node)):
            lines[(*location, index)] = node.lc.item(index)[0] + 1  # type: ignore[attr-defined]
        return [_plain(value, (*location, index), lines, name) for index, value in enumerate(node)]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    if node is not None:
        found = type(node).__name__
        raise StudyError(f"a value of type {found}, which a study cannot have", where=_place(location, lines, name))
    return node


def _line(node: Any, key: Any) -> int:
    """The line of a key in a mapping; of the mapping for a key that a merge (`<<: *anchor`) brings."""
    own = (node.lc.data or {}).get(key)
    return int(own[0] if own else node.lc.line) + 1


def _key_text(key: Any, place: str) -> str:
    """A key as text: a number is the name of a class, as in Keras's `{0: 2, 1: 1}`."""
    if isinstance(key, str):
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(int(key))
    hint = f"If it is a name, quote it: {str(key).lower()!r}." if isinstance(key, bool | float) else None
    raise StudyError("a key must be text or a whole number", found=repr(key), where=place, hint=hint)


def _place(location: Location, lines: Mapping[Location, int], name: str) -> str:
    return f"{name} line {lines[location]}" if location in lines else name


def _overridden(values: dict[str, Any], override: str) -> dict[str, Any]:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise StudyError("--set takes KEY.KEY=VALUE", found=repr(override))
    value = parse(f"value: {text}", f"--set {override}").values["value"]
    replaced: dict[str, Any] = _replaced(values, path.split("."), value, override)
    return replaced


def _replaced(node: Any, path: Sequence[str], value: Any, override: str) -> Any:
    """`node` with the value at `path` replaced; missing keys are added (the schema checks them)."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        if not head.isdigit() or int(head) >= len(node):
            raise StudyError(f"--set {override}: no item {head!r}", expected=f"0 to {len(node) - 1}")
        return [_replaced(item, rest, value, override) if i == int(head) else item for i, item in enumerate(node)]
    if node is not None and not isinstance(node, dict):
        raise StudyError(f"--set {override}: {head!r} is below a value without keys", found=repr(node))
    inner = node or {}
    return {**inner, head: _replaced(inner.get(head), rest, value, override)}


def _outwards(location: Location) -> Iterable[Location]:
    return (location[:length] for length in range(len(location), 0, -1))
