"""`--set` options for advice: each is tried on the study as it was written before it is advised."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from snellen.errors import SnellenError, StudyError
from snellen.evaluate.record import RunRecord
from snellen.files.stored import read_text
from snellen.study.differences import differences
from snellen.study.document import Document, parse
from snellen.study.schema import Model, StudyFile

Overrides = Sequence[str]
"""What follows each `--set`: models.cnn.train.epochs=3"""


def first_accepted(
    record: RunRecord, candidates: Iterable[Overrides], fits: Callable[[StudyFile], bool] = lambda study: True
) -> str | None:
    """The first of the candidates that the study accepts, and that `fits`, as one line; None where there is none."""
    document = written_study(record)
    for overrides in candidates:
        study = _with(document, overrides)
        if study is not None and fits(study):
            return " ".join(f"--set {shlex.quote(one)}" for one in overrides)
    return None


def changing(record: RunRecord, model: str, key: str, value: Any) -> str | None:
    """The line that gives the last phase of a model another value of a key of `train`, and changes nothing else of
    that model."""
    base = _with(written_study(record), ())
    if base is None or model not in base.models:
        return None
    old = base.models[model]
    places = [f"models.{model}.train", f"models.{model}.train.{len(old.train) - 1}", "train"]

    def fits(study: StudyFile) -> bool:
        return [one.path.rpartition(".")[2] for one in differences(old, study.models[model])] == [key]

    return first_accepted(record, ([f"{place}.{key}={yaml_line(value)}"] for place in places), fits)


def another_model(record: RunRecord, name: str, model: Model, like: tuple[str, str, Any]) -> str | None:
    """The line that adds a model to the study. like: a model as it is written, the path of a setting below it and its
    value, which may say the same in fewer words."""
    whole = model.model_dump(mode="json", exclude={"search"})
    short = model.model_dump(mode="json", exclude={"search"}, exclude_defaults=True) | {"train": whole["train"]}
    document = written_study(record)
    written = document.values.get("models", {}).get(like[0])
    copied = {key: value for key, value in written.items() if key != "search"} if isinstance(written, dict) else None
    for path, value in {**record.found.models.get(like[0], {}), like[1]: like[2]}.items():
        copied = with_value(copied, path, value)
    candidates = [copied, _without_given(document, name, short, model), short, whole]
    lines = ([f"models.{name}={yaml_line(one)}"] for one in candidates if one is not None)
    return first_accepted(record, lines, lambda study: _is(study, name, model))


def with_value(written: Any, path: str, value: Any) -> Any:
    """A copy with another value at a path of keys and numbers; keys that are missing are added. None where the path
    leads below a value without keys."""
    key, _, rest = path.partition(".")
    if isinstance(written, list):
        if not key.isdigit() or int(key) >= len(written):
            return None
        inner = with_value(written[int(key)], rest, value) if rest else value
        return None if inner is None and rest else [*written[: int(key)], inner, *written[int(key) + 1 :]]
    if not isinstance(written, dict):
        return None
    inner = with_value(written.get(key, {}), rest, value) if rest else value
    return None if inner is None and rest else {**written, key: inner}


def _without_given(document: Document, name: str, written: dict[str, Any], model: Model) -> dict[str, Any]:
    """The model without the keys of `train` that the study gives it anyway."""
    found = written
    for key in written["train"] if isinstance(written["train"], dict) else ():
        train = {each: value for each, value in found["train"].items() if each != key}
        study = _with(document, [f"models.{name}={yaml_line({**found, 'train': train})}"])
        if study is not None and _is(study, name, model):
            found = {**found, "train": train}
    return {key: value for key, value in found.items() if key != "train" or value}


def _is(study: StudyFile, name: str, model: Model) -> bool:
    found = study.models[name]
    return found.search is None and not differences(found, model)


def _with(document: Document, overrides: Overrides) -> StudyFile | None:
    """The study with these overrides; None where they are refused."""
    try:
        return document.study(overrides)
    except StudyError:
        return None


def written_study(record: RunRecord) -> Document:
    """The study file of the run, else the resolved one."""
    path = record.folder / "study.yaml"
    try:
        text = read_text(path) if path.is_file() else record.resolved
        return parse(text, path.name)
    except SnellenError:
        return parse(record.resolved, "resolved.yaml")


def yaml_line(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {yaml_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(yaml_line, value)) + "]"
    if isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum() and not value[0].isdigit():
        return value if value.lower() not in ("yes", "no", "true", "false", "on", "off", "null") else json.dumps(value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return json.dumps(value)


def _key(key: Any) -> str:
    text = str(key)
    return text if text.replace("_", "").isalnum() and not text[0].isdigit() else json.dumps(text)
