"""The model bundle: model.safetensors, model.json and card.md, in a folder or a zip; deploy/load_bundle.py reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, model_validator

from snellen.data.inspect.polarity import Polarity
from snellen.errors import BundleError
from snellen.files.atomic import json_text, write_bytes, write_text
from snellen.files.hashing import identity
from snellen.limits import (
    MAX_CLASSES,
    MAX_DESCRIPTION_BYTES,
    MAX_LAYERS,
)
from snellen.models.build import Network, assemble
from snellen.models.bundle_optional_sections import Sections, Sha256
from snellen.models.input_contract import Input as Input
from snellen.models.parts import AnyPart

WEIGHTS, DESCRIPTION, CARD = "model.safetensors", "model.json", "card.md"
FAMILIARITY = "familiarity.safetensors"


class Description(BaseModel):
    """model.json, in the lowest version that can hold it: 1 without sections, 2 with some.

    tone: that of the training images. data_sha256: fingerprint of the data set that the training images are a part
    of. Both where it was noted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    format: Literal["snellen-model"] = "snellen-model"
    version: Literal[1, 2] = 1
    name: Annotated[str, Field(max_length=200)]
    study: Annotated[str, Field(max_length=200)]
    job: Annotated[str, Field(max_length=200)]
    input: Input
    classes: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_CLASSES)]
    layers: Annotated[tuple[AnyPart, ...], Field(min_length=1, max_length=MAX_LAYERS), FailFast()]
    weights_sha256: Sha256
    tone: Polarity | None = None
    data_sha256: Sha256 | None = None
    sections: Sections | None = None

    @model_validator(mode="before")
    @classmethod
    def _lowest_version(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"version": 2 if values.get("sections") else 1, **values}

    @model_validator(mode="after")
    def _has_sections(self) -> Description:
        if self.version != (2 if self.sections else 1):
            raise ValueError("sections make version 2, and version 2 has some")
        return self

    @model_validator(mode="after")
    def _sections_fit(self) -> Description:
        names = [each.class_name for each in (self.sections.thresholds if self.sections else None) or ()]
        unknown = [name for name in names if name is not None and name not in self.classes]
        if unknown:
            raise ValueError(f"a threshold for {unknown[0]!r}, which is no class")
        if len(set(names)) < len(names):
            raise ValueError("two thresholds for one class")
        return self

    @model_validator(mode="after")
    def _classes_differ(self) -> Description:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class name twice")
        return self

    def text(self) -> str:
        """model.json: the values, and the hash of them. Raises BundleError when it is longer than is ever read."""
        values = self.model_dump(mode="json", exclude={"sections"})
        if self.sections:
            values["sections"] = self.sections.model_dump(mode="json", exclude_none=True)
        text = json_text({**values, "sha256": identity(values)})
        if len(text.encode()) > MAX_DESCRIPTION_BYTES:
            found, expected = f"{len(text.encode()):,} bytes", f"at most {MAX_DESCRIPTION_BYTES:,} bytes"
            hint = "Give the classes shorter names."
            raise BundleError("the description of the model is too long", found=found, expected=expected, hint=hint)
        return text

    def network(self) -> Network:
        """Raises ShapeError when the layers do not fit each other, the input or the classes, or are too large."""
        return assemble(self.layers, (self.input.height, self.input.width, self.input.channels), len(self.classes))


def save_bundle(
    folder: Path, description: Description, weights: bytes, card: str, familiarity: bytes | None = None
) -> None:
    """Writes a bundle; model.json, which holds the hashes of the weights and of its own values, last. familiarity: the
    arrays of the section of this name, where the description has one."""
    write_bytes(folder / WEIGHTS, weights)
    if familiarity is not None:
        write_bytes(folder / FAMILIARITY, familiarity)
    write_text(folder / CARD, card)
    write_text(folder / DESCRIPTION, description.text())
