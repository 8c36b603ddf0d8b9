"""Protects the sections of bundles: a known one is never ignored, an unknown one is refused, none is version 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from snellen.deploy.load_bundle import load_bundle
from snellen.errors import BundleError
from snellen.files.hashing import identity
from snellen.models.bundle import DESCRIPTION, Description, Input
from snellen.models.bundle_optional_sections import APPLIED, Sections
from snellen.models.layers import Dense

FITTED = {"role": "validation", "images": 300}
SECTIONS: dict[str, Any] = {
    "temperature": {"value": 1.5, **FITTED},
    "thresholds": [
        {
            **{"measure": "accuracy", "target": 0.99, "threshold": 0.75, "provable": 0.991},
            **{"delta": 0.05, "hits": 400, "accepted": 400},
        }
    ],
    "familiarity": {
        **{"pixel_limit": 1.5, "layer": "dense_1", "layer_limit": 1.25, "rate": 0.01, **FITTED},
        "arrays_sha256": "a" * 64,
    },
    "plug_ins": [{"kind": "layer", "name": "mish", "package": "my-layers", "version": "1.0"}],
    "on_purpose": ["keep_last_epoch"],
}
WRONG = (
    ("temperature", "value", 0),
    ("temperature", "value", 1e9),
    ("temperature", "role", "test"),
    ("temperature", "images", 0),
    ("temperature", "code", "import os"),
    ("thresholds", "class_name", "fish"),
    ("thresholds", "measure", "eval"),
    ("thresholds", "threshold", 1.5),
    ("thresholds", "threshold", "0.5"),
    ("thresholds", "delta", 0),
    ("thresholds", "accepted", 10**12),
    ("thresholds", "hits", -1),
    ("familiarity", "layer", "../../etc"),
    ("familiarity", "layer", None),
    ("familiarity", "pixel_limit", 0),
    ("familiarity", "layer_limit", None),
    ("familiarity", "layer_limit", 1e30),
    ("familiarity", "rate", 0),
    ("familiarity", "rate", 0.9),
    ("familiarity", "role", "test"),
    ("familiarity", "images", 10**12),
    ("familiarity", "arrays_sha256", "nonsense"),
)


def description(**changes: Any) -> Description:
    values: dict[str, Any] = {
        **{"name": "m", "study": "s", "job": "j", "classes": ("cat", "dog"), "weights_sha256": "c" * 64},
        "input": Input(height=8, width=8, channels=1, pixel_range=(0, 16)),
        "layers": (Dense(units=2),),
    }
    return Description(**values, **changes)


def stored(tmp_path: Path, text: str) -> Path:
    (tmp_path / DESCRIPTION).write_text(text)
    return tmp_path


def signed(values: dict[str, Any]) -> str:
    return json.dumps({**values, "sha256": identity(values)})


def test_every_section_is_in_these_tests() -> None:
    assert SECTIONS.keys() == Sections.model_fields.keys()


def test_without_a_section_the_file_is_that_of_version_1() -> None:
    written = json.loads(description().text())
    assert written["version"] == 1 and "sections" not in written


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_makes_version_2_and_comes_back(name: str) -> None:
    one = description(sections={name: SECTIONS[name]})
    written = json.loads(one.text())
    assert written["version"] == 2 and written["sections"] == {name: SECTIONS[name]}
    del written["sha256"]
    assert Description.model_validate(written) == one


@pytest.mark.parametrize("name", sorted(SECTIONS.keys() - APPLIED))
def test_a_section_that_is_not_applied_is_never_ignored(tmp_path: Path, name: str) -> None:
    folder = stored(tmp_path, description(sections={name: SECTIONS[name]}).text())
    with pytest.raises(BundleError, match=f"does not apply the {name} of this bundle.*needs a newer Snellen"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "found"),
    [({"version": 3}, "3"), *(({"sections": {name: {}}}, name) for name in ("magic", "backbone", "preparation"))],
)
def test_a_later_format_is_refused_with_words(tmp_path: Path, change: dict[str, Any], found: str) -> None:
    values = json.loads(description(sections={"temperature": SECTIONS["temperature"]}).text())
    del values["sha256"]
    folder = stored(tmp_path, signed({**values, **change}))
    with pytest.raises(BundleError, match=f"found {found}.*This bundle needs a newer Snellen"):
        load_bundle(folder)


@pytest.mark.parametrize(("section", "key", "value"), WRONG)
def test_values_outside_the_schema_are_refused(tmp_path: Path, section: str, key: str, value: Any) -> None:
    values = json.loads(description(sections={section: SECTIONS[section]}).text())
    del values["sha256"]
    found = values["sections"][section]
    (found[0] if section == "thresholds" else found)[key] = value
    with pytest.raises(BundleError, match="not a model description"):
        load_bundle(stored(tmp_path, signed(values)))


@pytest.mark.parametrize("change", [{"version": 1}, {"sections": None}, {"sections": {}}])
def test_the_version_is_the_lowest_that_holds_it(tmp_path: Path, change: dict[str, Any]) -> None:
    values = json.loads(description(sections={"temperature": SECTIONS["temperature"]}).text())
    del values["sha256"]
    with pytest.raises(BundleError, match="not a model description"):
        load_bundle(stored(tmp_path, signed({**values, **change})))
