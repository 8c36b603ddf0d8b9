"""The name of a study, read before anything slow is imported: it determines the run directory."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from snellen.limits import MAX_STUDY_BYTES

KEY = "study"


def name_of(source: str, overrides: Sequence[str] = ()) -> str | None:
    """The name of a study file or a shipped study, with overrides as for --set; None where it cannot be read this way:
    then `open_document` reports what is wrong."""
    given = [override.partition("=")[2] for override in overrides if override.startswith(f"{KEY}=")]
    try:
        values = YAML(typ="safe", pure=True).load(f"{KEY}: {given[-1]}" if given else _text(source))
    except (OSError, ValueError, YAMLError, RecursionError):
        return None
    name = values.get(KEY) if isinstance(values, dict) else None
    return name if isinstance(name, str) else None


def _text(source: str) -> str:
    path = Path(source)
    if not path.is_file():
        return (files("snellen") / "studies" / f"{Path(source).name}.yaml").read_text(encoding="utf-8")
    return path.read_bytes().decode("utf-8") if path.stat().st_size <= MAX_STUDY_BYTES else ""
