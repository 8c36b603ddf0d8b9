"""The JSON Schema of a model, in which every value may be one to search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import GetJsonSchemaHandler

Schema = dict[str, Any]
NUMBERS = ("number", "integer")
KEYS_OF_SEARCH = ("search",)
LONGEST_OPTION = 500
"""Characters of a schema that is repeated for the options of a choice; longer ones would double at every level."""
NUMBER: Schema = {"type": "number"}
ENDS: Schema = {
    "anyOf": [
        {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2},
        {
            "type": "object",
            "properties": {"low": NUMBER, "high": NUMBER, "step": NUMBER},
            "required": ["low", "high"],
            "additionalProperties": False,
        },
    ]
}


def searchable(reference: Mapping[str, Any], handler: GetJsonSchemaHandler) -> Schema:
    """The schema of a model, changed in place with all definitions that it refers to."""
    _accept_inside(handler.resolve_ref_schema(dict(reference)), handler, set())
    return dict(reference)


def _accept_inside(schema: Schema, handler: GetJsonSchemaHandler, seen: set[int]) -> None:
    """Lets every value below `schema` be searched; seen: definitions that already do, by object."""
    if id(schema) in seen:
        return
    seen.add(id(schema))
    if "$ref" in schema:
        _accept_inside(handler.resolve_ref_schema(schema), handler, seen)
    for alternatives in ("anyOf", "oneOf"):
        for branch in schema.get(alternatives, ()):
            _accept_inside(branch, handler, seen)
    properties = schema.get("properties", {})
    for key in properties:
        if key not in KEYS_OF_SEARCH:
            _accept_inside(properties[key], handler, seen)
            properties[key] = _or_searched(properties[key], properties[key])
    if isinstance(schema.get("items"), dict):
        item = schema["items"]
        _accept_inside(item, handler, seen)
        schema["items"] = _or_searched(item, {"anyOf": [item, {"type": "array", "items": item}]})


def _or_searched(plain: Schema, option: Schema) -> Schema:
    """`plain`, or a value to search whose options are `option` or values again."""
    ranges = [_named(word, ENDS) for word in ("log", "range")] if _is_number(plain) else []
    inner = {"type": "object", "properties": {"choice": {"type": "array"}}, "required": ["choice"]}
    items = {"anyOf": [option, *ranges, inner]} if len(str(option)) < LONGEST_OPTION else {}
    options = {"type": "array", "minItems": 1, "items": items}
    about: Schema = {key: plain[key] for key in ("default", "description", "title") if key in plain}
    return {**about, "anyOf": [plain, _named("choice", options), *ranges]}


def _named(word: str, written: Schema) -> Schema:
    return {"type": "object", "properties": {word: written}, "required": [word], "additionalProperties": False}


def _is_number(schema: Schema) -> bool:
    branches = [schema, *schema.get("anyOf", ())]
    return any(branch.get("type") in NUMBERS for branch in branches)
