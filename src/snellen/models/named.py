"""How a study names a thing with arguments: `flatten`, `{max_pool: 2}` or `{conv: {filters: 6, kernel: 5}}`.

Layers, optimizers and schedules are written this way. Each is a frozen pydantic model with its ranges on its fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Union

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetJsonSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
)
from pydantic_core import CoreSchema, PydanticCustomError

from snellen.errors import StudyError, unknown


class Named(BaseModel):
    """Base of everything that is written as a name with arguments; subclasses are final.

    shorthand: the argument that may stand alone, `{max_pool: 2}`. identity_baseline: for fields added after a release,
    the value that reproduces what was done before; such values stay out of job identities.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    shorthand: ClassVar[str | None] = None
    identity_baseline: ClassVar[Mapping[str, Any]] = {}

    @property
    def name(self) -> str:
        """The name in the study file."""
        return str(self.kind)  # type: ignore[attr-defined]  # every subclass declares `kind: Literal[...]`

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {self.name: {written: getattr(self, field) for field, written in self.fields() if field != "kind"}}

    @classmethod
    def fields(cls) -> Iterator[tuple[str, str]]:
        """Each field, and the key that a study writes for it."""
        return ((field, about.alias or field) for field, about in cls.model_fields.items())

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        properties = dict(schema.get("properties", {}))
        name = properties.pop("kind", {}).get("const", cls.__name__)
        required = [field for field in schema.get("required", []) if field != "kind"]
        arguments = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        forms: list[dict[str, Any]] = [arguments]
        if cls.shorthand:
            forms.append(properties[cls.shorthand])
        named: dict[str, Any] = {"type": "object", "properties": {name: {"anyOf": forms}}, "required": [name]}
        named["additionalProperties"] = False
        return {"description": schema.get("description", ""), "anyOf": [named] + [{"const": name}] * (not required)}


def spread(item: Any, registry: Mapping[str, type[Named]], what: str) -> Any:
    """`item` as the study has it, as the keyword form that pydantic validates: {"kind": name, **arguments}.

    Raises UnknownName for a name that is not in `registry`, StudyError for anything that is not a name with arguments.
    """
    if isinstance(item, Named):
        return item
    if isinstance(item, str):
        item = {item: {}}
    if not isinstance(item, dict) or len(item) != 1:
        raise StudyError(f"a {what} is written as a name or as one name with arguments", found=repr(item))
    [(name, arguments)] = item.items()
    if name not in registry:
        raise unknown(what, str(name), registry)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        shorthand = registry[name].shorthand
        if shorthand is None:
            raise StudyError(f"{what} `{name}` takes named arguments", found=repr(arguments))
        arguments = {shorthand: arguments}
    return {**arguments, "kind": name}


def one_of(registry: Mapping[str, type[Named]], what: str) -> Any:
    """The type of a pydantic field that holds any one of a registry, written as above."""
    return Annotated[
        Union[tuple(registry.values())],  # noqa: UP007  # built from the registry
        Discriminator("kind"),
        BeforeValidator(lambda item: spread(item, registry, what)),
    ]


def in_one_sentence(forms: str) -> WrapValidator:
    """For a field with several forms: one sentence for all. Without it, each of them would complain."""

    def validated(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            raise PydanticCustomError("forms", f"Input should be {forms}") from error

    return WrapValidator(validated)


def identity_of(thing: Named) -> dict[str, Any]:
    """`thing` as JSON for a job's identity: all arguments, except those equal to their identity baseline.

    What is named inside, such as the layers of a skip, goes by the same rule.
    """
    [(name, arguments)] = thing.model_dump(mode="json").items()
    fields = {written: field for field, written in thing.fields()}
    kept = {
        field: _inside(getattr(thing, fields[field]), value)
        for field, value in arguments.items()
        if field not in thing.identity_baseline or value != thing.identity_baseline[field]
    }
    return {name: kept}


def _inside(value: Any, dumped: Any) -> Any:
    if isinstance(value, tuple):
        return [_inside(*both) for both in zip(value, dumped, strict=True)]
    return identity_of(value) if isinstance(value, Named) else dumped
