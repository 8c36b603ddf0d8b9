"""The JSON Schema of a model, in which every value may be one to search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetJsonSchemaHandler

Schema = dict[str, Any]
NUMBERS = ("number", "integer")
KEYS_OF_SEARCH = ("search",)
ABOUT = ("default", "description", "title")
LONGEST_OPTION = 200
"""Schemas with at most so many characters are repeated for the options of a choice; longer ones would double at every
level."""

ENDS: Schema = {"type": ["array", "object"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
ENDS |= {"required": ["low", "high"], "additionalProperties": {"type": "number"}}
"""[low, high], or {low:, high:, step:}."""


def searchable(reference: Mapping[str, Any], handler: GetJsonSchemaHandler) -> Schema:
    """Changes the schema of a model in place, with all definitions that it refers to; returns it."""
    _Change(handler).inside(dict(reference))
    return dict(reference)


@dataclass(frozen=True)
class _Change:
    """changed: the `id` of each schema that has been changed."""

    handler: GetJsonSchemaHandler
    changed: set[int] = field(default_factory=set)

    def inside(self, schema: Schema) -> None:
        """Allows a value to search everywhere below `schema`."""
        if "$ref" in schema:
            schema = self.handler.resolve_ref_schema(schema)
        if id(schema) in self.changed:
            return
        self.changed.add(id(schema))
        for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            self.inside(branch)
        properties = schema.get("properties", {})
        for key in properties:
            if key not in KEYS_OF_SEARCH:
                self.inside(properties[key])
                properties[key] = _or_searched(properties[key], [])
        if isinstance(schema.get("items"), dict):
            item = schema["items"]
            self.inside(item)
            schema["items"] = _or_searched(item, [{"type": "array", "items": item}])


def _or_searched(plain: Schema, more: list[Schema]) -> Schema:
    """Allows `plain` or a value to search, whose options are `plain`, `more` or nested values (any object)."""
    about = {key: plain[key] for key in ABOUT if key in plain}
    bare: Schema = {key: plain[key] for key in plain if key not in ABOUT}
    option = {"anyOf": [bare, *more, {"type": "object"}]} if _is_short(bare) else {}
    choice = _named("choice", {"type": "array", "minItems": 1, "items": option})
    ranges = [_named("log", ENDS), _named("range", ENDS)] if _is_number(plain) else []
    return {**about, "anyOf": [bare, choice, *ranges]}


def _named(word: str, written: Schema) -> Schema:
    return {"type": "object", "properties": {word: written}, "required": [word], "additionalProperties": False}


def _is_short(schema: Schema) -> bool:
    return len(str(schema)) < LONGEST_OPTION


def _is_number(schema: Schema) -> bool:
    branches = [schema, *schema.get("anyOf", ())]
    return any(branch.get("type") in NUMBERS for branch in branches)
