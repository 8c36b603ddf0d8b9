"""Protects what a study may say about its data: what it means for reading, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from snellen.data.groups import Group
from snellen.data.resizing import Resizing
from snellen.errors import StudyError
from snellen.study.data_settings import options_of, split_of
from snellen.study.document import parse
from snellen.study.schema import StudyFile

SCHEMA = StudyFile.model_json_schema()
CACHE_KEYS = {"resizing": "fit"}
"""Options that have another name in the keys of caches."""


def study(data: str) -> StudyFile:
    return parse(f"study: s\ndata: {{source: x, {data}}}\nmodels: {{m: {{layers: linear}}}}\n", "f").study()


@pytest.mark.parametrize(
    ("written", "option", "value"),
    [
        ("resize: 32", "resizing", Resizing(step="resize", height=32, width=32)),
        ("crop: [20, 30]", "resizing", Resizing(step="crop", height=20, width=30)),
        ("pad: 32", "resizing", Resizing(step="pad", height=32, width=32)),
        ("classes: [cat, dog]", "classes", ("cat", "dog")),
        ("classes: [7, 1, '01']", "classes", ("7", "1", "01")),
        ("group: patient", "group", Group(column="patient")),
        ("group: 2", "group", Group(level=2)),
        ("group: {pattern: 'p(\\d+)'}", "group", Group(pattern=r"p(\d+)")),
        ("grey: true", "grey", True),
        ("background: white", "background", "white"),
        ("on_bad_image: exclude", "on_bad_image", "exclude"),
    ],
)
def test_what_it_means(written: str, option: str, value: Any) -> None:
    options = options_of(study(written))
    assert getattr(options, option) == value
    unsaid = options_of(study("kind: folder")).as_json()
    assert {key for key, found in options.as_json().items() if found != unsaid[key]} == {CACHE_KEYS.get(option, option)}
    document = parse(f"study: s\ndata: {{source: x, {written}}}\nmodels: {{m: {{layers: linear}}}}\n", "f")
    jsonschema.validate(document.values, SCHEMA)


def test_near_duplicates_belong_to_the_split() -> None:
    assert split_of(study("near_duplicates: together")).near_duplicates == "together"
    assert split_of(study("kind: folder")).near_duplicates is None


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("resize: 0", r"`resize` of `data` must be"),
        ("resize: 1000", r"`resize` of `data` must be"),
        ("resize: 32, pad: 32", r"more than one of resize, resize_crop, crop and pad; found resize and pad"),
        ("classes: [cat]", r"`classes` of `data` must have 2 or more items"),
        ("group: {level: 1, column: x}", r"`group` needs exactly one key; found column and level"),
        ("group: {pattern: '('}", r"not a regular expression"),
        ("group: {}", r"expected column, level or pattern"),
        ("on_bad_image: skip", r"`on_bad_image` of `data` must be 'exclude'; got 'skip'"),
        ("background: red", r"`background` of `data` must be 'black' or 'white'; got 'red'"),
        ("resise: 32", r"unknown key `resise` of `data`; did you mean `resize`"),
    ],
)
def test_what_is_refused(written: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        study(written)
